"""The API's own document, OpenAPI 3.1: what ninja makes of the endpoints, and what all of them share; and its page."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from ninja import NinjaAPI
from ninja.openapi.docs import DocsBase

from clearbill.web.api.doors import IDEMPOTENCY_KEY, REPLAYED
from clearbill.web.api.shapes import REF, FieldProblem, Money, Problem
from clearbill.web.errors import PROBLEM

KEPT = Path(__file__).with_name("openapi.json")
ROOT = "api/v1/"
_SHARED = (Problem, FieldProblem, Money)


class DocsPage(DocsBase):
    """The page at ``docs``: nothing inline and nothing from elsewhere, so that the content security policy holds."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **_path: Any) -> HttpResponse:
        """Swagger UI over the document."""
        return render(request, "api/docs.html", {"document_url": reverse(f"{api.urls_namespace}:openapi-json")})


def complete(schema: dict[str, Any]) -> dict[str, Any]:
    """Ninja's document with refusals, Idempotency-Key and the shared shapes."""
    components = schema.setdefault("components", {})
    shapes = components.setdefault("schemas", {})
    for shape in _SHARED:
        own = shape.model_json_schema(ref_template=REF)
        own.pop("$defs", None)
        shapes[shape.__name__] = own
    components["responses"] = {
        "Refused": {
            "description": "Refused; `code` is stable.",
            "content": {PROBLEM: {"schema": {"$ref": REF.format(model="Problem")}}},
        }
    }
    components["parameters"] = {
        "IdempotencyKey": {
            "name": IDEMPOTENCY_KEY,
            "in": "header",
            "required": False,
            "schema": {"type": "string", "maxLength": 255},
            "description": "The same key with the same request gives the same answer again, and does nothing again; "
            "with another request it's refused (409).",
        }
    }
    for methods in schema["paths"].values():
        for method, operation in methods.items():
            operation["responses"]["4XX"] = {"$ref": "#/components/responses/Refused"}
            if method == "post":
                operation["parameters"].append({"$ref": "#/components/parameters/IdempotencyKey"})
                _add_replayed(operation)
    schema["paths"] = _without_titles(schema["paths"])
    components["schemas"] = _without_titles(dict(sorted(_referred_to(schema).items())))
    return schema


def document_text(schema: dict[str, Any]) -> str:
    """The text in which the document is kept."""
    return json.dumps(schema, indent=1, ensure_ascii=False, sort_keys=False) + "\n"


@cache
def kept_document() -> dict[str, Any]:
    """The document as it was kept last."""
    found: dict[str, Any] = json.loads(KEPT.read_text(encoding="utf-8"))
    return found


def _referred_to(schema: dict[str, Any]) -> dict[str, Any]:
    """The shapes that something refers to; ninja also lists those whose fields became parameters."""
    shapes: dict[str, Any] = schema["components"]["schemas"]
    while True:
        text = json.dumps(schema)
        unused = [name for name in shapes if json.dumps(REF.format(model=name)) not in text]
        if not unused:
            return shapes
        for name in unused:
            del shapes[name]


def _without_titles(part: Any) -> Any:
    """Pydantic's titles only say a field's name again."""
    if isinstance(part, dict):
        return {
            name: _without_titles(each)
            for name, each in part.items()
            if not (name == "title" and isinstance(each, str))
        }
    return [_without_titles(each) for each in part] if isinstance(part, list) else part


def _add_replayed(operation: dict[str, Any]) -> None:
    for status, response in operation["responses"].items():
        if str(status).startswith("2"):
            response["headers"] = {
                REPLAYED: {
                    "schema": {"type": "string", "enum": ["true", "false"]},
                    "description": "With an Idempotency-Key: whether this answer was given before.",
                }
            }
