"""What an API gets that it must not take: each is refused with a code and the field, and nothing is half-written."""

from __future__ import annotations

import io
import json

from tests.worlds import wire

NOBODY = "cus_00000000000000000000000000"
CUSTOMER = {"external_id": "new", "name": "New"}
FLAT = {"code": "fee", "model": "flat", "amount": "10.00"}
PLAN = {"code": "new-plan", "interval": "month", "prices": [FLAT]}
TIERS = {"code": "t", "model": "graduated", "quantity": "5"}


def plan_with(**price):
    return {**PLAN, "prices": [{**FLAT, **price}]}


def tiers(*steps):
    return {**PLAN, "prices": [{**TIERS, "tiers": list(steps)}]}


OVERLAP = tiers({"up_to": "10", "unit_amount": "1"}, {"up_to": "10", "unit_amount": "2"}, {"unit_amount": "3"})
SUBSCRIPTION = {"customer": "our-customer", "plan": "our-plan"}
LINES = [{"line": 1, "amount": {"amount": "1.00", "currency": "EUR"}}]


def note(**changes):
    return {"invoice": "{invoice}", "lines": LINES, "reason": "x", **changes}


def amount(value):
    return note(lines=[{"line": 1, "amount": value}])


BAD = [
    # unknown fields
    ("/customers", {**CUSTOMER, "vat": "x"}, 422, "unknown_field", "vat"),
    ("/subscriptions", {**SUBSCRIPTION, "trial": 3}, 422, "unknown_field", "trial"),
    ("/credit_notes", note(total="1.00"), 422, "unknown_field", "total"),
    ("/credit_notes", note(lines=[{**LINES[0], "tax": "1"}]), 422, "unknown_field", "lines[0].tax"),
    ("/meters", {"code": "m", "aggregation": "count", "window": 1}, 422, "meter_unknown_field", None),
    ("/plans", {**PLAN, "trial_days": 3}, 422, "plan_unknown_field", "trial_days"),
    ("/plans", plan_with(unit_amount="1"), 422, "price_unknown_field", "prices[0].unit_amount"),
    ("/test_clock", {"to": "2025-02-01T00:00:00Z", "speed": 2}, 422, "unknown_field", "speed"),
    ("/invoices/preview", {"customer": "our-customer", "dry": True}, 422, "unknown_field", "dry"),
    # naive and broken times
    ("/subscriptions", {**SUBSCRIPTION, "started_at": "2025-01-01T00:00:00"}, 422, "time_naive", "started_at"),
    ("/subscriptions", {**SUBSCRIPTION, "started_at": "yesterday"}, 422, "time_malformed", "started_at"),
    ("/subscriptions", {**SUBSCRIPTION, "started_at": 1735689600}, 422, "time_malformed", "started_at"),
    ("/subscriptions", {**SUBSCRIPTION, "started_at": "2025-02-30T00:00:00Z"}, 422, "time_malformed", "started_at"),
    (
        "/subscriptions",
        {**SUBSCRIPTION, "started_at": "0001-01-01T00:00:00+14:00"},
        422,
        "time_malformed",
        "started_at",
    ),
    ("/test_clock", {"to": "2025-02-01T00:00:00"}, 422, "time_naive", "to"),
    ("/test_clock", {"to": "2025-02-01"}, 422, "time_malformed", "to"),
    ("/plans", {**PLAN, "valid_from": "2026-01-01T00:00:00"}, 422, "time_naive", "valid_from"),
    # numbers for money, and wrong digits
    ("/credit_notes", amount({"amount": 1, "currency": "EUR"}), 422, "money_not_string", "lines[0].amount.amount"),
    ("/credit_notes", amount({"amount": 1.5, "currency": "EUR"}), 422, "money_not_string", "lines[0].amount.amount"),
    ("/credit_notes", amount("1.00"), 422, "money_shape", "lines[0].amount"),
    ("/credit_notes", amount({"amount": "1", "currency": "EUR"}), 422, "money_digits", "lines[0].amount.amount"),
    ("/credit_notes", amount({"amount": "1.000", "currency": "EUR"}), 422, "money_digits", "lines[0].amount.amount"),
    ("/credit_notes", amount({"amount": "1e2", "currency": "EUR"}), 422, "money_digits", "lines[0].amount.amount"),
    ("/plans", plan_with(amount=10), 422, "decimal_not_string", "prices[0].amount"),
    ("/plans", plan_with(amount=10.5), 422, "decimal_not_string", "prices[0].amount"),
    ("/subscriptions", {**SUBSCRIPTION, "quantities": {"our-fee": 5}}, 422, "decimal_not_string", "quantities.our-fee"),
    # currencies
    ("/customers", {**CUSTOMER, "currency": "EURO"}, 400, "unknown_currency", "currency"),
    ("/plans", {**PLAN, "currency": "XXX"}, 400, "unknown_currency", "currency"),
    ("/credit_notes", amount({"amount": "1.00", "currency": "QQQ"}), 400, "unknown_currency", "lines[0].amount"),
    ("/credit_notes", amount({"amount": "1.00", "currency": "USD"}), 400, "other_currency", "lines[0].amount.currency"),
    # quantities and tiers
    (
        "/plans",
        plan_with(model="per_unit", amount=None, unit_amount="1", quantity="-1"),
        422,
        "price_unknown_field",
        None,
    ),
    (
        "/plans",
        {**PLAN, "prices": [{**TIERS, "quantity": "-1", "tiers": [{"unit_amount": "1"}]}]},
        400,
        "negative_quantity",
        "prices[0].quantity",
    ),
    ("/subscriptions", {**SUBSCRIPTION, "quantities": {"our-fee": "-1"}}, 400, "negative_quantity", None),
    ("/plans", OVERLAP, 400, "tiers_overlap", "prices[0].tiers[1].up_to"),
    (
        "/plans",
        tiers({"unit_amount": "1"}, {"up_to": "5", "unit_amount": "1"}),
        400,
        "tiers_overlap",
        "prices[0].tiers[0]",
    ),
    # a price version in the past
    (
        "/plans/our-plan/versions",
        {"interval": "year", "valid_from": "2025-01-10T09:00:01Z", "prices": [FLAT]},
        400,
        "price_version_in_past",
        "valid_from",
    ),
    # wrong types and shapes
    ("/customers", {**CUSTOMER, "name": 3}, 422, "wrong_type", "name"),
    ("/customers", [], 422, "not_an_object", None),
    ("/customers", "text", 422, "not_an_object", None),
    ("/credit_notes", note(lines=[]), 422, "empty", "lines"),
    ("/credit_notes", note(lines=[LINES[0], LINES[0]]), 422, "line_twice", "lines[1].line"),
    ("/credit_notes", note(lines=[{**LINES[0], "line": "1"}]), 422, "not_whole_number", "lines[0].line"),
    ("/credit_notes", note(lines=[{**LINES[0], "line": True}]), 422, "not_whole_number", "lines[0].line"),
    ("/credit_notes", note(lines=[{**LINES[0], "line": 0}]), 422, "below_minimum", "lines[0].line"),
    ("/credit_notes", note(lines={}), 422, "not_a_list", "lines"),
    ("/credit_notes", note(reason=""), 422, "empty", "reason"),
    ("/credit_notes", note(reason="x" * 301), 422, "too_long", "reason"),
    ("/credit_notes", note(reason=7), 422, "not_text", "reason"),
    ("/credit_notes", note(invoice="nonsense"), 422, "id_malformed", None),
    ("/credit_notes", {"lines": LINES, "reason": "x"}, 422, "missing_field", "invoice"),
    ("/subscriptions", {"customer": "our-customer"}, 422, "missing_field", "plan"),
    ("/subscriptions", {**SUBSCRIPTION, "anchor": "someday"}, 422, "anchor_malformed", "anchor"),
    ("/subscriptions", {**SUBSCRIPTION, "anchor": 32}, 422, "anchor_malformed", "anchor"),
    ("/subscriptions", {**SUBSCRIPTION, "anchor": ["monday"]}, 422, "anchor_malformed", "anchor"),
    ("/subscriptions", {**SUBSCRIPTION, "policies": {"color": "red"}}, 422, "unknown_policy", "policies.color"),
    ("/subscriptions", {**SUBSCRIPTION, "policies": {"rounding": "up"}}, 400, "policy_value", "policies.rounding"),
    (
        "/subscriptions",
        {**SUBSCRIPTION, "policies": {"grace_hours": True}},
        400,
        "policy_value",
        "policies.grace_hours",
    ),
    ("/subscriptions", {**SUBSCRIPTION, "customer": ""}, 422, "empty", "customer"),
    ("/subscriptions/{subscription}/cancel", {"timing": "later"}, 422, "unknown_choice", "timing"),
    ("/invoices/preview", {}, 400, "preview_of_one", "customer"),
    (
        "/invoices/preview",
        {"customer": "our-customer", "subscription": "{subscription}"},
        400,
        "preview_of_one",
        "customer",
    ),
    (
        "/invoices/preview",
        {"customer": "our-customer", "until": "2030-01-01T00:00:00Z"},
        400,
        "preview_too_far",
        "until",
    ),
    ("/test_clock", {"to": "2030-01-01T00:00:00Z"}, 400, "clock_too_far", "to"),
    ("/test_clock", {"to": "2025-01-01T00:00:00Z"}, 409, "clock_backwards", None),
    # what isn't there
    ("/subscriptions", {**SUBSCRIPTION, "customer": NOBODY}, 404, "customer_not_found", "customer"),
    ("/subscriptions", {**SUBSCRIPTION, "plan": "nothing"}, 404, "plan_not_found", None),
    ("/credit_notes", note(lines=[{**LINES[0], "line": 9}]), 400, "unknown_line", None),
    ("/credit_notes", amount({"amount": "41.00", "currency": "EUR"}), 409, "credit_note_exceeds_invoice", None),
    # NUL and broken Unicode
    ("/customers", {**CUSTOMER, "name": "a\x00b"}, 422, "character_refused", None),
    ("/customers", {**CUSTOMER, "name": "a\ud800b"}, 422, "character_refused", None),
    ("/customers", {**CUSTOMER, "\x00": "a"}, 422, "character_refused", None),
    ("/subscriptions", {**SUBSCRIPTION, "plan": "\x00"}, 422, "character_refused", None),
]


