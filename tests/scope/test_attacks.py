"""Attacks on the API with another seller's ids. Each endpoint is taken from the API's document, so a new one without an
attack here fails.

What isn't one's own must look like what isn't there: the same answer, and not a trace of the other seller in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections

from clearbill.core import ids
from clearbill.web.api.document import kept_document
from clearbill.web.api.growth import METHODS
from tests.worlds import FullWorld, full_world, wire

PREFIX = "/api/v1"
EUR = "EUR"
SPAN = {"start": "2025-01-01T00:00:00Z", "end": "2025-02-01T00:00:00Z"}
Ids = dict[str, str]

PATH_NAMES = {
    "customer_id": "customer",
    "subscription_id": "subscription",
    "invoice_id": "invoice",
    "credit_note_id": "credit_note",
    "payment_id": "payment",
    "event_id": "event",
}
"""Which of the other's ids stands for a name in an address; ``code`` is a meter's or a plan's."""

REFERENCES: dict[str, tuple[str, ...]] = {
    "customer": ("customer", "external_id"),
    "invoice": ("invoice",),
    "meter": ("meter",),
}
"""Query parameters that name something: the other's must not be found. Values are keys of a world's ids."""

SEARCHES: dict[str, tuple[str, ...]] = {
    "external_id": ("external_id", "customer"),
    "search": ("external_id", "number", "tag"),
    "account": ("tag",),
    "type": ("tag",),
    "cursor": ("customer", "subscription", "transaction", "event", "payment"),
}
"""Query parameters that narrow a list: the other's must not come up."""

HARMLESS = {"limit", "status", "start", "end"}
"""Query parameters that name nothing of a seller's."""

NEEDED = {"/usage": {"customer": "customer", "meter": "meter"}, "/usage/days": {"meter": "meter"}}
"""Query parameters that must be there; of one's own, unless they are what is attacked."""


def _line(amount: str = "1.00") -> dict[str, object]:
    return {"line": 1, "amount": {"amount": amount, "currency": EUR}}


BODIES: dict[str, Callable[[Ids, Ids], list[tuple[object, int]]]] = {
    "POST /customers": lambda own, other: [],
    "PATCH /customers/{customer_id}": lambda own, other: [({"name": "Taken"}, 404)],
    "POST /meters": lambda own, other: [],
    "POST /plans": lambda own, other: [
        (
            {
                "code": "stolen",
                "interval": "month",
                "prices": [{"code": "p", "model": "per_unit", "unit_amount": "1", "meter": other["meter"]}],
            },
            400,
        ),
        (
            {
                "code": "stolen",
                "interval": "month",
                "prices": [{"code": "p", "model": "flat", "amount": "1", "tax": [other["tax"]]}],
            },
            400,
        ),
    ],
    "POST /plans/{code}/versions": lambda own, other: [
        ({"interval": "month", "prices": [{"code": "p", "model": "flat", "amount": "1"}]}, 404)
    ],
    "POST /subscriptions": lambda own, other: [
        ({"customer": other["customer"], "plan": own["plan"]}, 404),
        ({"customer": other["external_id"], "plan": own["plan"]}, 404),
        ({"customer": own["customer"], "plan": other["plan"]}, 404),
    ],
    "POST /subscriptions/{subscription_id}/cancel": lambda own, other: [({"timing": "immediately"}, 404)],
    "POST /subscriptions/{subscription_id}/uncancel": lambda own, other: [({}, 404)],
    "POST /usage": lambda own, other: [
        ({"events": [_event(own["meter"], other["customer"])]}, 200),
        ({"events": [_event(own["meter"], other["external_id"])]}, 200),
    ],
    "POST /invoices/preview": lambda own, other: [
        ({"customer": other["customer"]}, 404),
        ({"customer": other["external_id"]}, 404),
        ({"subscription": other["subscription"]}, 404),
    ],
    "POST /credit_notes": lambda own, other: [
        ({"invoice": other["invoice"], "lines": [_line()], "reason": "taken"}, 404),
    ],
    "POST /test_clock": lambda own, other: [],
}
"""Each body that names, or stands at an address that names, something of the other's; and the status it gets."""


def _event(type_: str, customer: str) -> dict[str, object]:
    return {"type": type_, "customer": customer, "timestamp": "2025-01-10T09:00:00Z", "key": f"attack-{customer}"}


