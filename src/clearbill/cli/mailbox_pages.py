"""The development mail box's pages: a list, a letter, its attachments. Read-only, for this machine, without scripts.

A letter's own page is shown in a frame without any rights: it can load nothing, run nothing and leave nowhere.
"""

from __future__ import annotations

import re
from functools import partial
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, quote, urlsplit

import django
from django.conf import settings
from django.template import Context, engines
from django.utils import translation
from django.utils.translation import gettext as _

from clearbill.cli import letters

PAGE = 50
HOSTS = ("127.0.0.1", "localhost")
LANGUAGES = ("en", "zh-hans")
COOKIE = "clearbill_language"  # the same as the console's, so that both speak one language
SAFE_TYPES = ("application/pdf", "image/png", "image/jpeg", "text/plain")
_ROOT = Path(__file__).resolve().parent.parent
_NOWHERE = "base-uri 'none'; form-action 'none'; "
PAGE_POLICY = (
    f"default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; {_NOWHERE}frame-ancestors 'none'"
)
LETTER_POLICY = (
    f"sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; {_NOWHERE}frame-ancestors 'self'"
)


class Answer(NamedTuple):
    """What goes back."""

    body: bytes
    media_type: str = "text/html; charset=utf-8"
    status: HTTPStatus = HTTPStatus.OK
    policy: str = PAGE_POLICY
    file_name: str = ""


def make_server(folder: Path, *, host: str, port: int) -> ThreadingHTTPServer:
    """The server over a folder of letters; ``serve_forever`` runs it. Raises OSError for a port that's taken."""
    set_django_up()
    server = ThreadingHTTPServer((host, port), partial(_Handler, folder))
    server.daemon_threads = True
    return server


def answer(folder: Path, path: str, *, query: dict[str, list[str]]) -> Answer:
    """What a path shows, in the active language."""
    match path.strip("/").split("/"):
        case [""]:
            return _list(folder, first=_number(query.get("from", ["0"])[0]))
        case ["letters", name]:
            return _letter(folder, name)
        case ["letters", name, "page"]:
            found = letters.letter(folder, name)
            return _missing() if found is None else Answer(found.html.encode(), policy=LETTER_POLICY)
        case ["letters", name, "source"]:
            content = letters.source(folder, name)
            return _missing() if content is None else Answer(content, "text/plain; charset=utf-8")
        case ["letters", name, "files", number]:
            return _file(folder, name, number)
        case [("clearbill.css" | "logo.svg" | "icons.svg") as name]:
            kind = "text/css" if name.endswith("css") else "image/svg+xml"
            return Answer((_ROOT / "web" / "static" / name).read_bytes(), kind)
        case ["mailbox.css"]:
            return Answer((_ROOT / "cli" / "templates" / "mailbox" / "mailbox.css").read_bytes(), "text/css")
    return _missing()


class _Handler(BaseHTTPRequestHandler):
    """Reads a request, chooses the language, writes the answer."""

    server_version = "Clearbill"
    sys_version = ""

    def __init__(self, folder: Path, *arguments: object) -> None:
        self._folder = folder
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """All there is: nothing can be changed here."""
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        with translation.override(self._language(query)):
            # a name of somebody else's that leads here could read the mails
            host = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
            found = answer(self._folder, parts.path, query=query) if host in HOSTS else _missing()
        self._write(found, chosen=query.get("lang", [""])[0])

    def log_message(self, *_arguments: object) -> None:
        """Requests aren't worth a line."""

    def _language(self, query: dict[str, list[str]]) -> str:
        try:
            cookie = SimpleCookie(self.headers.get("Cookie", "")).get(COOKIE)
        except CookieError:
            cookie = None
        wished = self.headers.get("Accept-Language", "").lower().startswith("zh")
        for wanted in (query.get("lang", [""])[0], cookie.value if cookie else "", "zh-hans" if wished else ""):
            if wanted in LANGUAGES:
                return wanted
        return "en"

    def _write(self, found: Answer, *, chosen: str) -> None:
        self.send_response(found.status)
        self.send_header("Content-Type", found.media_type)
        self.send_header("Content-Length", str(len(found.body)))
        self.send_header("Content-Security-Policy", found.policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-store")
        if found.file_name:
            self.send_header("Content-Disposition", f"attachment; filename*=UTF-8''{quote(found.file_name, safe='')}")
        if chosen in LANGUAGES:
            self.send_header("Set-Cookie", f"{COOKIE}={chosen}; Path=/; SameSite=Lax; Max-Age=31536000")
        self.end_headers()
        self.wfile.write(found.body)


def _list(folder: Path, *, first: int) -> Answer:
    found, total = letters.letters(folder, first=first, limit=PAGE)
    return _page(
        "list",
        letters=found,
        total=total,
        kept=letters.MAX_KEPT,
        newer=max(0, first - PAGE) if first else None,
        older=first + PAGE if first + PAGE < total else None,
    )


def _letter(folder: Path, name: str) -> Answer:
    found = letters.letter(folder, name)
    return _missing() if found is None else _page("letter", letter=found)


def _file(folder: Path, name: str, number: str) -> Answer:
    found = letters.attachment(folder, name, _number(number))
    if found is None:
        return _missing()
    file_name, kind, content = found
    return Answer(content, kind if kind in SAFE_TYPES else "application/octet-stream", file_name=file_name)


def _missing() -> Answer:
    return _page("missing", status=HTTPStatus.NOT_FOUND)


def _page(name: str, *, status: HTTPStatus = HTTPStatus.OK, **words: object) -> Answer:
    template = engines["django"].engine.get_template(f"mailbox/{name}.html")
    context = Context({**words, "language": translation.get_language(), "site": _("Mail box")})
    return Answer(template.render(context).encode(), status=status)


def _number(text: str) -> int:
    return int(text) if re.fullmatch(r"\d{1,6}", text) else 0


def set_django_up() -> None:
    """Only templates and languages: the box starts before the database, and needs none."""
    if settings.configured:
        return
    settings.configure(
        USE_I18N=True,
        USE_TZ=True,
        TIME_ZONE="UTC",
        LANGUAGE_CODE="en",
        LANGUAGES=[(code, code) for code in LANGUAGES],
        LOCALE_PATHS=[_ROOT / "web" / "locale"],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "DIRS": [_ROOT / "cli" / "templates"],
                "OPTIONS": {"builtins": ["django.templatetags.i18n", "clearbill.web.templatetags.clearbill"]},
            }
        ],
    )
    django.setup()