def test_bad_bodies_are_refused_with_a_code_and_a_field_and_write_nothing(world):
    before = _everything(world)
    wrong = []
    for path, body, status, code, field in BAD:
        text = json.dumps(body)
        for name, value in world.ids.items():
            text, path = text.replace("{" + name + "}", value), path.replace("{" + name + "}", value)
        answer = world.api.send("POST", path, text.encode())
        problem = answer.json()
        found = (answer.status_code, problem.get("code"), problem.get("field"))
        if found[:2] != (status, code) or (field is not None and found[2] != field):
            wrong.append((path, body, found, problem.get("detail")))
        elif "{" in problem["detail"].replace('{"', "") or answer["Content-Type"] != "application/problem+json":
            wrong.append((path, body, problem))
    assert wrong == []
    assert _everything(world) == before


RAW = [
    (b"{broken", "body_malformed"),
    (b"", "missing_body"),
    (b'{"external_id": "a", "name": NaN}', "body_malformed"),
    (b'{"external_id": "a", "name": Infinity}', "body_malformed"),
    (b'{"external_id": "a", "external_id": "b", "name": "x"}', "duplicate_field"),
    (b"[" * 50_000 + b"]" * 50_000, "body_malformed"),
    (b"[" * 100 + b"]" * 100, "body_too_deep"),
    ('{"external_id": "a", "name": "ä"}'.encode("latin-1"), "body_malformed"),
    ('{"external_id": "a", "name": "ä"}'.encode("utf-16"), "body_malformed"),
    (b'{"external_id": "a", "name": "x\ny"}', "body_malformed"),
    (b'{"external_id": "a", "name": ' + b"9" * 5000 + b"}", "body_malformed"),
    (b'{"external_id": "a", "name": 1e999999999999999999999}', "body_malformed"),
    (b"external_id=a&name=x", "body_malformed"),
]


