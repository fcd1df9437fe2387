"""The development mail box's store: one ``.eml`` file a mail in a folder, the newest few hundred."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.errors import MessageError
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import getaddresses
from itertools import count
from pathlib import Path

MAX_KEPT = 500
_NAME = re.compile(r"\d{20}-\d{1,9}")
_numbers = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """What's attached to a letter; ``number`` is its place among the attachments."""

    number: int
    name: str
    media_type: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail as the pages show it."""

    name: str
    subject: str
    sender: str
    to: str
    received_at: datetime
    headers: Sequence[tuple[str, str]] = ()
    text: str = ""
    html: str = ""
    files: Sequence[File] = ()


def put(folder: Path, content: bytes) -> None:
    """Store a mail; the oldest beyond ``MAX_KEPT`` go."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # letters let people in
    name = f"{time.time_ns():020d}-{next(_numbers)}"
    part = folder / f"{name}.part"
    part.write_bytes(content)
    os.replace(part, folder / f"{name}.eml")
    for old in _names(folder)[MAX_KEPT:]:
        (folder / f"{old}.eml").unlink(missing_ok=True)


def letters(folder: Path, *, first: int, limit: int) -> tuple[list[Letter], int]:
    """A page of letters, newest first, heads only; and how many there are."""
    names = _names(folder)
    parser = BytesParser(policy=policy.default)
    found = []
    for name in names[first : first + limit]:
        with (folder / f"{name}.eml").open("rb") as file:
            found.append(_head(name, parser.parse(file, headersonly=True)))
    return found, len(names)


def letter(folder: Path, name: str) -> Letter | None:
    """All of one letter; None when there's no such."""
    mail = _read(folder, name)
    if mail is None:
        return None
    head = _head(name, mail)
    return Letter(
        name=name,
        subject=head.subject,
        sender=head.sender,
        to=head.to,
        received_at=head.received_at,
        headers=[(key, _text(value)) for key, value in mail.items()],
        text=_body(mail, "plain"),
        html=_body(mail, "html"),
        files=[
            File(
                number=number,
                name=part.get_filename() or f"{number}",
                media_type=part.get_content_type(),
                size=len(_content(part)),
            )
            for number, part in enumerate(mail.iter_attachments())
        ],
    )


def attachment(folder: Path, name: str, number: int) -> tuple[str, str, bytes] | None:
    """Name, media type and content of an attachment."""
    mail = _read(folder, name)
    parts = [] if mail is None else list(mail.iter_attachments())
    if number >= len(parts):
        return None
    part = parts[number]
    return part.get_filename() or str(number), part.get_content_type(), _content(part)


def source(folder: Path, name: str) -> bytes | None:
    """A letter as it came."""
    path = folder / f"{name}.eml"
    return path.read_bytes() if _NAME.fullmatch(name) and path.is_file() else None


def _names(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted((path.stem for path in folder.glob("*.eml") if _NAME.fullmatch(path.stem)), reverse=True)


def _read(folder: Path, name: str) -> EmailMessage | None:
    content = source(folder, name)
    return None if content is None else BytesParser(policy=policy.default).parsebytes(content)  # type: ignore[return-value]


def _head(name: str, mail: EmailMessage) -> Letter:
    received_s = int(name.partition("-")[0]) // 1_000_000_000
    return Letter(
        name=name,
        subject=_text(mail.get("Subject", "")),
        sender=_text(mail.get("From", "")),
        to=", ".join(address for _name, address in getaddresses([_text(each) for each in mail.get_all("To", [])])),
        received_at=datetime.fromtimestamp(received_s, UTC),
    )


def _text(value: object) -> str:
    return str(value).encode("utf-8", "replace").decode()


def _body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    if part is None:
        return ""
    try:
        return _text(part.get_content())
    except (LookupError, MessageError, KeyError):  # a charset or encoding that Python doesn't know
        return _text(part.get_payload())


def _content(part: EmailMessage) -> bytes:
    found = part.get_payload(decode=True)
    return found if isinstance(found, bytes) else part.as_bytes()
