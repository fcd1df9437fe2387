"""The way through the API: catalogue, customer, subscription, usage, bill, credit note, journal, events."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tests.worlds import wire

EUR = "EUR"


def eur(amount):
    return {"amount": amount, "currency": EUR}


def test_a_customer_is_made_read_changed_and_found(api):
    given = {
        "external_id": "acme",
        "name": "Acme",
        "country": "DE",
        "locale": "zh-Hans",
        "policies": {"grace_hours": 2},
    }
    made = api.post("/customers", given)
    assert made.status_code == 201
    customer = made.json()
    assert {name: customer[name] for name in given} == given
    assert customer["currency"] == EUR
    assert customer["created_at"] == "2025-01-10T09:00:00Z"
    assert api.get(f"/customers/{customer['id']}").json() == customer
    changed = api.patch(f"/customers/{customer['id']}", {"name": "Acme 2", "net_terms_days": 30})
    assert changed.json() == {**customer, "name": "Acme 2", "net_terms_days": 30}
    assert api.get("/customers", external_id="acme").json() == {"data": [changed.json()], "next": None}
    assert api.get("/customers", search="ACME 2").json()["data"] == [changed.json()]
    assert api.get("/customers", external_id="nobody").json() == {"data": [], "next": None}
    assert api.get("/customers", external_id=customer["id"]).json()["data"] == []
    assert api.post("/customers", given).json()["code"] == "customer_exists"
    assert api.patch(f"/customers/{customer['id']}", {"external_id": "x"}).json()["code"] == "external_id_is_fixed"


@pytest.mark.parametrize("limit", [1, 2, 3, 4])
def test_pages_follow_one_another_without_gap_or_repeat(api, limit):
    for number in range(4):
        assert api.post("/customers", {"external_id": f"c{number}", "name": "N"}).status_code == 201
    seen, cursor = [], None
    for _page in range(6):
        page = api.get("/customers", limit=limit, **({"cursor": cursor} if cursor else {})).json()
        assert len(page["data"]) <= limit
        seen += [row["external_id"] for row in page["data"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert cursor is None
    assert seen == ["c3", "c2", "c1", "c0"]


@pytest.mark.parametrize("path", ["/subscriptions", "/invoices", "/credit_notes", "/journal", "/events"])
def test_every_long_list_can_be_read_page_by_page(world, path):
    world.api.post("/test_clock", {"to": wire(world.world.at + timedelta(days=70))})
    line = {"line": 1, "amount": eur("2.00")}
    body = {"invoice": world.ids["invoice"], "lines": [line], "reason": "again"}
    assert world.api.post("/credit_notes", body).status_code == 201
    whole = world.api.get(path, limit=100).json()
    assert len(whole["data"]) >= 2
    assert whole["next"] is None
    seen, cursor = [], None
    while len(seen) <= len(whole["data"]):
        page = world.api.get(path, limit=1, **({"cursor": cursor} if cursor else {})).json()
        seen += page["data"]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == whole["data"]


def test_meters_and_plans_are_made_once_and_read_back(api):
    meter = {"code": "calls", "aggregation": "sum", "property": "n", "group_by": ["region"], "name": {"en": "Calls"}}
    made = api.post("/meters", meter)
    assert made.status_code == 201
    assert api.post("/meters", meter).json() == made.json() == api.get("/meters/calls").json()
    assert api.get("/meters").json() == {"data": [made.json()], "next": None}
    tiers = [{"up_to": "100", "unit_amount": "0.015"}, {"unit_amount": "0.01", "flat_amount": "1"}]
    prices = [
        {"code": "fee", "model": "flat", "amount": "10.00", "name": {"en": "Fee", "zh-Hans": "费"}},
        {"code": "use", "model": "graduated", "tiers": tiers, "meter": "calls", "tax": []},
    ]
    plan = api.post("/plans", {"code": "team", "interval": "month", "prices": prices, "policies": {"grace_hours": 1}})
    assert plan.status_code == 201, plan.content
    version = plan.json()["versions"][0]
    assert (version["number"], version["currency"], version["interval"]) == (1, EUR, "month")
    fee, use = version["prices"]
    assert (fee["amount"], fee["bill"], fee["meter"], fee["name"]) == ("10", "in_advance", None, prices[0]["name"])
    assert (use["tax"], use["bill"], use["tiers"][0]["up_to"]) == ([], "in_arrears", "100")
    assert use["tiers"][1] == {"up_to": None, "unit_amount": "0.01", "flat_amount": "1"}
    new = {"interval": "month", "prices": prices[:1], "valid_from": "2025-07-01T00:00:00Z"}
    second = api.post("/plans/team/versions", new)
    assert (second.status_code, second.json()["number"], second.json()["valid_from"]) == (201, 2, new["valid_from"])
    assert [each["number"] for each in api.get("/plans/team").json()["versions"]] == [2, 1]
    assert api.get("/plans").json()["data"] == [api.get("/plans/team").json()]


def test_a_subscription_lives_from_its_start_to_its_end(world):
    one = world.ids["subscription"]
    found = world.api.get(f"/subscriptions/{one}").json()
    assert (found["state"], found["plan"], found["external_id"]) == ("active", "our-plan", "our-subscription")
    assert found["customer"] == world.ids["customer"]
    # anniversary of 10 January, 9:00 UTC, in Paris: local midnights
    assert (found["period_start"], found["period_end"]) == ("2025-01-09T23:00:00Z", "2025-02-09T23:00:00Z")
    canceled = world.api.post(f"/subscriptions/{one}/cancel").json()
    assert canceled["cancel_at"] == found["period_end"]
    assert world.api.post(f"/subscriptions/{one}/uncancel").json() == found
    ended = world.api.post(f"/subscriptions/{one}/cancel", {"timing": "immediately", "policies": {"unused": "keep"}})
    assert (ended.json()["state"], ended.json()["ended_at"]) == ("canceled", "2025-01-11T09:00:00Z")
    again = world.api.post(f"/subscriptions/{one}/cancel", {})
    assert (again.status_code, again.json()["code"]) == (409, "subscription_canceled")
    of_customer = world.api.get("/subscriptions", customer="our-customer").json()["data"]
    assert {row["id"] for row in of_customer} == {one, world.ids["waiting_subscription"]}


def test_a_subscription_is_made_with_all_that_can_be_said(world):
    body = {
        "customer": world.ids["customer"],
        "plan": "our-plan",
        "external_id": "second",
        "started_at": "2025-01-10T18:00:00+08:00",
        "anchor": "calendar",
        "quantities": {"our-fee": "3"},
        "policies": {"rounding": "half_even"},
    }
    answer = world.api.post("/subscriptions", body)
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert (made["external_id"], made["anchor"], made["quantities"]) == ("second", "calendar", {"our-fee": "3"})
    assert (made["started_at"], made["policies"]["rounding"]) == ("2025-01-10T10:00:00Z", "half_even")
    assert made["period_end"] == "2025-01-31T23:00:00Z"
    assert world.api.get(f"/subscriptions/{made['id']}").json() == made
    again = world.api.post("/subscriptions", body)
    assert (again.status_code, again.json()["code"]) == (409, "subscription_exists")


def test_usage_comes_in_as_json_or_lines_and_counts_once(world):
    event = {"type": "our-calls", "customer": "our-customer", "timestamp": "2025-01-10T10:00:00Z", "key": "e1"}
    other = {**event, "key": "e2", "timestamp": "2025-01-11T08:30:00+01:00", "properties": {"n": 2, "ok": True}}
    first = world.api.post("/usage", {"events": [event, other]})
    assert first.status_code == 200
    assert first.json() == {
        "accepted": 2,
        "duplicate": 0,
        "refused": 0,
        "receipts": [
            {"index": 0, "key": "e1", "state": "accepted", "code": None, "detail": None, "field": None},
            {"index": 1, "key": "e2", "state": "accepted", "code": None, "detail": None, "field": None},
        ],
    }
    lines = "\n".join(json.dumps(each) for each in (event, {**event, "key": "e3"})).encode()
    second = world.api.send("POST", "/usage", lines, content_type="application/x-ndjson").json()
    assert (second["accepted"], second["duplicate"]) == (1, 1)
    span = {"start": "2025-01-01T00:00:00Z", "end": "2025-02-01T00:00:00Z"}
    used = world.api.get("/usage", customer="our-customer", meter="our-calls", **span).json()
    # one of the world's own, e1, e2, e3
    assert used["quantities"] == [{"group": {}, "quantity": "4"}]
    assert (used["customer"], used["start"]) == (world.ids["customer"], span["start"])
    days = world.api.get("/usage/days", meter="our-calls", **span).json()["data"]
    assert days == [
        {"day": "2025-01-10", "quantities": [{"group": {}, "quantity": "3"}]},
        {"day": "2025-01-11", "quantities": [{"group": {}, "quantity": "1"}]},
    ]
    assert world.api.get("/usage/days", meter="our-calls", customer="our-customer", **span).json()["data"] == days


def test_a_group_is_named_by_its_property(api):
    api.post("/meters", {"code": "calls", "aggregation": "sum", "property": "n", "group_by": ["region"]})
    api.post("/customers", {"external_id": "acme", "name": "Acme"})
    event = {"type": "calls", "customer": "acme", "timestamp": "2025-01-10T08:00:00Z"}
    events = [
        {**event, "key": str(key), "properties": {"region": region, "n": n}}
        for key, (region, n) in enumerate([("eu", 1), ("us", 2), ("eu", "0.5")])
    ]
    assert api.post("/usage", {"events": events}).json()["accepted"] == 3
    span = {"start": "2025-01-01T00:00:00Z", "end": "2025-02-01T00:00:00Z"}
    assert api.get("/usage", customer="acme", meter="calls", **span).json()["quantities"] == [
        {"group": {"region": "eu"}, "quantity": "1.5"},
        {"group": {"region": "us"}, "quantity": "2"},
    ]


def test_an_invoice_says_how_each_amount_came_about(world):
    invoice = world.api.get(f"/invoices/{world.ids['invoice']}").json()
    # 40.00 a month in advance and 20 % of tax, less a credit note over 1.00 and its tax
    assert (invoice["subtotal"], invoice["tax"], invoice["total"]) == (eur("40.00"), eur("8.00"), eur("48.00"))
    assert (invoice["credited"], invoice["due"], invoice["status"]) == (eur("1.20"), eur("46.80"), "overdue")
    (line,) = invoice["lines"]
    assert (line["price"], line["amount"], line["tax"]) == ("our-fee", eur("40.00"), eur("8.00"))
    assert line["working"] == [{"step": "per_unit", "quantity": "1", "unit_amount": "40", "amount": "40.00"}]
    assert line["subscription"] == world.ids["subscription"]
    assert invoice["taxes"] == [
        {"code": "vat", "label": "VAT", "rate": "20", "base": eur("40.00"), "amount": eur("8.00")}
    ]
    assert invoice["document"]["number"] == invoice["number"]
    listed = world.api.get("/invoices", customer="our-customer").json()["data"]
    assert listed == [{name: invoice[name] for name in listed[0]}]
    assert world.api.get("/invoices", status="paid").json()["data"] == []
    assert world.api.get("/invoices", status="overdue", search=invoice["number"]).json()["data"] == listed


def test_a_preview_says_what_the_bill_run_then_writes_and_writes_nothing(world):
    before = world.api.get("/invoices").json(), world.api.get("/drafts").json(), world.api.get("/journal").json()
    until = "2025-02-12T00:00:00Z"
    previews = world.api.post("/invoices/preview", {"customer": "our-customer", "until": until}).json()["data"]
    assert before == (
        world.api.get("/invoices").json(),
        world.api.get("/drafts").json(),
        world.api.get("/journal").json(),
    )
    world.api.post("/test_clock", {"to": until})
    written = [
        world.api.get(f"/invoices/{row['id']}").json()
        for row in reversed(world.api.get("/invoices").json()["data"])
        if row["id"] != world.ids["invoice"]
    ]
    assert len(written) >= 2
    same = ("reason", "issued_at", "subtotal", "tax", "total", "customer")
    assert [{name: each[name] for name in same} for each in previews] == [
        {name: each[name] for name in same} for each in written
    ]
    for preview, invoice in zip(previews, written, strict=True):
        for expected, line in zip(preview["lines"], invoice["lines"], strict=True):
            assert expected == {name: line[name] for name in expected}


def test_a_preview_without_an_instant_goes_to_the_next_one(world):
    of_one = world.api.post("/invoices/preview", {"subscription": world.ids["subscription"]}).json()["data"]
    assert [(each["reason"], each["falls_due_at"]) for each in of_one] == [("period", "2025-02-09T23:00:00Z")]
    # 40.00 in advance, and one call for 0.50
    assert of_one[0]["subtotal"] == eur("40.50")
    of_all = world.api.post("/invoices/preview", {"customer": world.ids["customer"]}).json()["data"]
    # the draft of the other subscription comes first
    assert [(each["reason"], each["issued_at"]) for each in of_all] == [
        ("subscription_started", "2025-01-12T09:00:00Z")
    ]
    assert (
        world.api.post("/invoices/preview", {"customer": "our-customer", "until": "2025-01-11T10:00:00Z"}).json()[
            "data"
        ]
        == []
    )


def test_drafts_wait_out_their_grace(world):
    (draft,) = world.api.get("/drafts").json()["data"]
    assert (draft["fell_due_at"], draft["finalize_at"]) == ("2025-01-10T09:00:00Z", "2025-01-12T09:00:00Z")
    assert world.api.get("/drafts", customer="our-customer").json()["data"] == [draft]
    assert world.api.post("/test_clock", {"to": draft["finalize_at"]}).json()["invoices"] == 1
    assert world.api.get("/drafts").json()["data"] == []


@pytest.mark.parametrize("path", ["/invoices/{invoice}/pdf", "/credit_notes/{credit_note}/pdf"])
def test_documents_come_as_pdf_the_same_each_time(world, path):
    for name, value in world.ids.items():
        path = path.replace("{" + name + "}", value)
    first, again = world.api.get(path), world.api.get(path)
    assert (first.status_code, first["Content-Type"]) == (200, "application/pdf")
    assert first.content.startswith(b"%PDF-")
    assert first["Content-Disposition"].startswith('inline; filename="ACME-')
    assert first.content == again.content


def test_a_credit_note_takes_back_a_part_with_its_tax(world):
    body = {"invoice": world.ids["invoice"], "lines": [{"line": 1, "amount": eur("5.00")}], "reason": "Outage"}
    made = world.api.post("/credit_notes", body, idempotency_key="cn-1")
    assert made.status_code == 201
    note = made.json()
    assert (note["subtotal"], note["tax"], note["total"]) == (eur("5.00"), eur("1.00"), eur("6.00"))
    assert world.api.post("/credit_notes", body, idempotency_key="cn-1").json() == note
    assert world.api.get(f"/credit_notes/{note['id']}").json() == note
    listed = world.api.get("/credit_notes", invoice=world.ids["invoice"]).json()["data"]
    assert [row["id"] for row in listed] == [note["id"], world.ids["credit_note"]]
    # 48.00 less 1.20 and 6.00
    assert world.api.get(f"/invoices/{world.ids['invoice']}").json()["due"] == eur("40.80")


def test_the_journal_balances_and_adds_up_to_the_balances(world):
    journal = world.api.get("/journal").json()["data"]
    totals = {}
    for transaction in journal:
        sides = {"debit": 0, "credit": 0}
        for entry in transaction["entries"]:
            cents = int(entry["amount"]["amount"].replace(".", ""))
            sides[entry["side"]] += cents
            sign = 1 if entry["side"] == "debit" else -1
            totals[entry["account"]] = totals.get(entry["account"], 0) + sign * cents
        assert sides["debit"] == sides["credit"] > 0
    balances = world.api.get("/balances").json()["data"]
    shown = {row["account"]: int(row["balance"]["amount"].replace(".", "")) for row in balances}
    assert shown == {account: total for account, total in totals.items() if total}
    assert world.api.get("/balances", customer="our-customer").json()["data"] == balances
    assert {row["ref"] for row in journal} >= {world.ids["number"]}
    one = world.api.get("/journal", invoice=world.ids["invoice"], account="receivable").json()["data"]
    assert {row["fact"] for row in one} == {"invoice_finalized", "credit_note"}


def test_events_tell_what_became_true_in_the_wires_own_form(world):
    events = world.api.get("/events").json()["data"]
    types = {event["type"] for event in events}
    assert types >= {"customer.created", "subscription.started", "invoice.finalized", "credit_note.issued"}
    assert {event["seller"] for event in events} == {world.ids["seller"]}
    (final,) = world.api.get("/events", type="invoice.finalized").json()["data"]
    assert final["data"]["invoice"] == world.ids["invoice"]
    assert world.api.get(f"/events/{final['id']}").json() == final
    assert set(final) == {"id", "type", "version", "seller", "at", "data"}


def test_money_in_events_is_in_the_wires_form(world):
    for event in world.api.get("/events").json()["data"]:
        total = event["data"].get("total")
        assert total is None or set(total) == {"amount", "currency"}, event


def test_the_seller_and_its_clock_are_shown(world):
    seller = world.api.get("/seller").json()
    assert (seller["name"], seller["is_test"], seller["role"]) == ("Acme Cloud", True, "owner")
    assert world.api.get("/test_clock").json() == {"at": "2025-01-11T09:00:00Z", "is_set": True}
