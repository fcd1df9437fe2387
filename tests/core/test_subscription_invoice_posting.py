"""What falls due, what it costs, what it posts: from the start of a subscription to its end, and credit notes."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearbill.core import posting
from clearbill.core.errors import ClearbillError, Conflict, Fault, Refusal
from clearbill.core.invoice import (
    BilledLine,
    Invoice,
    InvoiceEvent,
    InvoiceRules,
    InvoiceStatus,
    Measured,
    TaxRest,
    make_credit,
    make_invoice,
    next_status,
    unused_part,
)
from clearbill.core.money import RoundingMode
from clearbill.core.period import Calendar, Interval, Period, ProrationUnit, parse_anchor
from clearbill.core.policy import DEFAULTS, check_policies, read_policies, resolve_policies
from clearbill.core.price import Price, parse_price
from clearbill.core.subscription import (
    Due,
    Subscription,
    SubscriptionState,
    TerminationDay,
    due,
    due_at,
    end_now,
    refuse_canceled,
    start,
)
from clearbill.core.tax import TaxRate

VAT = TaxRate(code="vat", rate=Decimal(20))
RULES = InvoiceRules(currency="EUR", timezone="UTC", rates=(VAT,))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def price(code: str, model: str = "flat", **fields: object) -> Price:
    return parse_price({"code": code, "model": model, **fields}, currency="EUR", meters=("m",))


FEE = price("fee", amount="31.00", bill="in_advance")
LATE_FEE = price("late", amount="62.00", bill="in_arrears")
SEATS = price("seats", "per_unit", unit_amount="10", quantity=5)
USAGE = price("usage", "per_unit", unit_amount="1", meter="m")


def begun(
    *prices: Price, started: str = "2025-01-10T09:00", unit: str = "day", anchor: str = "calendar", **quantities: str
) -> Subscription:
    calendar = Calendar(
        interval=Interval.MONTH,
        interval_count=1,
        anchor=parse_anchor(anchor),
        timezone="UTC",
        started_at=utc(started),
        unit=ProrationUnit(unit),
    )
    return start(
        calendar=calendar, prices=prices, quantities={code: Decimal(text) for code, text in quantities.items()}
    )


def next_due(subscription: Subscription) -> Due:
    found = due(subscription)
    assert found is not None
    return found


def invoice_of(charges: tuple, rules: InvoiceRules = RULES, **usage: str) -> Invoice:  # type: ignore[type-arg]
    return make_invoice(
        [
            Measured(
                charge=charge,
                quantities={
                    (): charge.quantity if charge.window is None else Decimal(usage.get(charge.price.code, "0"))
                },
                source=index,
            )
            for index, charge in enumerate(charges)
        ],
        rules=rules,
    )


def test_the_first_fees_fall_due_at_the_start_and_are_prorated_by_days() -> None:
    first = next_due(begun(FEE, SEATS, USAGE))

    assert (first.at, first.reason) == (utc("2025-01-10T09:00"), "subscription_started")
    made = invoice_of(first.charges)
    # 22 of 31 days: 31 × 22/31 = 22.00; 50 × 22/31 = 35.4838… → 35.48; tax 20 % of 57.48 = 11.496 → 11.50
    assert [line.amount_minor for line in made.lines] == [2200, 3548]
    assert (made.subtotal_minor, made.tax_minor, made.total_minor) == (5748, 1150, 6898)
    assert [step["step"] for step in made.lines[1].working] == ["per_unit", "proration", "round"]


def test_a_period_end_bills_what_ended_and_what_begins() -> None:
    second = next_due(next_due(begun(FEE, LATE_FEE, USAGE)).after)

    assert second.at == utc("2025-02-01")
    # in the plan's order; the period of usage is its window, which opens at the exact start
    assert [(charge.price.code, charge.period) for charge in second.charges] == [
        ("fee", Period(start=utc("2025-02-01"), end=utc("2025-03-01"))),
        ("late", Period(start=utc("2025-01-10"), end=utc("2025-02-01"))),
        ("usage", Period(start=utc("2025-01-10T09:00"), end=utc("2025-02-01"))),
    ]
    usage = second.charges[2]
    assert usage.window == usage.period
    made = invoice_of(second.charges, usage="7")
    # the arrears fee is prorated by its stub, usage isn't: its window is the part
    assert [line.amount_minor for line in made.lines] == [3100, 4400, 700]


def test_cancelling_at_the_periods_end_bills_arrears_and_nothing_after() -> None:
    running = next_due(begun(FEE, LATE_FEE, USAGE)).after
    canceled = Subscription(**{**_fields(running), "cancel_at": running.period.end})
    last = next_due(canceled)

    assert (last.at, last.reason) == (utc("2025-02-01"), "canceled")
    assert [charge.price.code for charge in last.charges] == ["late", "usage"]
    assert last.after.state is SubscriptionState.CANCELED
    assert due_at(last.after) is None
    assert due(last.after) is None
    with pytest.raises(Conflict):
        refuse_canceled(last.after)


@pytest.mark.parametrize(
    ("unit", "termination_day", "edge"),
    [
        ("day", "billed", "2025-01-21T00:00"),
        ("day", "free", "2025-01-20T00:00"),
        ("second", "billed", "2025-01-20T15:30"),
    ],
)
def test_an_immediate_end_bills_to_the_days_edge_and_usage_to_the_instant(
    unit: str, termination_day: str, edge: str
) -> None:
    running = next_due(begun(FEE, LATE_FEE, USAGE, unit=unit)).after
    end = end_now(running, at=utc("2025-01-20T15:30"), termination_day=TerminationDay(termination_day))

    assert end.unused_from == utc(edge)
    fee, usage = end.charges
    assert fee.period.end == utc(edge)
    assert fee.whole == Period(start=utc("2025-01-01"), end=utc("2025-02-01"))
    assert usage.window is not None
    assert usage.window.end == utc("2025-01-20T15:30")
    assert end.after.state is SubscriptionState.CANCELED


def test_an_end_on_the_free_first_day_still_bills_that_days_usage() -> None:
    running = next_due(next_due(begun(FEE, LATE_FEE, USAGE)).after).after
    end = end_now(running, at=utc("2025-02-01T15:30"), termination_day=TerminationDay.FREE)

    (usage,) = end.charges
    assert usage.window == Period(start=utc("2025-02-01"), end=utc("2025-02-01T15:30"))


def test_an_end_at_the_instant_of_a_renewal_bills_no_usage_of_an_empty_window() -> None:
    running = next_due(next_due(begun(FEE, USAGE)).after).after
    end = end_now(running, at=utc("2025-02-01"), termination_day=TerminationDay.FREE)

    assert end.charges == ()
    assert end.unused_from == utc("2025-02-01")


def test_an_end_on_the_free_first_day_bills_nothing() -> None:
    running = next_due(begun(FEE, LATE_FEE)).after
    end = end_now(running, at=utc("2025-01-10T12:00"), termination_day=TerminationDay.FREE)
    assert end.charges == ()
    assert end.unused_from == utc("2025-01-10")


def test_quantities_of_the_subscription_come_before_the_prices() -> None:
    first = next_due(begun(SEATS, started="2025-01-01T00:00", seats="8"))
    assert invoice_of(first.charges).subtotal_minor == 8000


@pytest.mark.parametrize("quantities", [{"nothing": "1"}, {"usage": "1"}, {"fee": "1"}, {"seats": "-1"}])
def test_quantities_that_no_price_takes_are_refused(quantities: dict[str, str]) -> None:
    with pytest.raises(Refusal):
        begun(FEE, SEATS, USAGE, **quantities)


def test_full_and_none_charge_all_or_nothing_of_a_stub() -> None:
    first = next_due(begun(FEE))
    for unit, amount in (("full", 3100), ("none", 0)):
        rules = InvoiceRules(currency="EUR", timezone="UTC", rates=(), unit=ProrationUnit(unit))
        assert invoice_of(first.charges, rules).subtotal_minor == amount


def test_a_fee_that_is_not_prorated_is_whole() -> None:
    first = next_due(begun(price("fee", amount="31.00", bill="in_advance", prorated=False)))
    assert invoice_of(first.charges).subtotal_minor == 3100


def test_prices_choose_their_taxes() -> None:
    none = price("none", amount="10.00", bill="in_advance", tax=[])
    own = price("own", amount="10.00", bill="in_advance", tax=["vat"])
    made = invoice_of(next_due(begun(none, own, started="2025-01-01T00:00")).charges)
    assert [line.tax_minor for line in made.lines] == [0, 200]
    with pytest.raises(Refusal, match="unknown_tax"):
        invoice_of(next_due(begun(price("x", amount="1", bill="in_advance", tax=["city"]))).charges)


def test_usage_without_events_is_shown_as_a_line_of_zero() -> None:
    second = next_due(next_due(begun(USAGE)).after)
    made = make_invoice([Measured(charge=second.charges[0], quantities={})], rules=RULES)
    assert [(line.amount_minor, line.group, line.quantity) for line in made.lines] == [(0, (), Decimal(0))]


STATES = {
    (InvoiceStatus.OPEN, InvoiceEvent.SETTLED): InvoiceStatus.PAID,
    (InvoiceStatus.OPEN, InvoiceEvent.VOIDED): InvoiceStatus.VOID,
    (InvoiceStatus.OPEN, InvoiceEvent.WRITTEN_OFF): InvoiceStatus.UNCOLLECTIBLE,
    (InvoiceStatus.PAID, InvoiceEvent.REOPENED): InvoiceStatus.OPEN,
    (InvoiceStatus.UNCOLLECTIBLE, InvoiceEvent.REOPENED): InvoiceStatus.OPEN,
}


@pytest.mark.parametrize("status", list(InvoiceStatus))
@pytest.mark.parametrize("event", list(InvoiceEvent))
def test_every_state_and_event(status: InvoiceStatus, event: InvoiceEvent) -> None:
    if (status, event) in STATES:
        assert next_status(status, event) is STATES[(status, event)]
    else:
        with pytest.raises(Conflict, match="invoice_state"):
            next_status(status, event)


def billed(
    number: int = 1, amount: int = 1000, discount: int = 0, credited: int = 0, rates: tuple[TaxRate, ...] = (VAT,)
) -> BilledLine:
    return BilledLine(
        number=number,
        amount_minor=amount,
        discount_minor=discount,
        rates=rates,
        credited_minor=credited,
        credited_discount_minor=0,
    )


def credit(wanted: dict[int, int], lines: list[BilledLine], rest: tuple[int, int]):
    rests = [TaxRest(rate=VAT, base_minor=rest[0], amount_minor=rest[1])]
    return make_credit(wanted, lines=lines, rests=rests, mode=RoundingMode.HALF_UP)


def test_a_credit_note_takes_discount_and_tax_back_in_proportion() -> None:
    # 5.00 of 10.00 with 1.00 discount: 0.50 of it; tax 20 % of 4.50 = 0.90
    found = credit({1: 500}, [billed(discount=100)], (900, 180))
    assert (found.lines[0].discount_minor, found.subtotal_minor, found.tax_minor, found.total_minor) == (
        50,
        450,
        90,
        540,
    )


def test_the_note_that_empties_a_rate_takes_its_rest() -> None:
    first = credit({1: 333}, [billed(amount=1000)], (1000, 200))
    assert first.tax_minor == 67  # 66.6
    last = credit({1: 667}, [billed(amount=1000, credited=333)], (667, 133))
    assert (last.subtotal_minor, last.tax_minor) == (667, 133)
    assert first.total_minor + last.total_minor == 1200


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({}, "credit_note_empty"),
        ({1: 0}, "credit_note_not_positive"),
        ({1: -5}, "credit_note_not_positive"),
        ({1: 1001}, "credit_note_exceeds_invoice"),
        ({2: 1}, "unknown_line"),
    ],
)
def test_wrong_credit_notes_are_refused(wanted: dict[int, int], code: str) -> None:
    with pytest.raises(Refusal, match=code):
        credit(wanted, [billed()], (1000, 200))


@given(st.lists(st.integers(1, 400), min_size=1, max_size=8))
def test_notes_never_exceed_their_invoice(parts: list[int]) -> None:
    base, tax, credited = 1000, 200, 0
    total = 0
    for part in parts:
        try:
            found = credit({1: part}, [billed(credited=credited)], (base, tax))
        except Conflict:
            assert part > 1000 - credited
            continue
        credited += part
        base, tax = base - found.subtotal_minor, tax - found.tax_minor
        total += found.total_minor
    assert total <= 1200
    assert base >= 0
    assert tax >= 0
    if credited == 1000:
        assert total == 1200


def test_lines_without_a_rate_take_no_tax_back() -> None:
    found = make_credit(
        {1: 100},
        lines=[billed(rates=())],
        rests=[TaxRest(rate=VAT, base_minor=500, amount_minor=100)],
        mode=RoundingMode.HALF_UP,
    )
    assert (found.tax_minor, found.total_minor) == (0, 100)


def test_the_unused_part_of_a_stub_is_measured_by_the_stub() -> None:
    # a line of 21.00 for 21 days, 7 of them unused: 7/21, not 7/31
    part = unused_part(
        billed(amount=2100),
        billed=Period(start=utc("2025-01-11"), end=utc("2025-02-01")),
        unused=Period(start=utc("2025-01-25"), end=utc("2025-02-01")),
        unit=ProrationUnit.DAY,
        timezone="UTC",
        mode=RoundingMode.HALF_UP,
    )
    assert part == 700


def test_an_invoice_posts_deferred_earned_and_tax() -> None:
    second = next_due(next_due(begun(FEE, USAGE)).after)
    posted = posting.invoice_finalized(invoice_of(second.charges, usage="7"), currency="EUR")
    assert [(each.source, each.destination, each.amount_minor) for each in posted] == [
        ("deferred_revenue", "receivable", 3100),
        ("revenue", "receivable", 700),
        ("tax_payable:vat", "receivable", 760),
    ]
    assert posting.journal_entries(posted) == [
        ("receivable", "debit", 4560),
        ("deferred_revenue", "credit", 3100),
        ("revenue", "credit", 700),
        ("tax_payable:vat", "credit", 760),
    ]


def test_a_posting_moves_more_than_nothing_between_two_accounts() -> None:
    assert posting.move("a", "b", 0, currency="EUR") == []
    (back,) = posting.move("a", "b", -5, currency="EUR")
    assert (back.source, back.destination, back.amount_minor) == ("b", "a", 5)
    for source, destination, amount in (("a", "a", 5), ("a", "b", 0), ("a", "b", -5)):
        with pytest.raises(Fault):
            posting.Posting(source=source, destination=destination, amount_minor=amount, currency="EUR")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.integers(-500, 500)), max_size=10))
def test_a_journal_balances_and_a_reversal_undoes_it(moves: list[tuple[str, str, int]]) -> None:
    posted = [each for a, b, amount in moves for each in posting.move(a, b, amount, currency="EUR")]
    entries = posting.journal_entries(posted)
    assert sum(minor if side == "debit" else -minor for _account, side, minor in entries) == 0
    balance: dict[str, int] = {}
    for account, side, minor in posting.journal_entries([*posted, *posting.reverse(posted)]):
        balance[account] = balance.get(account, 0) + (minor if side == "debit" else -minor)
    assert set(balance.values()) <= {0}


def test_a_credit_note_takes_the_unearned_part_first_and_pays_what_is_open_first() -> None:
    found = credit({1: 1000}, [billed()], (1000, 200))
    posted = posting.credit_note(found, currency="EUR", unearned={1: 700}, open_minor=800)
    assert [(each.source, each.destination, each.amount_minor) for each in posted] == [
        ("receivable", "deferred_revenue", 700),
        ("receivable", "revenue", 100),
        ("customer_credit", "revenue", 200),
        ("customer_credit", "tax_payable:vat", 200),
    ]


@pytest.mark.parametrize(
    ("until", "minor"),
    [("2025-01-01", 0), ("2025-01-02", 3), ("2025-01-16", 50), ("2025-01-31", 100), ("2025-03-01", 100)],
)
def test_revenue_is_earned_in_a_straight_line(until: str, minor: int) -> None:
    span = Period(start=utc("2025-01-01"), end=utc("2025-01-31"))
    passed = Period(start=span.start, end=utc(until))
    assert posting.earned(100, span=span, until=passed, unit=ProrationUnit.DAY, timezone="UTC") == minor


def test_policies_resolve_later_over_earlier() -> None:
    found = resolve_policies({"rounding": "down", "grace_hours": 5}, {"rounding": "half_even"})
    assert found == {**DEFAULTS, "rounding": "half_even", "grace_hours": 5}
    assert read_policies(found).rounding is RoundingMode.HALF_EVEN


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"colour": "red"}, "unknown_policy"),
        ({"rounding": "up"}, "policy_value"),
        ({"grace_hours": -1}, "policy_value"),
        ({"grace_hours": "5"}, "policy_value"),
        ({"grace_hours": True}, "policy_value"),
        ({"grace_hours": 745}, "policy_value"),
    ],
)
def test_wrong_policies_are_refused(given: dict[str, object], code: str) -> None:
    with pytest.raises(ClearbillError, match=code):
        check_policies(given)


def _fields(one: Subscription) -> dict[str, object]:
    return {name: getattr(one, name) for name in one.__slots__}
