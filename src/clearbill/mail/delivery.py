"""A stored message over SMTP: how the mail is put together, and what a failure means. Writes nothing.

A message always has the same Message-ID, so that whoever gets it twice (we died between sending and writing it down)
can tell that it's one mail.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import formataddr, parseaddr
from smtplib import SMTPDataError, SMTPException, SMTPNotSupportedError, SMTPRecipientsRefused, SMTPServerDisconnected

from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from clearbill.mail.models import Message
from clearbill.mail.rendering import LANGUAGES, MAX_NAME, one_line
from clearbill.scope.ids import show_id

PERMANENT = 500
MAX_FILE_NAME = 100
MAX_PROBLEM = 300
# what the transport may raise; anything else is a fault of ours
TRANSPORT_ERRORS = (OSError, SMTPException)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that goes with a mail."""

    name: str
    content: bytes
    media_type: str = "application/pdf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a mail didn't go: ``permanent`` means that this mail never will, ``server`` that no other would either."""

    problem: str
    permanent: bool = False
    server: bool = False


def email_of(
    row: Message, *, seller_name: str, reply_to: str, attachments: Sequence[Attachment]
) -> EmailMultiAlternatives:
    """The mail of a stored message, from the seller's name at our address."""
    _, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    headers = {
        "Message-ID": message_id_of(row),
        "Auto-Submitted": "auto-generated",
        "Content-Language": LANGUAGES.get(row.language, row.language),
    }
    mail = EmailMultiAlternatives(
        subject=one_line(row.subject),
        body=row.text,
        from_email=formataddr((one_line(seller_name, limit=MAX_NAME), address)),
        to=[row.recipient],
        reply_to=[reply_to] if reply_to else None,
        headers=headers,
    )
    mail.attach_alternative(row.html, "text/html")
    for each in attachments:
        mail.attach(_file_name(each.name), each.content, each.media_type)
    return mail


def message_id_of(row: Message) -> str:
    """``<msg_…@domain>``: the same for every try."""
    _, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    return f"<{show_id('message', row.id)}@{address.rpartition('@')[2] or 'localhost'}>"


def failure_of(error: Exception) -> Failure:
    """What an error of the transport means for this mail and for the next ones."""
    problem = one_line(f"{type(error).__name__}: {error}", limit=MAX_PROBLEM)
    match error:
        case SMTPRecipientsRefused():
            codes = [code for code, _reason in error.recipients.values()]
            return Failure(problem=problem, permanent=bool(codes) and min(codes) >= PERMANENT)
        case SMTPDataError():
            return Failure(problem=problem, permanent=error.smtp_code >= PERMANENT)
        case SMTPNotSupportedError() | UnicodeError() | ValueError():
            return Failure(problem=problem, permanent=True)
        case SMTPServerDisconnected() | SMTPException() | OSError():
            return Failure(problem=problem, server=True)
    return Failure(problem=problem)


def _file_name(name: str) -> str:
    """A name that no system takes for a path."""
    return re.sub(r'[\\/:*?"<>|]+', "-", one_line(name, limit=MAX_FILE_NAME)).strip(". ") or "document"