def test_broken_json_is_refused(api):
    for raw, code in RAW:
        answer = api.send("POST", "/customers", raw)
        assert (answer.status_code, answer.json()["code"]) == (422, code), raw[:80]
    assert api.get("/customers").json()["data"] == []


def test_all_wrong_fields_are_named_at_once(world):
    answer = world.api.post("/credit_notes", {"invoice": 1, "lines": [{"line": "x"}], "reason": "r", "more": 1})
    errors = {(each["field"], each["code"]) for each in answer.json()["errors"]}
    assert errors == {
        ("invoice", "not_text"),
        ("lines[0].line", "not_whole_number"),
        ("lines[0].amount", "missing_field"),
        ("more", "unknown_field"),
    }


BAD_QUERIES = [
    ("/customers", {"page": 2}, "unknown_parameter"),
    ("/seller", {"expand": "all"}, "unknown_parameter"),
    ("/customers", {"limit": 0}, "below_minimum"),
    ("/customers", {"limit": 101}, "above_maximum"),
    ("/customers", {"limit": "many"}, "not_whole_number"),
    ("/customers", {"cursor": "nonsense"}, "cursor_malformed"),
    ("/invoices", {"cursor": "²"}, "cursor_malformed"),
    ("/invoices", {"cursor": "9" * 30}, "cursor_malformed"),
    ("/customers", {"search": "a\x00b"}, "character_refused"),
    ("/customers", {"external_id": "x" * 129}, "too_long"),
    ("/invoices", {"status": "lost"}, "unknown_choice"),
    (
        "/usage",
        {"customer": "our-customer", "meter": "our-calls", "start": "2025-01-01T00:00:00Z"},
        "missing_field",
    ),
    (
        "/usage",
        {"customer": "our-customer", "meter": "our-calls", "start": "2025-01-01", "end": "x"},
        "time_malformed",
    ),
    ("/customers/a%00b", {}, "character_refused"),
    ("/customers/inv_00000000000000000000000000", {}, "id_malformed"),
]


