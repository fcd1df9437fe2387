"""Plans and meters as JSON that a person edits: read with errors that say where, and shown as what they'd change."""

from __future__ import annotations

import json
from typing import Any

from django.utils.translation import gettext as _

from clearbill.core.errors import Malformed, Refusal, fill
from clearbill.pricing.documents import Terms, parse_plan
from clearbill.pricing.queries import meters
from clearbill.web.console.plan_changes import document_of_version
from clearbill.web.errors import sentence_of

MAX_DOCUMENT = 100_000


def pretty(document: Any) -> str:
    """JSON as a person edits it: short objects on one line."""
    return _laid_out(document, "")


def read_json(text: str) -> dict[str, Any]:
    """The object of a JSON text. Raises Malformed ``json_malformed`` with line and column, ``json_shape``."""
    try:
        found = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_no_repeats)
    except json.JSONDecodeError as problem:
        raise Malformed(
            "json_malformed",
            "This isn't JSON: line {line}, column {column}. Look for a missing comma, quote or bracket there.",
            line=problem.lineno,
            column=problem.colno,
        ) from None
    except RecursionError:
        raise Malformed("json_shape", "The document must be one object of fields, in braces.") from None
    if not isinstance(found, dict):
        raise Malformed("json_shape", "The document must be one object of fields, in braces.")
    return found


def read_terms(document: dict[str, Any], *, code: str, currency: str) -> Terms:
    """The terms that a document of the plan ``code`` says. Raises what ``parse_plan`` raises."""
    known = {row.code for row in meters()}
    return parse_plan({"code": code, **document}, meters=known, default_currency=currency)


def read_terms_of(version: Any) -> Terms:
    """The terms of a stored version, its plan's code left out."""
    document = document_of_version(version)
    used = {price["meter"] for price in document["prices"] if "meter" in price}
    return parse_plan({"code": "plan", **document}, meters=used, default_currency=version.currency)


def place_and_sentence(refusal: Refusal) -> str:
    """The refusal's sentence, with the place in the document when it names one."""
    if not refusal.field:
        return sentence_of(refusal)
    return fill(_("{place}: {sentence}"), {"place": refusal.field, "sentence": sentence_of(refusal)})


def _laid_out(value: Any, indent: str) -> str:
    flat = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or len(indent) + len(flat) <= 88:
        return flat
    inner = indent + "  "
    if isinstance(value, dict):
        rows = [
            f"{inner}{json.dumps(key, ensure_ascii=False)}: {_laid_out(each, inner)}" for key, each in value.items()
        ]
        return "{\n" + ",\n".join(rows) + f"\n{indent}}}"
    return "[\n" + ",\n".join(inner + _laid_out(each, inner) for each in value) + f"\n{indent}]"


def _no_constant(name: str) -> Any:
    raise Malformed("json_constant", "“{name}” is not a number.", name=name)


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise Malformed("json_repeated", "The field “{name}” is there twice in one object.", name=name[:64])
        found[name] = value
    return found
