"""Words into a mail: subject, text and page from one pair of templates, in one language, safe to put on the wire.

A kind ``x`` has ``mail/x.txt``, whose first line is the subject, and ``mail/x.html``. Nothing is stored or sent here.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from django.template import Context, engines
from django.utils import translation

from clearbill.core.errors import Fault

KINDS = ("invoice_issued", "credit_note_issued", "receipt", "refund_sent", "portal_sign_in", "invitation")
LANGUAGES = {"en": "en", "zh-Hans": "zh-hans"}
MAX_SUBJECT = 150
MAX_NAME = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What a mail says."""

    subject: str
    text: str
    html: str


def render(kind: str, *, language: str, context: Mapping[str, object]) -> Rendered:
    """The mail ``kind`` in ``language`` (``en`` or ``zh-Hans``). Raises Fault for a kind or language that isn't there."""
    if kind not in KINDS or language not in LANGUAGES:
        raise Fault(f"there is no mail {kind!r} in {language!r}")
    with translation.override(LANGUAGES[language]):
        words = {**context, "language": language}
        # of a text nothing may be escaped, and of a page everything
        text = _fill(f"mail/{kind}.txt", Context(words, autoescape=False))
        subject, _, body = text.lstrip().partition("\n")
        html = _fill(f"mail/{kind}.html", Context({**words, "subject": one_line(subject)}))
    return Rendered(
        subject=one_line(subject, limit=MAX_SUBJECT), text=_clean(body).strip() + "\n", html=_clean(html).strip() + "\n"
    )


def one_line(text: str, *, limit: int = MAX_SUBJECT) -> str:
    """``text`` as a header may carry it: without line breaks or other controls, cut with ``…`` above ``limit``."""
    visible = "".join(" " if _is_break(letter) else letter for letter in text)
    plain = " ".join(_clean(visible).split())
    return plain if len(plain) <= limit else plain[: limit - 1].rstrip() + "…"


def _fill(template: str, context: Context) -> str:
    return str(engines["django"].engine.get_template(template).render(context))


def _is_break(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Zl", "Zp")


def _clean(text: str) -> str:
    """Without NUL and other controls, which PostgreSQL or a mail reader refuses, and without halves of characters."""
    return "".join(letter for letter in text if letter in "\n\t" or unicodedata.category(letter) not in ("Cc", "Cs"))
