"""How an endpoint is opened: who may enter, in the seller's scope, once per Idempotency-Key, and what it answers with.

An endpoint's signature is its document and its body is one call; everything else that all have in common is here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial, wraps
from typing import Any, get_args, get_origin

from django.http import HttpRequest, HttpResponse
from ninja import Router
from pydantic import BaseModel

from clearbill.core.errors import Malformed
from clearbill.scope.idempotency import Answer, once
from clearbill.scope.seller import seller_scope
from clearbill.web.api.auth import ApiKey
from clearbill.web.api.body import refuse_characters
from clearbill.web.api.shapes import Asked

View = Callable[..., Any]
IDEMPOTENCY_KEY = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
PDF = "application/pdf"
_ALWAYS_KNOWN = frozenset({"lang"})


def reads(router: Router, path: str, *, gives: Any, may: str = "view") -> Callable[[View], View]:
    """A GET that answers with ``gives``."""
    return partial(_open, router, "GET", path, gives=gives, status=200, may=may, around=_in_scope)


def gives_pdf(router: Router, path: str, *, may: str = "view") -> Callable[[View], View]:
    """A GET that answers with a PDF."""
    content = {"content": {PDF: {"schema": {"type": "string", "format": "binary"}}}}
    extra = {"responses": {200: {"description": "OK", **content}}}
    return partial(_open, router, "GET", path, gives=None, status=200, may=may, around=_in_scope, extra=extra)


def changes(router: Router, path: str, *, gives: Any, may: str) -> Callable[[View], View]:
    """A PATCH: sent twice it changes nothing more, so it needs no key."""
    return partial(_open, router, "PATCH", path, gives=gives, status=200, may=may, around=_in_scope)


def acts(
    router: Router,
    path: str,
    *,
    gives: Any,
    may: str,
    status: int = 200,
    extra: dict[str, Any] | None = None,
) -> Callable[[View], View]:
    """A POST in one transaction, done once per Idempotency-Key."""
    return partial(_open, router, "POST", path, gives=gives, status=status, may=may, around=_once, extra=extra)


def acts_in_steps(router: Router, path: str, *, gives: Any, may: str) -> Callable[[View], View]:
    """A POST of several transactions, which must do nothing more when it's done again.

    Its answer is kept once it's all done; killed in between, the same request goes on where it was.
    """
    return partial(_open, router, "POST", path, gives=gives, status=200, may=may, around=_once_in_steps)


def _open(
    router: Router,
    method: str,
    path: str,
    view: View,
    *,
    gives: Any,
    status: int,
    may: str,
    around: Callable[..., HttpResponse],
    extra: dict[str, Any] | None = None,
) -> View:
    signature = inspect.signature(view, eval_str=True)
    known = _query_names(signature)

    @wraps(view)
    def guarded(request: HttpRequest, **arguments: Any) -> HttpResponse:
        _refuse_query(request, known)
        response = around(request, partial(view, request, **arguments), status)
        response["Cache-Control"] = "no-store"
        return response

    # ninja looks up the names of annotations in this module; resolved ones need no looking up
    guarded.__signature__ = signature  # type: ignore[attr-defined]
    title, _, guarded.__doc__ = inspect.cleandoc(view.__doc__ or "").partition("\n")
    register = router.api_operation(
        [method],
        path,
        auth=ApiKey(may),
        response={status: gives},
        operation_id=view.__name__,
        summary=title.rstrip("."),
        openapi_extra=extra,
    )
    register(guarded)
    return view


def _in_scope(request: HttpRequest, act: Callable[[], Any], status: int) -> HttpResponse:
    with seller_scope(request.seller.id):  # type: ignore[attr-defined]
        return _response(act(), status)


def _once(request: HttpRequest, act: Callable[[], Any], status: int) -> HttpResponse:
    if IDEMPOTENCY_KEY not in request.headers:
        return _in_scope(request, act, status)
    return _replayable(_recorded(request, lambda: Answer(status=status, body=_json(act()))))


class _NotYet(Exception):
    """Nothing was recorded under the key."""


def _once_in_steps(request: HttpRequest, act: Callable[[], Any], status: int) -> HttpResponse:
    if IDEMPOTENCY_KEY not in request.headers:
        return _response(act(), status)

    def not_yet() -> Answer:
        raise _NotYet

    try:
        return _replayable(_recorded(request, not_yet))
    except _NotYet:
        answer = Answer(status=status, body=_json(act()))
    return _replayable(_recorded(request, lambda: answer))


def _recorded(request: HttpRequest, act: Callable[[], Answer]) -> Answer:
    return once(
        request.seller.id,  # type: ignore[attr-defined]
        request.headers[IDEMPOTENCY_KEY],
        operation=f"{request.method} {request.path}",
        body=request.body,
        at=request.at,  # type: ignore[attr-defined]
        act=act,
    )


def _replayable(answer: Answer) -> HttpResponse:
    response = HttpResponse(answer.body, status=answer.status, content_type="application/json")
    response[REPLAYED] = "true" if answer.replayed else "false"
    return response


def _response(result: Any, status: int) -> HttpResponse:
    if isinstance(result, HttpResponse):
        return result
    return HttpResponse(_json(result), status=status, content_type="application/json")


def _json(result: BaseModel) -> str:
    return result.model_dump_json()


def _query_names(signature: inspect.Signature) -> frozenset[str]:
    names: set[str] = set(_ALWAYS_KNOWN)
    for parameter in signature.parameters.values():
        annotation = parameter.annotation
        shape = get_args(annotation)[0] if get_origin(annotation) is not None else annotation
        if isinstance(shape, type) and issubclass(shape, Asked):
            names |= set(shape.model_fields)
    return frozenset(names)


def _refuse_query(request: HttpRequest, known: frozenset[str]) -> None:
    refuse_characters(request.path)
    for name, values in request.GET.lists():
        if name not in known:
            raise Malformed(
                "unknown_parameter",
                "This address has no parameter “{name}”; it has {known}.",
                field=name[:64],
                name=name[:64],
                known=", ".join(sorted(known)),
            )
        if len(values) > 1:
            raise Malformed("duplicate_field", "The field “{name}” stands here twice.", field=name, name=name)
        refuse_characters(values[0], field=name)