@pytest.fixture
def worlds(make_seller: Any) -> tuple[FullWorld, FullWorld]:
    """Two sellers with one of everything each."""
    from clearbill.sellers.actions import update_seller

    ours, theirs = make_seller(name="Ours"), make_seller(name="Zzz Theirs", taxes=[("zzz-tax", "10")])
    update_seller(theirs.id, actor="cli", at=theirs.at, number_prefix="ZZZ")
    return full_world(ours, tag="our"), full_world(theirs, tag="zzz")


def test_no_endpoint_gives_or_takes_anything_of_another_seller(worlds: tuple[FullWorld, FullWorld]) -> None:
    ours, theirs = worlds
    before = _all_that_is_theirs(theirs)
    assert len(before) > 20
    assert _attack(ours, theirs) == []
    assert _all_that_is_theirs(theirs) == before


def test_the_attack_succeeds_where_there_is_no_wall(worlds: tuple[FullWorld, FullWorld]) -> None:
    with connections["owner"].cursor() as cursor:
        for table in ("customers_customer", "billing_invoice", "pricing_plan", "outbox_fact"):
            cursor.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    wrong = "\n".join(_attack(*worlds))
    for breach in (
        "GET /customers/{customer_id}",
        "PATCH /customers",
        "POST /credit_notes",
        "GET /plans",
        "GET /events",
    ):
        assert breach in wrong


def test_the_same_names_at_two_sellers_are_two_things(worlds: tuple[FullWorld, FullWorld]) -> None:
    ours, theirs = worlds
    before = _all_that_is_theirs(theirs)
    names = theirs.ids
    customer = ours.api.post("/customers", {"external_id": names["external_id"], "name": "Ours too"})
    assert customer.status_code == 201
    assert customer.json()["id"] != names["customer"]
    assert ours.api.post("/meters", {"code": names["meter"], "aggregation": "count"}).status_code == 201
    price = {"code": "p", "model": "flat", "amount": "1"}
    plan = ours.api.post("/plans", {"code": names["plan"], "interval": "year", "prices": [price]})
    assert plan.status_code == 201
    subscription = {"customer": names["external_id"], "plan": names["plan"], "external_id": "zzz-subscription"}
    made = ours.api.post("/subscriptions", subscription)
    assert made.json()["customer"] == customer.json()["id"]
    event = {"type": names["meter"], "customer": names["external_id"], "timestamp": wire(ours.world.at)}
    receipts = ours.api.post("/usage", {"events": [{**event, "key": "zzz-event"}]}).json()
    assert receipts["accepted"] == 1, "their key was taken for ours"
    assert ours.api.post("/test_clock", {"to": wire(ours.world.at + timedelta(days=40))}).status_code == 200
    assert _all_that_is_theirs(theirs) == before


def test_a_test_key_is_not_opened_by_the_live_sellers_name_and_the_other_way_round(make_seller: Any) -> None:
    from tests.worlds import ApiClient, api_client

    api = api_client(make_seller())
    assert api.get("/seller").status_code == 200
    swapped = ApiClient(api.key.replace("cb_test_", "cb_live_"))
    assert swapped.get("/seller").json()["code"] == "api_key_unknown"


def _attack(ours: FullWorld, theirs: FullWorld) -> list[str]:
    wrong: list[str] = []
    for method, path, operation in _operations():
        attempts = list(_attempts(method, path, operation, ours, theirs))
        assert attempts, f"{method} {path} is not attacked"
        for attempt in attempts:
            wrong += [f"{method} {path} {attempt}: {problem}" for problem in _problems(ours, theirs, attempt)]
    return wrong


def _operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in kept_document()["paths"].items():
        for method in (each for each in METHODS if each in methods):
            yield method.upper(), path.removeprefix(PREFIX), methods[method]


Attempt = tuple[str, str, dict[str, str], object, int | None]
"""Method, address, query, body, and the status that is expected (None: 200 without a trace)."""


def _attempts(
    method: str, path: str, operation: dict[str, Any], ours: FullWorld, theirs: FullWorld
) -> Iterator[Attempt]:
    own, other = _known(ours), _known(theirs)
    names = [each["name"] for each in operation["parameters"] if each.get("in") == "path"]
    address = path
    for name in names:
        kind = ("meter" if path.startswith("/meters") else "plan") if name == "code" else PATH_NAMES[name]
        address = address.replace("{" + name + "}", other[kind])
    if method != "GET":
        for body, status in BODIES[f"{method} {path}"](own, other):
            yield method, address, {}, body, status
        if not BODIES[f"{method} {path}"](own, other):
            yield method, address, {}, _own_body(path), None
        return
    needed = {name: own[kind] for name, kind in NEEDED.get(path, {}).items()}
    query = {**needed, **SPAN} if needed else {}
    yield method, address, query, None, 404 if names else None
    for parameter in (each for each in operation["parameters"] if each.get("in") == "query"):
        name = parameter["name"]
        if name in REFERENCES:
            for kind in REFERENCES[name]:
                yield method, address, {**query, name: other[kind]}, None, 404
        elif name in SEARCHES:
            for kind in SEARCHES[name]:
                yield method, address, {**query, name: other[kind]}, None, None
        else:
            assert name in HARMLESS, f"{method} {path}: say here whether the parameter {name} names something"


