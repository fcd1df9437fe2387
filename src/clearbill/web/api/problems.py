"""Every error of the API as problem details (RFC 9457): refusals of the domain, and what ninja and pydantic find.

Pydantic's own wording never gets out: each of its error types has a code and a sentence here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from psycopg.errors import UniqueViolation

from clearbill.core.errors import Conflict, Fault, Malformed, Refusal
from clearbill.web.errors import PROBLEM, problem_of

MAX_SHOWN = 20
_SOURCES = {"body", "query", "path", "header"}


class _NotAllowed(Refusal):
    """A method that an address doesn't know."""

    status = 405


def answer_problems(api: NinjaAPI) -> None:
    """Let ``api`` answer all its errors as problem details; what isn't a refusal goes on to the server's own page."""
    api.add_exception_handler(Refusal, problem_response)
    api.add_exception_handler(ValidationError, _unreadable)
    api.add_exception_handler(HttpError, _http_error)
    api.add_exception_handler(IntegrityError, _at_once)


def problem_response(_request: HttpRequest, refusal: Refusal, *, others: Sequence[Refusal] = ()) -> HttpResponse:
    """The answer to a refused request."""
    problem = problem_of(refusal)
    if others:
        found = [problem_of(each) for each in (refusal, *others)][:MAX_SHOWN]
        problem["errors"] = [
            {"field": each.get("field", ""), "code": each["code"], "detail": each["detail"]} for each in found
        ]
    response = HttpResponse(json.dumps(problem, ensure_ascii=False), status=refusal.status, content_type=PROBLEM)
    response["Cache-Control"] = "no-store"
    if refusal.status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="clearbill"'
    if refusal.status == 429:
        response["Retry-After"] = str(refusal.params.get("retry_after_s", 1))
    return response


def not_allowed_response(request: HttpRequest, refused: HttpResponseNotAllowed) -> HttpResponse:
    """The answer to a method that the address doesn't know."""
    allowed = refused["Allow"]
    refusal = _NotAllowed(
        "method_not_allowed",
        "This address knows no {method}; it knows {allowed}.",
        method=request.method,
        allowed=allowed,
    )
    response = problem_response(request, refusal)
    response["Allow"] = allowed
    return response


def _http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    # ninja wraps whatever its parser raises
    if isinstance(error.__cause__, Refusal):
        return problem_response(request, error.__cause__)
    raise Fault(f"ninja answers {error.status_code} by itself: {error.message}") from error


def _at_once(request: HttpRequest, error: IntegrityError) -> HttpResponse:
    # the rooms look before they write; what the constraint catches came in between
    if not isinstance(error.__cause__, UniqueViolation):
        raise error
    return problem_response(
        request,
        Conflict("changed_at_once", "Another request wrote the same at the same moment. Look, then send yours again."),
    )


def _unreadable(request: HttpRequest, error: ValidationError) -> HttpResponse:
    found = [refusal_of(each) for each in error.errors]
    return problem_response(request, found[0], others=found[1:])


def refusal_of(error: Mapping[str, object]) -> Refusal:
    """The refusal behind one of pydantic's errors."""
    field = field_of(error["loc"])  # type: ignore[arg-type]
    context: Mapping[str, object] = error.get("ctx") or {}  # type: ignore[assignment]
    inner = context.get("refusal")
    if isinstance(inner, Refusal):
        part = inner.field if inner.field.startswith((".", "[")) or not inner.field else f".{inner.field}"
        params = {name: value for name, value in inner.params.items() if name != "field"}
        return type(inner)(inner.code, inner.message, field=f"{field}{part}".lstrip("."), **params)
    make = _SENTENCES.get(str(error["type"]), _anything)
    return make(field, context)


def field_of(location: Sequence[object]) -> str:
    """The path of an input as a caller writes it: ``("body", "document", "lines", 0, "amount")`` → ``lines[0].amount``."""
    parts = list(location)
    source = parts.pop(0) if parts and parts[0] in _SOURCES else None
    if source == "body" and parts:
        parts.pop(0)  # the name of the endpoint's argument, which is no part of the document
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return text.removeprefix(".")[:200]


def _missing(field: str, _context: Mapping[str, object]) -> Malformed:
    if not field:
        return Malformed("missing_body", "This request needs a JSON object as its body.")
    return Malformed("missing_field", "“{name}” is missing.", field=field, name=field)


def _unknown(field: str, _context: Mapping[str, object]) -> Malformed:
    return Malformed("unknown_field", "There is no field “{name}” here.", field=field, name=field)


def _text(field: str, _context: Mapping[str, object]) -> Malformed:
    return Malformed("not_text", "This must be text.", field=field)


def _whole(field: str, _context: Mapping[str, object]) -> Malformed:
    return Malformed("not_whole_number", "This must be a whole number.", field=field)


def _boolean(field: str, _context: Mapping[str, object]) -> Malformed:
    return Malformed("boolean_expected", "This is either true or false.", field=field)


def _list(field: str, _context: Mapping[str, object]) -> Malformed:
    return Malformed("not_a_list", "This must be a list.", field=field)


def _object(field: str, _context: Mapping[str, object]) -> Malformed:
    return Malformed("not_an_object", "This must be an object with named fields.", field=field)


def _choice(field: str, context: Mapping[str, object]) -> Malformed:
    allowed = str(context.get("expected", "")).replace("'", "").replace(" or ", ", ")
    return Malformed("unknown_choice", "This is one of {allowed}.", field=field, allowed=allowed)


def _long_text(field: str, context: Mapping[str, object]) -> Malformed:
    return Malformed(
        "too_long", "This text has more than {limit} characters.", field=field, limit=context.get("max_length", "")
    )


def _short_text(field: str, _context: Mapping[str, object]) -> Malformed:
    return Malformed("empty", "This can't be empty.", field=field)


def _long_list(field: str, context: Mapping[str, object]) -> Malformed:
    return Malformed(
        "too_many", "There are more than {limit} of these.", field=field, limit=context.get("max_length", "")
    )


def _range(field: str, context: Mapping[str, object]) -> Malformed:
    if "ge" in context:
        return Malformed("below_minimum", "This must be {limit} or more.", field=field, limit=context["ge"])
    return Malformed("above_maximum", "This must be {limit} or less.", field=field, limit=context.get("le", ""))


def _anything(field: str, _context: Mapping[str, object]) -> Malformed:
    return Malformed(
        "unreadable_value", "This value can't be read; the API's document says what it must be.", field=field
    )


_SENTENCES: Mapping[str, Callable[[str, Mapping[str, object]], Malformed]] = {
    "missing": _missing,
    "extra_forbidden": _unknown,
    "string_type": _text,
    "int_type": _whole,
    "int_parsing": _whole,
    "int_from_float": _whole,
    "int_parsing_size": _whole,
    "bool_type": _boolean,
    "bool_parsing": _boolean,
    "list_type": _list,
    "dict_type": _object,
    "model_type": _object,
    "model_attributes_type": _object,
    "literal_error": _choice,
    "string_too_long": _long_text,
    "string_too_short": _short_text,
    "too_long": _long_list,
    "too_short": _short_text,
    "greater_than_equal": _range,
    "less_than_equal": _range,
}
