"""What every request passes: correlation, body limit, language, and refusals as answers.

Kept as plain functions; each says what it's for in its docstring.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.middleware.locale import LocaleMiddleware
from django.utils import translation

from clearbill.core.errors import Refusal, TooLarge
from clearbill.scope.correlation import correlated
from clearbill.web.errors import refusal_response, unavailable
from clearbill.web.health import healthz, readyz

Handler = Callable[[HttpRequest], HttpResponse]
log = logging.getLogger("clearbill.web")


def correlation(get_response: Handler) -> Handler:
    """Take the caller's ``X-Correlation-Id`` or make one; it's in every log line and in the answer."""

    def middleware(request: HttpRequest) -> HttpResponse:
        with correlated(request.headers.get("X-Correlation-Id", "")) as chosen:
            response = get_response(request)
            response["X-Correlation-Id"] = chosen
            if response.status_code >= 500:
                log.error("answer", extra={"status": response.status_code, "path": request.path})
            return response

    return middleware


def probes(get_response: Handler) -> Handler:
    """Answer probes under whatever name they come: who balances load asks an address, and knows none of our names."""
    answers = {"/healthz": healthz, "/readyz": readyz}

    def middleware(request: HttpRequest) -> HttpResponse:
        answer = answers.get(request.path)
        return get_response(request) if answer is None else answer(request)

    return middleware


def body_limit(get_response: Handler) -> Handler:
    """Refuse a body above ``DATA_UPLOAD_MAX_MEMORY_SIZE`` by its announced length, before a byte of it is read."""

    def middleware(request: HttpRequest) -> HttpResponse:
        announced = request.META.get("CONTENT_LENGTH") or "0"
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if not (announced.isascii() and announced.isdigit()) or int(announced) > limit:
            return refusal_response(
                request,
                TooLarge(
                    "body_too_large",
                    "The request's body is larger than {limit_mb} MB. Send it in several requests.",
                    limit_mb=limit // 1024 // 1024,
                ),
            )
        return get_response(request)

    return middleware


def language(get_response: Handler) -> Handler:
    """Choose the language: ``?lang=``, the person's cookie, else what the browser asks for; always en or zh-Hans."""
    chosen_by_django = LocaleMiddleware(get_response)

    def middleware(request: HttpRequest) -> HttpResponse:
        wanted = request.GET.get("lang", "").lower()
        if wanted in dict(settings.LANGUAGES):
            with translation.override(wanted):
                request.LANGUAGE_CODE = wanted
                response = get_response(request)
            response.set_cookie(
                settings.LANGUAGE_COOKIE_NAME,
                wanted,
                max_age=settings.LANGUAGE_COOKIE_AGE,
                secure=settings.LANGUAGE_COOKIE_SECURE,
                samesite=settings.LANGUAGE_COOKIE_SAMESITE,
            )
            return response
        return chosen_by_django(request)

    return middleware


def refusals(get_response: Handler) -> Handler:
    """Answer a Refusal that a view let through, or a database that's gone: problem details for the API, else a page."""

    def middleware(request: HttpRequest) -> HttpResponse:
        return get_response(request)

    def process_exception(request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, Refusal):
            return refusal_response(request, exception)
        if isinstance(exception, OperationalError | InterfaceError):
            log.warning("database doesn't answer", extra={"problem": str(exception), "path": request.path})
            return unavailable(request)
        return None

    middleware.process_exception = process_exception  # type: ignore[attr-defined]
    return middleware
