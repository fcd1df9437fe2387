"""API v1: all endpoints under one roof. ``docs/api.md`` introduces it; ``/api/v1/docs`` shows it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema

from clearbill.web.api import (
    catalogue,
    clock,
    credit_notes,
    customers,
    events,
    invoices,
    journal,
    payments,
    subscriptions,
    usage,
)
from clearbill.web.api.body import StrictParser
from clearbill.web.api.document import DocsPage, complete
from clearbill.web.api.problems import answer_problems, not_allowed_response

_DESCRIPTION = """
Send an API key with each request: `Authorization: Bearer cb_test_…` or `cb_live_…`. Keys are made in the console under
*Developers*; a key's role says what it may do.

Money is `{"amount": "10.00", "currency": "EUR"}`, always a string with exactly the currency's digits. Instants are
RFC 3339 with a zone. Unknown fields are refused. Errors are problem details (RFC 9457) with a stable `code`.

Send an `Idempotency-Key` with each POST, and repeat it as often as you like. v1 only grows: ignore fields you don't know.
""".strip()


class Api(NinjaAPI):
    """Ninja's API with our document, and problem details for unknown methods too. Mounted once, at one address."""

    _document: dict[str, Any] | None = None

    def get_openapi_schema(self, *, path_prefix: str | None = None, path_params: Any = None) -> OpenAPISchema:
        """The document with all that endpoints share; made once, since anybody may ask for it."""
        if self._document is None:
            made = super().get_openapi_schema(path_prefix=path_prefix, path_params=path_params)
            self._document = complete(made)
        return self._document  # type: ignore[return-value]

    def _get_urls(self) -> list[Any]:
        return [_with_problems(each) for each in super()._get_urls()]


def _with_problems(pattern: URLPattern) -> URLPattern:
    pattern.callback = _answering(pattern.callback)
    return pattern


def _answering(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @wraps(view, updated=())
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        if isinstance(response, HttpResponseNotAllowed):
            return not_allowed_response(request, response)
        return response

    answered.csrf_exempt = getattr(view, "csrf_exempt", False)  # type: ignore[attr-defined]
    return answered


api = Api(
    title="Clearbill API",
    version="1",
    description=_DESCRIPTION,
    urls_namespace="api",
    docs=DocsPage(),
    docs_url="/docs",
    openapi_url="/openapi.json",
    parser=StrictParser(),
)
answer_problems(api)
for _subject in (customers, catalogue, subscriptions, usage, invoices, credit_notes, payments, journal, events, clock):
    api.add_router("", _subject.router)
