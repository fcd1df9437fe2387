"""Reading a scenario: what's wrong is one message with its line and column, what was found and what was expected."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearbill.cli.simulate.parse import ScenarioError
from clearbill.cli.simulate.scenario import read_file, read_scenario
from clearbill.cli.simulate.verbs import VERBS, is_available

GOOD = """\
seller:
  name: Acme Cloud
  country: FR
  currency: EUR
  timezone: Europe/Paris
  tax: [{code: vat, rate: "20"}]
meters:
  - {code: calls, aggregation: sum, property: units}
plans:
  - code: pro
    interval: month
    prices:
      - {code: fee, model: flat, amount: "29.00"}
      - code: calls
        model: graduated
        meter: calls
        tiers:
          - {up_to: 1000, unit_amount: "0.010"}
          - {unit_amount: "0.005"}
customers:
  - {id: acme, country: FR}
timeline:
  - {at: 2025-01-10T09:00:00Z, do: subscribe, id: s1, customer: acme, plan: pro}
  - {at: 2025-01-11T09:00:00Z, do: usage, customer: acme, meter: calls, properties: {units: 1.50, on: true, no: null}}
until: 2025-06-30T00:00:00Z
"""

# what is replaced, by what with @ before the place, what is found there, what is expected
BAD = [
    ('amount: "29.00"', "amount: @29.00", "the number 29.00", "A decimal is written as a string"),
    ('amount: "29.00"', "amount: @29", "the number 29", "A decimal is written as a string"),
    ('amount: "29.00"', 'amount: @"-1"', "“-1”", "A price can't be below zero."),
    ('amount: "29.00"', 'amount: "29.00", @colour: red', "the key “colour”", "one of the keys code, model"),
    ('amount: "29.00"', 'amount: "29.00", @size: 3', "the key “size”", "one of the keys code, model"),
    ('amount: "29.00"', 'amount: "29.00", @code: twice', "the key “code” again", "each key once"),
    ("{code: fee, ", "@{", "an object without “code”", "the key “code”"),
    ("model: flat", "model: @flatt", "“flatt”", "one of flat, per_unit"),
    ("model: flat", "model: @stairstep", "“stairstep”", "is not available yet"),
    ("model: flat", "model: flat, bill: @per_event", "“per_event”", "is not available yet"),
    ("model: flat", "model: flat, bill: @later", "“later”", "in_advance"),
    ("model: flat", "model: flat, tax: [@gst]", "“gst”", "one of the seller's taxes: vat"),
    ("model: flat", "model: flat, prorated: @often", "“often”", "true or false"),
    ("model: flat", "model: flat, currency: @USD", "“USD”", "“EUR”, since “currency” is not available yet"),
    ("model: flat", 'model: flat, minimum: @"5"', "“5”", "not available yet"),
    ('rate: "20"', "rate: @20", "the number 20", "a decimal in quotes, such as “20”"),
    ('rate: "20"', 'rate: @"120"', "“120”", "per cent from 0 to 100"),
    ('rate: "20"', 'rate: @"1.1234567"', "“1.1234567”", "at most 6 places"),
    ("code: vat", "code: @VAT", "“VAT”", "small letters"),
    ("up_to: 1000", "up_to: @-5", "the number -5", "A quantity can't be below zero."),
    ('{unit_amount: "0.005"}', '{unit_amount: "0.005", @from: 3}', "the key “from”", "up_to, unit_amount"),
    ('{unit_amount: "0.005"}', '@{up_to: 9999, unit_amount: "0.005"}', "an object", "must have no “up_to”"),
    ('{unit_amount: "0.005"}', '{up_to: @9, unit_amount: "0"}\n          - {}', "the number 9", "they overlap"),
    ("meter: calls\n", "meter: @cells\n", "“cells”", "There is no meter “cells”"),
    ("aggregation: sum", "aggregation: @average", "“average”", "not available yet"),
    ("aggregation: sum", "aggregation: @median", "“median”", "one of count, sum"),
    ("property: units}", "property: units, carries_over: @true}", "“true”", "not available yet"),
    ("property: units}", "filters: {a: [b]}}", "an object", "needs the property"),
    ("interval: month", "interval: month\n    trial_days: @14", "the number 14", "“0”, since “trial_days”"),
    ("interval: month", 'interval: month\n    thresholds: @["200.00"]', "a list", "not available yet"),
    ("interval: month", "interval: month\n    usage_interval: @day", "“day”", "“month”, since “usage_interval”"),
    ("interval: month", "interval: @fortnight", "“fortnight”", "is not an interval"),
    ("interval: month", "interval: month\n    interval_count: @0", "the number 0", "a whole number from 1"),
    ("currency: EUR", "currency: @EURO", "“EURO”", "ISO 4217"),
    ("country: FR\n", "country: @France\n", "“France”", "ISO 3166"),
    ("timezone: Europe/Paris", "timezone: @Paris", "“Paris”", "is not a time zone"),
    ('tax: [{code: vat, rate: "20"}]', "tax: @auto", "“auto”", "not available yet"),
    ("  currency: EUR\n", "  currency: EUR\n  policies: {grace_hours: @soon}\n", "“soon”", "0–744"),
    ("  currency: EUR\n", "  currency: EUR\n  policies: {grace: @1}\n", "the policy “grace”", "grace_hours"),
    (
        "  currency: EUR\n",
        "  currency: EUR\n  policies: {grouping: @subscription}\n",
        "“subscription”",
        "not available yet",
    ),
    ("  currency: EUR\n", "  currency: EUR\n  policies: {unused: @refund}\n", "“refund”", "not available yet"),
    ("  currency: EUR\n", "  currency: EUR\n  policies: {proration.unit: @week}\n", "“week”", "day, second"),
    ("  currency: EUR\n", "  currency: EUR\n  numbering: {per: @customer}\n", "“customer”", "not available yet"),
    (
        "  currency: EUR\n",
        '  currency: EUR\n  numbering: {format: @"{customer_seq}"}\n',
        "“{customer_seq}”",
        "not available",
    ),
    ("  currency: EUR\n", '  currency: EUR\n  numbering: {format: @"{prefix}"}\n', "“{prefix}”", "{seq:06}"),
    ("  currency: EUR\n", "  currency: EUR\n  net_terms_days: @-1\n", "the number -1", "a whole number from 0"),
    ("id: acme", "id: acme, @colour: red", "the key “colour”", "one of the keys id, country"),
    ("id: acme, country: FR", "id: acme, country: @Gaul", "“Gaul”", "ISO 3166"),
    ("id: acme, country: FR", "id: acme, parent: @zeus", "“zeus”", "not available yet"),
    ("id: acme, country: FR", "id: acme, method: @cash", "“cash”", "one of card"),
    ("do: subscribe", "do: @subscrib", "“subscrib”", "one of subscribe, usage"),
    ("do: subscribe, id: s1, ", "do: cancel, @", "the key “customer”", "at, do, id, timing"),
    ("customer: acme, plan", "customer: @acmee, plan", "“acmee”", "a name from this file: acme"),
    ("plan: pro}", "plan: @prox}", "“prox”", "a name from this file: pro"),
    ("plan: pro}", "plan: pro, anchor: @someday}", "“someday”", "is not an anchor"),
    ("plan: pro}", "plan: pro, anchor: @32}", "the number 32", "is not an anchor"),
    ("plan: pro}", "plan: pro, coupons: @[LAUNCH]}", "a list", "an empty list, since “coupons”"),
    ("plan: pro}", "plan: pro, quantities: {seats: @-1}}", "the number -1", "a quantity of zero or more"),
    ("at: 2025-01-10T09:00:00Z", "at: @2025-01-10T09:00:00", "“2025-01-10T09:00:00”", "with its zone"),
    ("at: 2025-01-10T09:00:00Z", "at: @2025-01-10", "“2025-01-10”", "with its zone"),
    ("at: 2025-01-10T09:00:00Z", "at: @2025-02-30T09:00:00Z", "“2025-02-30T09:00:00Z”", "with its zone"),
    ("customer: acme, meter: calls, pro", "customer: @acme, pro", "neither of them", "either “meter” or “event”"),
    ("meter: calls, pro", "meter: calls, event: @calls, pro", "“calls”", "either “meter” or “event”"),
    ("units: 1.50", "units: @{deep: 1}", "an object", "a number, a text, true, false"),
    ("no: null}", "no: null}, times: @0", "the number 0", "a whole number from 1"),
    ("no: null}", "no: null}, subscription: @s9", "“s9”", "a name from this file: s1"),
    ("until: 2025-06-30T00:00:00Z", "until: @2095-06-30T00:00:00Z", "“2095-06-30", "at most 50 years"),
    ("seller:", "@vendor:", "the key “vendor”", "one of the keys seller, meters"),
    ("meters:\n", "coupons: @[{code: X}]\nmeters:\n", "a list", "not available yet"),
    ("plans:\n", "  - @{code: calls, aggregation: count}\nplans:\n", "the meter “calls” again", "each code once"),
    ("until:", "  - {at: 2025-03-01T00:00:00Z, do: cancel, id: @s9}\nuntil:", "“s9”", "a name from this file: s1"),
    (
        "until:",
        "  - {at: 2025-03-01T00:00:00Z, do: cancel, id: s1, usage: @skip}\nuntil:",
        "“skip”",
        "not available yet",
    ),
    (
        "until:",
        "  - {at: 2025-03-01T00:00:00Z, do: cancel, id: s1, unused: @refund}\nuntil:",
        "“refund”",
        "not available yet",
    ),
    (
        "until:",
        "  - {at: 2025-03-01T00:00:00Z, do: credit_note, invoice: 1, lines: [{line: 1, amount: @5}]}\nuntil:",
        "the number 5",
        "a decimal in quotes",
    ),
    (
        "until:",
        "  - {at: 2025-03-01T00:00:00Z, do: update_customer, customer: acme, set: {@id: x}}\nuntil:",
        "the key “id”",
        "one of the keys country",
    ),
]


def test_a_scenario_is_read_exactly() -> None:
    scenario = read_scenario(GOOD)

    assert scenario.seller["net_terms_days"] == 0
    assert scenario.taxes == [{"code": "vat", "rate": "20"}]
    assert scenario.plans["pro"]["prices"][0] == {"code": "fee", "model": "flat", "amount": "29.00"}  # type: ignore[index]
    assert scenario.begins_at == datetime(2025, 1, 10, 9, tzinfo=UTC)
    assert scenario.subscriptions == {"s1": "acme"}
    usage = scenario.steps[1]
    assert (usage.verb, usage.params["type"]) == ("usage", "calls")
    assert usage.params["properties"] == {"units": Decimal("1.50"), "on": True, "no": None}


@pytest.mark.parametrize(("old", "new", "found", "expected"), BAD)
def test_what_is_wrong_is_said_with_its_place(old: str, new: str, found: str, expected: str) -> None:
    assert old in GOOD
    marked = GOOD.replace(old, new, 1)
    before, at, after = marked.partition("@")
    with pytest.raises(ScenarioError) as caught:
        read_scenario(before + after)

    problem = caught.value
    if at:
        assert (problem.line, problem.column) == (before.count("\n") + 1, len(before) - before.rfind("\n"))
    assert found in problem.found
    assert expected in problem.expected


def test_a_scenario_needs_its_end() -> None:
    with pytest.raises(ScenarioError) as caught:
        read_scenario(GOOD.replace("until: 2025-06-30T00:00:00Z\n", ""))
    problem = caught.value
    assert (problem.line, problem.column, problem.expected) == (1, 1, "the key “until”")


def test_the_message_names_the_file() -> None:
    with pytest.raises(ScenarioError) as caught:
        read_scenario(GOOD.replace('"29.00"', "29.00"))
    message = caught.value.message("my.yaml")
    assert message.startswith("my.yaml, line 13, column 42: found the number 29.00; expected: ")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("interval: month", 'interval: month\n    trial_days: 0\n    minimum_commitment: "0.00"\n    thresholds: []'),
        ("interval: month", "interval: month\n    usage_interval: month\n    trial_price: null"),
        ("property: units}", "property: units, carries_over: false}"),
        ('amount: "29.00"', 'amount: "29.00", currency: EUR, minimum: "0", maximum: null, usage_discount: null'),
        ("id: acme", "id: acme, parent: null, method: card, tax_id_check: valid, decline_code: insufficient_funds"),
        ("  currency: EUR\n", '  currency: EUR\n  policies: {minimum_charge: "0", grouping: customer}\n'),
        ("  currency: EUR\n", "  currency: EUR\n  dunning: [{after_days: 0, do: retry}]\n"),
        ("plan: pro}", "plan: pro, coupons: [], anchor: 15}"),
        ("until:", "coupons: []\nuntil:"),
    ],
)
def test_what_is_not_available_yet_may_be_written_where_it_changes_nothing(old: str, new: str) -> None:
    assert read_scenario(GOOD.replace(old, new, 1)).plans == read_scenario(GOOD).plans


@pytest.mark.parametrize("verb", [verb for verb in VERBS if not is_available(verb)])
def test_a_verb_that_comes_later_is_valid_input_whose_keys_are_checked(verb: str) -> None:
    entry = f"  - {{at: 2025-02-01T00:00:00Z, do: {verb}, {VERBS[verb].keys[0]}: x%s}}\nuntil:"
    read_scenario(GOOD.replace("until:", entry % "", 1))
    with pytest.raises(ScenarioError, match="colour"):
        read_scenario(GOOD.replace("until:", entry % ", colour: red", 1))


def test_entries_are_played_by_instant_and_then_as_they_stand() -> None:
    late, early = "at: 2025-01-11T09:00:00Z, do: usage", "at: 2025-01-10T09:00:00+01:00, do: usage"
    steps = read_scenario(GOOD.replace(late, early)).steps
    assert [step.verb for step in steps] == ["usage", "subscribe"]
    same = read_scenario(GOOD.replace(late, "at: 2025-01-10T10:00:00+01:00, do: usage")).steps
    assert [step.verb for step in same] == ["subscribe", "usage"]


@pytest.mark.parametrize(
    ("raw", "line", "column", "found"),
    [
        (b"", 1, 1, "an empty file"),
        (b"seller: \xff\n", 1, 9, "UTF-8"),
        (b"a: 1\nb: \xe4\xb8\xad \xff", 2, 8, "UTF-8"),
        (b"- 1\n", 1, 1, "a list"),
        (b"a: &x [*x]\n", 1, 1, "the key “a”"),
        (b"seller: 1\n---\nseller: 2\n", 2, 1, "document"),
        (b"seller: {name: 'x\n", 2, 1, ""),
        (b"\t- x", 1, 1, ""),
        (b"[" * 5_000, 1, 1, "nested"),
        (b"seller: \x00", 1, 1, ""),
        (b"#" * 5_000_001, 1, 1, "5000001 bytes"),
    ],
)
def test_a_file_that_is_no_scenario_is_refused(tmp_path: Path, raw: bytes, line: int, column: int, found: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(raw)
    with pytest.raises(ScenarioError) as caught:
        read_file(path)
    assert (caught.value.line, found in caught.value.found) == (line, True), caught.value.message("x")
    assert caught.value.column == column or not found


@given(
    st.integers(0, len(GOOD) - 1), st.sampled_from(["", ":", "{", "]", "'", "- ", "\t", "\n", "é", "&a ", "!!x ", "9"])
)
def test_a_damaged_file_is_read_or_refused_with_a_place_inside_it(at: int, junk: str) -> None:
    text = GOOD[:at] + junk + GOOD[at + 1 :]
    try:
        read_scenario(text)
    except ScenarioError as problem:
        assert 1 <= problem.line <= text.count("\n") + 2
        assert problem.column >= 1