def _own_body(path: str) -> object:
    """Bodies that name nothing; they must work, and show nothing of the other's."""
    return {
        "/customers": {"external_id": "fresh", "name": "Fresh"},
        "/meters": {"code": "fresh", "aggregation": "count"},
        "/test_clock": {"to": "2025-01-11T10:00:00Z"},
    }[path]


def _problems(ours: FullWorld, theirs: FullWorld, attempt: Attempt) -> Iterator[str]:
    method, address, query, body, status = attempt
    status_found, text = _call(ours, method, address, query, body)
    if status is not None and status_found != status:
        yield f"{status_found} {text[:200]}"
    # the place of another's transaction in the journal isn't a place in one's own
    if status is None and status_found not in (200, 201) and not re.search("cursor_(malformed|unknown)", text):
        yield f"{status_found} {text[:200]}"
    sent = " ".join([address, json.dumps(query), json.dumps(body)])
    # what was sent may be said again: “There is no plan “zzz-plan””
    for kind, value in _known(theirs).items():
        if value in text and value not in sent:
            yield f"shows their {kind}, {value}: {text[:300]}"
    if method == "POST" and address == "/usage" and json.loads(text).get("refused") != 1:
        yield f"took an event of their customer: {text[:300]}"
    nowhere = _nonexistent(_known(theirs))
    nobodys_query, nobodys_body = (json.loads(_swapped(json.dumps(each), nowhere)) for each in (query, body))
    missing = _call(ours, method, _swapped(address, nowhere), nobodys_query, nobodys_body)
    if (status is not None or "cursor_unknown" in text) and missing != (status_found, _swapped(text, nowhere)):
        yield f"differs from what isn't there: {text[:300]} / {missing[1][:300]}"


def _call(world: FullWorld, method: str, address: str, query: dict[str, str], body: object) -> tuple[int, str]:
    if method == "GET":
        answer = world.api.get(address, **query)
    else:
        answer = world.api.send(method, address, json.dumps(body).encode())
    if answer["Content-Type"] == "application/pdf":
        return answer.status_code, "a PDF"
    found = json.loads(answer.content)
    found.pop("correlation_id", None)
    if "url" in found:
        found["url"] = re.sub("/pay/.*", "/pay/", found["url"])  # signed anew, with the second in it
    return answer.status_code, json.dumps(found, sort_keys=True)


def _known(world: FullWorld) -> Ids:
    return {**world.ids, "tag": world.tag, "tax": f"{world.tag}-tax"}


def _nonexistent(known: Ids) -> dict[str, str]:
    """For each of the other's ids one of the same length and kind that nobody has."""
    swaps = {}
    for value in known.values():
        prefix, underscore, rest = value.partition("_")
        if underscore and len(rest) == ids.LENGTH:
            swaps[value] = f"{prefix}_{rest[:-6]}{'0' * 6}"
        else:
            swaps[value] = value.replace("zzz", "qqq").replace("ZZZ", "QQQ")
    return swaps


def _swapped(text: str, swaps: dict[str, str]) -> str:
    for value, nobodys in sorted(swaps.items(), key=lambda pair: -len(pair[0])):
        text = text.replace(value, nobodys)
    return text


def _all_that_is_theirs(theirs: FullWorld) -> dict[str, tuple[int, str]]:
    """Every GET of the document, with their own ids."""
    own = _known(theirs)
    found = {}
    for method, path, operation in _operations():
        if method != "GET":
            continue
        address = path
        for parameter in (each for each in operation["parameters"] if each.get("in") == "path"):
            name = parameter["name"]
            kind = ("meter" if path.startswith("/meters") else "plan") if name == "code" else PATH_NAMES[name]
            address = address.replace("{" + name + "}", own[kind])
        needed = {name: own[kind] for name, kind in NEEDED.get(path, {}).items()}
        found[path] = _call(theirs, "GET", address, {**needed, **SPAN} if needed else {}, None)
        assert found[path][0] == 200, (path, found[path])
    return found