def test_bad_queries_are_refused(world):
    for path, query, code in BAD_QUERIES:
        answer = world.api.get(path, **query)
        assert (answer.status_code, answer.json()["code"]) == (422, code), (path, query)


def test_a_parameter_may_not_come_twice(api):
    answer = api._client.get("/api/v1/customers?limit=1&limit=2", headers=api._headers())
    assert (answer.status_code, answer.json()["code"]) == (422, "duplicate_field")


def test_a_span_must_have_a_length_and_a_limit(world):
    who = {"customer": "our-customer", "meter": "our-calls"}
    # 400 days from 1 January 2025 end on 5 February 2026
    for start, end, status in [
        ("2025-02-01T00:00:00Z", "2025-02-01T00:00:00Z", 400),
        ("2025-02-01T00:00:00Z", "2025-01-01T00:00:00Z", 400),
        ("2025-01-01T00:00:00Z", "2026-02-05T00:00:00Z", 200),
        ("2025-01-01T00:00:00Z", "2026-02-05T00:00:01Z", 400),
    ]:
        for path in ("/usage", "/usage/days"):
            answer = world.api.get(path, **who, start=start, end=end)
            assert answer.status_code == status, (path, start, end)
            assert status == 200 or answer.json()["code"] == "span_refused"


def test_an_announced_body_above_the_limit_is_refused_before_it_is_read(api):
    class Unread(io.BytesIO):
        def read(self, *_size):
            raise AssertionError("the body was read")

    status, problem = _wsgi(api, Unread(), {"CONTENT_LENGTH": str(100 * 1024 * 1024)})
    assert (status, problem["code"]) == (413, "body_too_large")


def test_a_body_without_a_length_is_read_up_to_the_limit_only(api):
    class Endless(io.BytesIO):
        given = 0

        def read(self, size=-1):
            assert 0 < size <= 65_536
            Endless.given += size
            return b" " * size

    status, problem = _wsgi(api, Endless(), {"HTTP_TRANSFER_ENCODING": "chunked"})
    assert (status, problem["code"]) == (413, "body_too_large")
    assert Endless.given <= 12 * 1024 * 1024 + 65_536


def test_a_small_body_in_chunks_is_welcome(api):
    raw = io.BytesIO(json.dumps(CUSTOMER).encode())
    status, answer = _wsgi(api, raw, {"HTTP_TRANSFER_ENCODING": "chunked"})
    assert (status, answer["external_id"]) == (201, "new")


EVENT = {"type": "our-calls", "customer": "our-customer", "timestamp": "2025-01-10T09:00:00Z", "key": "new"}


