"""Errors as people and programs see them: a page with a sentence, or RFC 9457 problem details."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from clearbill.core.errors import Denied, NotFound, Refusal, Unacceptable, fill
from clearbill.scope.correlation import correlation_id

PROBLEM = "application/problem+json"
RETRY_AFTER_S = 5


class Unavailable(Refusal):
    """What's missing is ours, and comes back."""

    status = 503


def sentence_of(refusal: Refusal) -> str:
    """The refusal's sentence in the active language."""
    return fill(_(refusal.message), refusal.params)


def problem_of(refusal: Refusal) -> dict[str, object]:
    """RFC 9457 members, and our stable ``code``, ``field`` and correlation id."""
    problem: dict[str, object] = {
        "type": f"https://clearbill.example/problems/{refusal.code}",
        "title": refusal.code.replace("_", " "),
        "status": refusal.status,
        "detail": sentence_of(refusal),
        "code": refusal.code,
        "correlation_id": correlation_id(),
    }
    if refusal.field:
        problem["field"] = refusal.field
    return problem


def refusal_response(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """The answer for a refusal: problem details under ``/api/``, else a page. No cache keeps either."""
    if request.path.startswith("/api/"):
        text = json.dumps(problem_of(refusal), ensure_ascii=False)
        response = HttpResponse(text, status=refusal.status, content_type=PROBLEM)
    else:
        context = {"refusal": refusal, "sentence": sentence_of(refusal), "status": refusal.status}
        response = render(request, "errors/refusal.html", context, status=refusal.status)
    response["Cache-Control"] = "no-store"
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400 of what isn't served at all, such as a host's name that isn't ours."""
    return refusal_response(
        request,
        Unacceptable(
            "bad_request",
            "This request can't be understood, or it came under a name that this server doesn't answer to.",
        ),
    )


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404 of an address that leads nowhere."""
    return refusal_response(request, NotFound("not_found", "There is nothing at this address."))


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 of a form whose token is missing or stale."""
    return refusal_response(
        request,
        Denied(
            "form_expired",
            "This form is too old or came from elsewhere. Go back, load the page again and repeat.",
        ),
    )


def unavailable(request: HttpRequest) -> HttpResponse:
    """503 while the database is away: the same request may well be sent again."""
    response = refusal_response(
        request,
        Unavailable(
            "database_unavailable",
            "The database doesn't answer right now. Nothing half-done was kept; try again in a moment.",
        ),
    )
    response["Retry-After"] = str(RETRY_AFTER_S)
    return response


def server_error(request: HttpRequest, *_args: Any) -> HttpResponse:
    """500: says the correlation id, so that a report can be matched with the log."""
    if request.path.startswith("/api/"):
        body = {
            "title": "internal error",
            "status": 500,
            "code": "internal_error",
            "correlation_id": correlation_id(),
        }
        return HttpResponse(json.dumps(body), status=500, content_type=PROBLEM)
    return render(request, "errors/500.html", {"correlation_id": correlation_id()}, status=500)
