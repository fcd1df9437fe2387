"""Play: at one instant first what falls due, then the verbs, then one bill run; and the same bytes every time."""

from __future__ import annotations

from typing import Any

import pytest

from clearbill.cli.simulate.play import play
from clearbill.cli.simulate.report_json import document, pretty
from clearbill.cli.simulate.scenario import read_scenario
from clearbill.core.errors import Fault

HEAD = """\
seller: {name: Acme Cloud, country: FR, currency: EUR, numbering: {prefix: ACME}}
meters:
  - {code: calls, aggregation: count}
plans:
  - {code: pro, interval: month, prices: [{code: fee, model: flat, amount: "10.00"}]}
  - {code: used, interval: month, prices: [{code: calls, model: per_unit, unit_amount: "1", meter: calls}]}
customers:
  - {id: acme}
  - {id: zeta}
  - {id: beta, locale: zh-Hans}
timeline:
"""


def played(*entries: str, until: str = "2025-03-15T00:00:00Z") -> dict[str, Any]:
    text = HEAD + "".join(f"  - {{{entry}}}\n" for entry in entries) + f"until: {until}\n"
    scenario = read_scenario(text)
    return document(scenario, play(scenario))


def invoices(found: dict[str, Any]) -> list[tuple[str, str, str, list[str]]]:
    return [
        (row["issued_at"], row["customer"], row["reason"], [line["amount"] for line in row["lines"]])
        for row in found["invoices"]
    ]


SUBSCRIBE = "at: 2025-01-01T00:00:00Z, do: subscribe, id: s1, customer: acme, plan: pro"
USED = "at: 2025-01-01T00:00:00Z, do: subscribe, id: s2, customer: acme, plan: used"


def test_what_falls_due_exactly_at_the_end_is_not_played(database: str) -> None:
    assert len(played(SUBSCRIBE, until="2025-02-01T00:00:00Z")["invoices"]) == 1
    assert len(played(SUBSCRIBE, until="2025-02-01T00:00:00.000001Z")["invoices"]) == 2
    assert played(SUBSCRIBE, until="2025-01-01T00:00:00Z")["subscriptions"] == []


def test_a_subscription_that_starts_when_another_renews_shares_its_invoice(database: str) -> None:
    found = played(SUBSCRIBE, "at: 2025-02-01T00:00:00Z, do: subscribe, id: s2, customer: acme, plan: pro")
    assert invoices(found) == [
        ("2025-01-01T00:00:00Z", "acme", "subscription_started", ["10.00"]),
        ("2025-02-01T00:00:00Z", "acme", "subscription_started", ["10.00", "10.00"]),
        ("2025-03-01T00:00:00Z", "acme", "period", ["10.00", "10.00"]),
    ]
    lines = found["invoices"][1]["lines"]
    assert [line["subscription"] for line in lines] == ["s1", "s2"]


def test_what_ends_and_what_begins_at_one_instant_is_one_invoice(database: str) -> None:
    found = played(
        USED,
        "at: 2025-01-10T00:00:00Z, do: usage, customer: acme, meter: calls",
        "at: 2025-01-20T00:00:00Z, do: subscribe, id: s1, customer: acme, plan: pro",
        "at: 2025-01-20T00:00:00Z, do: cancel, id: s2, timing: immediately",
        until="2025-01-21T00:00:00Z",
    )
    assert invoices(found) == [("2025-01-20T00:00:00Z", "acme", "canceled", ["1.00", "10.00"])]


def test_usage_that_comes_at_the_instant_of_a_bill_run_is_still_on_it_and_later_is_not(database: str) -> None:
    late = "do: usage, customer: acme, meter: calls, timestamp: 2025-01-31T12:00:00Z, key:"
    found = played(
        USED,
        f"at: 2025-01-31T13:00:00Z, {late} a",
        f"at: 2025-02-01T00:00:00Z, {late} b",
        f"at: 2025-02-01T00:00:01Z, {late} c",
        "at: 2025-02-01T00:00:00Z, do: usage, customer: acme, meter: calls, key: d",
    )
    assert invoices(found) == [
        ("2025-02-01T00:00:00Z", "acme", "period", ["2.00"]),
        ("2025-03-01T00:00:00Z", "acme", "period", ["1.00"]),
    ]