BAD_EVENTS = [
    ({**EVENT, "amount": 1}, "usage_event_malformed"),
    ({**EVENT, "customer": NOBODY}, "usage_unknown_customer"),
    ({**EVENT, "customer": "nobody"}, "usage_unknown_customer"),
    ({**EVENT, "timestamp": "2025-01-10T09:00:00"}, "usage_timestamp_naive"),
    ({**EVENT, "timestamp": "2026-01-10T09:00:00Z"}, "usage_in_future"),
    ({**EVENT, "key": "our-event", "properties": {"n": 2}}, "usage_key_reused"),
    ({**EVENT, "properties": {"a": {"nested": 1}}}, "usage_property_type"),
    ({**EVENT, "properties": {"a": "\x00"}}, "usage_property_value"),
    ({**EVENT, "key": ""}, "usage_key_malformed"),
]


def test_a_bad_event_is_refused_by_its_receipt_and_the_others_are_kept(world):
    for number, (event, code) in enumerate(BAD_EVENTS):
        good = [{**EVENT, "key": f"good-{number}-{place}"} for place in (0, 2)]
        answer = world.api.post("/usage", {"events": [good[0], event, good[1]]}).json()
        assert [each["state"] for each in answer["receipts"]] == ["accepted", "refused", "accepted"], event
        assert (answer["accepted"], answer["refused"]) == (2, 1)
        receipt = answer["receipts"][1]
        assert (receipt["code"], receipt["index"]) == (code, 1)
        assert receipt["detail"]
    span = {"start": "2025-01-10T00:00:00Z", "end": "2025-01-11T00:00:00Z"}
    used = world.api.get("/usage", customer="our-customer", meter="our-calls", **span).json()["quantities"]
    assert used == [{"group": {}, "quantity": str(1 + 2 * len(BAD_EVENTS))}]


def test_more_than_ten_thousand_events_are_refused_whole(world):
    events = [{**EVENT, "key": str(number)} for number in range(10_001)]
    answer = world.api.post("/usage", {"events": events})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_many_events")
    day = {"start": "2025-01-10T00:00:00Z", "end": "2025-01-11T00:00:00Z"}
    used = world.api.get("/usage", customer="our-customer", meter="our-calls", **day).json()
    assert used["quantities"] == [{"group": {}, "quantity": "1"}]


def test_a_usage_body_that_is_no_batch_is_refused(world):
    for raw, content_type, code in [
        (b"{broken", "application/json", "body_malformed"),
        (b"[]", "application/json", "body_malformed"),
        (b'{"events": [], "more": 1}', "application/json", "body_malformed"),
        (b"a,b", "text/csv", "unknown_content_type"),
    ]:
        answer = world.api.send("POST", "/usage", raw, content_type=content_type)
        assert (answer.status_code, answer.json()["code"]) == (422, code), raw


def test_a_live_seller_has_no_test_clock(seller):
    from clearbill.sellers.actions import create_key, create_seller
    from tests.worlds import ApiClient

    live = create_seller(name="Live", country="FR", currency="EUR", timezone="Europe/Paris", actor="cli", at=seller.at)
    key = create_key(live.id, name="k", granter="owner", actor="cli", at=seller.at)
    assert key.text.startswith("cb_live_")
    answer = ApiClient(key.text).post("/test_clock", {"to": wire(seller.at)})
    assert (answer.status_code, answer.json()["code"]) == (409, "clock_of_live_seller")


def _everything(world):
    lists = ["/customers", "/meters", "/plans", "/subscriptions", "/invoices", "/drafts", "/credit_notes", "/journal"]
    return {path: world.api.get(path).json() for path in [*lists, "/balances", "/events", "/seller", "/test_clock"]}


def _wsgi(api, body, extra):
    """The server's own way in, where a body needs no length."""
    from django.core.wsgi import get_wsgi_application

    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/api/v1/customers",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": body,
        "wsgi.errors": io.StringIO(),
        "CONTENT_TYPE": "application/json",
        "HTTP_AUTHORIZATION": f"Bearer {api.key}",
        **extra,
    }
    seen = {}
    pieces = get_wsgi_application()(environ, lambda status, headers: seen.update(status=int(status.split()[0])))
    return seen["status"], json.loads(b"".join(pieces))
