"""No card number comes in: not in a form, an API body, or an address. Refused before anything is read, stored or logged.

Numbers are also found percent-encoded, in JSON's escapes, and in other scripts' digits; see ``core.card_number``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote, unquote_plus

from django.http import HttpRequest, HttpResponse

from clearbill.core.card_number import holds_card_number
from clearbill.core.errors import Malformed
from clearbill.web.errors import refusal_response

Handler = Callable[[HttpRequest], HttpResponse]
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
SHORTEST = 12


def card_guard(get_response: Handler) -> Handler:
    """Middleware; stands before whatever looks at a body."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if not (_in_address(request) or _in_body(request)):
            return get_response(request)
        request.META["QUERY_STRING"] = ""
        refusal = Malformed(
            "card_number_refused",
            "This holds a payment card number. Card numbers are typed at the payment service only: take it out.",
        )
        response = refusal_response(request, refusal)
        response._has_been_logged = True  # type: ignore[attr-defined]  # Django would log the address
        return response

    return middleware


def _in_address(request: HttpRequest) -> bool:
    return holds_card_number(unquote(request.path)) or holds_card_number(
        unquote_plus(request.META.get("QUERY_STRING", ""))
    )


def _in_body(request: HttpRequest) -> bool:
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return False
    body = request.body
    if len(body) < SHORTEST:
        return False
    text = body.decode("utf-8", "replace")
    if request.content_type == "application/x-www-form-urlencoded":
        text = unquote_plus(text)
    if "\\u" in text:
        text = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
    return holds_card_number(text)