def test_an_end_at_the_instant_of_a_renewal_ends_the_new_period(database: str) -> None:
    found = played(SUBSCRIBE, "at: 2025-02-01T00:00:00Z, do: cancel, id: s1")
    assert [row[0] for row in invoices(found)] == ["2025-01-01T00:00:00Z", "2025-02-01T00:00:00Z"]
    (subscription,) = found["subscriptions"]
    assert subscription["period"]["end"] == "2025-03-01T00:00:00Z"
    assert subscription["state"] == "canceled"


def test_invoices_of_one_instant_are_numbered_as_their_customers_stand_in_the_file(database: str) -> None:
    entries = [
        f"at: 2025-01-01T00:00:00Z, do: subscribe, id: s{n}, customer: {customer}, plan: pro"
        for n, customer in enumerate(("beta", "acme", "zeta"))
    ]
    found = played(*entries)
    assert [row["customer"] for row in found["invoices"]] == ["acme", "zeta", "beta"] * 3
    assert [row["id"] for row in found["subscriptions"]] == ["s0", "s1", "s2"]
    assert list(found["balances"]) == ["acme", "zeta", "beta"]


def test_a_customer_changed_before_the_bill_run_is_billed_as_changed(database: str) -> None:
    found = played(
        SUBSCRIBE,
        "at: 2025-02-01T00:00:00Z, do: update_customer, customer: acme, set: {net_terms_days: 30}",
        until="2025-02-02T00:00:00Z",
    )
    assert [row["due_at"] for row in found["invoices"]] == ["2025-01-01T00:00:00Z", "2025-03-03T00:00:00Z"]


def test_a_key_used_twice_is_ignored_or_refused_by_its_body(database: str) -> None:
    usage = "do: usage, customer: acme, meter: calls, key: k"
    found = played(
        USED,
        f"at: 2025-01-02T00:00:00Z, {usage}, timestamp: 2025-01-02T00:00:00Z",
        f"at: 2025-01-03T00:00:00Z, {usage}, timestamp: 2025-01-02T00:00:00Z",
        f"at: 2025-01-04T00:00:00Z, {usage}, timestamp: 2025-01-04T00:00:00Z",
        f"at: 2025-01-05T00:00:00Z, {usage}, times: 2",
        until="2025-02-02T00:00:00Z",
    )
    assert found["invoices"][0]["lines"][0]["quantity"] == "3"
    assert found["refusals"] == [{"at": "2025-01-04T00:00:00Z", "do": "usage", "code": "usage_key_reused"}]


def test_usage_of_the_future_is_refused_without_holding_the_others_up(database: str) -> None:
    usage = "do: usage, customer: acme, meter: calls"
    found = played(
        USED,
        f"at: 2025-01-02T00:00:00Z, {usage}",
        f"at: 2025-01-03T00:00:00Z, {usage}, timestamp: 2025-01-20T00:00:00Z",
        f"at: 2025-01-04T00:00:00Z, {usage}",
        until="2025-02-02T00:00:00Z",
    )
    assert found["invoices"][0]["lines"][0]["quantity"] == "2"
    assert [row["code"] for row in found["refusals"]] == ["usage_in_future"]


def test_a_file_gives_the_same_bytes_every_time_and_next_to_other_scenarios(database: str) -> None:
    entries = [SUBSCRIBE, USED, "at: 2025-01-20T00:00:00Z, do: cancel, id: s1, timing: immediately"]
    first = pretty(played(*entries))
    played("at: 2025-01-01T00:00:00Z, do: subscribe, id: s1, customer: zeta, plan: used")
    assert pretty(played(*entries)) == first


def test_nothing_happens_in_an_empty_timeline(database: str) -> None:
    found = played()
    assert found["invoices"] == found["journal"] == found["messages"] == []
    assert found["balances"]["acme"] == {
        "EUR": {"receivable": "0.00", "account_credit": "0.00", "prepaid_credit": "0.00"}
    }


def test_what_the_engine_could_not_bill_is_said_and_not_left_out(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_bills: object) -> None:
        raise ValueError("a broken promise")

    monkeypatch.setattr("clearbill.billing.actions.bill_run.write_bills", broken)
    with pytest.raises(Fault, match="s1: a broken promise"):
        played(SUBSCRIBE)
