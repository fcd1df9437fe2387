"""v1 only grows: what a new document of the API takes away from an older one, or newly asks for.

An older client must get all that it got, and may send all that it sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]
METHODS = ("get", "post", "patch", "put", "delete")
MAX_DEPTH = 20


def shrinkages(old: Schema, new: Schema) -> list[str]:
    """Each thing by which ``new`` would break a client of ``old``, as a line for people; empty when v1 only grew."""
    return list(_paths(old, new))


def _paths(old: Schema, new: Schema) -> Iterator[str]:
    for path, methods in old["paths"].items():
        for method in (each for each in METHODS if each in methods):
            operation = new["paths"].get(path, {}).get(method)
            where = f"{method.upper()} {path}"
            if operation is None:
                yield f"{where} is gone"
                continue
            yield from _parameters(
                _resolved_parameters(methods[method], old), _resolved_parameters(operation, new), where
            )
            yield from _body(methods[method], operation, old, new, where)
            yield from _answers(methods[method], operation, old, new, where)


def _parameters(
    old: Mapping[tuple[str, str], Schema], new: Mapping[tuple[str, str], Schema], where: str
) -> Iterator[str]:
    for key, before in old.items():
        if key not in new:
            yield f"{where}: the parameter {key[1]} is gone"
        else:
            yield from _narrower(before.get("schema", {}), new[key].get("schema", {}), f"{where}?{key[1]}")
    for key, now in new.items():
        if now.get("required") and not old.get(key, {}).get("required"):
            yield f"{where}: the parameter {key[1]} is now required"


def _body(old_operation: Schema, new_operation: Schema, old: Schema, new: Schema, where: str) -> Iterator[str]:
    before, now = old_operation.get("requestBody"), new_operation.get("requestBody")
    if before is None:
        if now is not None and now.get("required"):
            yield f"{where}: a body is now required"
        return
    if now is None:
        yield f"{where}: its body is gone"
        return
    for media_type, content in before["content"].items():
        if media_type not in now["content"]:
            yield f"{where}: a body of {media_type} is no longer taken"
        else:
            yield from _taken(content["schema"], now["content"][media_type]["schema"], old, new, f"{where} body", 0)


def _answers(old_operation: Schema, new_operation: Schema, old: Schema, new: Schema, where: str) -> Iterator[str]:
    for status, before in old_operation["responses"].items():
        now = new_operation["responses"].get(status)
        if now is None:
            yield f"{where}: the answer {status} is gone"
            continue
        for media_type, content in _resolve(before, old).get("content", {}).items():
            following = _resolve(now, new).get("content", {}).get(media_type)
            if following is None:
                yield f"{where}: the answer {status} is no longer {media_type}"
            else:
                yield from _given(content["schema"], following["schema"], old, new, f"{where} {status}", 0)


def _taken(before: Schema, now: Schema, old: Schema, new: Schema, where: str, depth: int) -> Iterator[str]:
    """What could be sent and no longer can."""
    before, now = _resolve(before, old), _resolve(now, new)
    yield from _narrower(before, now, where)
    for name in set(now.get("required", ())) - set(before.get("required", ())):
        yield f"{where}.{name} is now required"
    yield from _inside(before, now, old, new, where, depth, _taken)


def _given(before: Schema, now: Schema, old: Schema, new: Schema, where: str, depth: int) -> Iterator[str]:
    """What was answered and no longer is."""
    before, now = _resolve(before, old), _resolve(now, new)
    if _types(now) - _types(before) and _types(before):
        yield f"{where} may now be {', '.join(sorted(_types(now) - _types(before)))}"
    for name in set(before.get("required", ())) - set(now.get("required", ())):
        yield f"{where}.{name} may now be left out"
    yield from _inside(before, now, old, new, where, depth, _given)


def _inside(
    before: Schema, now: Schema, old: Schema, new: Schema, where: str, depth: int, compare: Any
) -> Iterator[str]:
    if depth > MAX_DEPTH:
        return
    for name, each in before.get("properties", {}).items():
        if name not in now.get("properties", {}):
            yield f"{where}.{name} is gone"
        else:
            yield from compare(each, now["properties"][name], old, new, f"{where}.{name}", depth + 1)
    if "items" in before and "items" in now:
        yield from compare(before["items"], now["items"], old, new, f"{where}[]", depth + 1)


def _narrower(before: Schema, now: Schema, where: str) -> Iterator[str]:
    if _types(now) and _types(before) - _types(now):
        yield f"{where} may no longer be {', '.join(sorted(_types(before) - _types(now)))}"
    if "enum" in now:
        gone = sorted(map(str, set(before.get("enum", ())) - set(now["enum"])))
        if gone or "enum" not in before:
            yield f"{where} no longer takes {', '.join(gone) or 'every value'}"
    for limit in ("maxLength", "maxItems", "maximum"):
        if limit in now and now[limit] < before.get(limit, now[limit] + 1):
            yield f"{where} has a lower {limit}"
    for limit in ("minLength", "minItems", "minimum"):
        if limit in now and now[limit] > before.get(limit, 0):
            yield f"{where} has a higher {limit}"


def _types(schema: Schema) -> set[str]:
    if "anyOf" in schema:
        return set().union(*(_types(each) or {"object"} for each in schema["anyOf"]))
    found = schema.get("type", ())
    return {found} if isinstance(found, str) else set(found)


def _resolve(schema: Schema, document: Schema) -> Schema:
    for _step in range(MAX_DEPTH):
        if "$ref" not in schema:
            return schema
        found: Any = document
        for name in schema["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        schema = found
    return schema


def _resolved_parameters(operation: Schema, document: Schema) -> dict[tuple[str, str], Schema]:
    found = [_resolve(each, document) for each in operation.get("parameters", ())]
    return {(each["in"], each["name"]): each for each in found}
