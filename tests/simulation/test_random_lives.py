"""Random lives of subscriptions, one after another and many at once: the books, the bills and ``verify`` always agree."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from threading import Thread
from typing import Any

import pytest

from clearbill.core.errors import Refusal
from tests.worlds import in_scope, make_customer, make_meter, make_plan, run_until, use

ZONES = (
    "Europe/Paris",
    "America/New_York",
    "Asia/Kathmandu",
    "America/Sao_Paulo",
    "Pacific/Apia",
    "Australia/Lord_Howe",
    "Asia/Beirut",
)
UNIT_AMOUNTS = {"EUR": "3.337", "JPY": "7.7", "BHD": "1.23456"}
ANCHORS: dict[str, tuple[str | int, ...]] = {
    "day": ("anniversary",),
    "week": ("anniversary", "calendar", "monday"),
    "month": ("anniversary", "calendar", 31, 15),
    "quarter": ("anniversary", "calendar", 30),
    "year": ("anniversary", "calendar", "06-15"),
}
REFUSED = {
    "subscription_canceled",
    "bill_run_behind",
    "credit_note_exceeds_invoice",
    "credit_note_not_positive",
}
ACTS = ("subscribe", "cancel", "end", "uncancel", "credit", "use", "use")


class Life:
    """A seller under random policies, with three customers, and the acts that may happen to them."""

    def __init__(self, make_seller: Any, seed: int) -> None:
        chance = random.Random(seed)
        currency = chance.choice(list(UNIT_AMOUNTS))
        policies = {
            "tax.rounding": chance.choice(["rate", "invoice", "line"]),
            "rounding": chance.choice(["half_up", "half_even", "down"]),
            "grace_hours": chance.choice([0, 0, 5, 24, 200]),
        }
        self.seller = make_seller(
            currency=currency,
            timezone=chance.choice(ZONES),
            policies=policies,
            taxes=chance.choice([(("vat", "20"),), (("vat", "20"), ("city", "2.375"))]),
        )
        self.seller.seller.tax_behavior = chance.choice(["exclusive", "inclusive"])
        self.seller.seller.save(update_fields=["tax_behavior"])
        self._sell(chance, currency)
        self.customers = [
            make_customer(self.seller, f"c{n}", currency=currency, timezone=chance.choice(ZONES)) for n in range(3)
        ]

    def _sell(self, chance: random.Random, currency: str) -> None:
        make_meter(self.seller, "calls")
        make_meter(
            self.seller, "sum", event_type="calls", aggregation="sum", property="n", group_by=["second", "first"]
        )
        amount = UNIT_AMOUNTS[currency]
        tiers = [{"up_to": "2", "unit_amount": "0.111"}, {"unit_amount": "0.077", "flat_amount": "1"}]
        prices = [
            {"code": "fee", "model": "flat", "amount": amount},
            {"code": "seats", "model": "per_unit", "unit_amount": amount, "quantity": "3", "prorated": False},
            {"code": "late", "model": "flat", "amount": amount, "bill": "in_arrears", "tax": []},
            {"code": "calls", "model": "package", "amount": amount, "size": "2", "meter": "calls", "tax": ["vat"]},
            {"code": "sum", "model": "graduated", "meter": "sum", "tiers": tiers, "tiers_over": "all"},
        ]
        for interval in ANCHORS:
            count = chance.choice([1, 1, 2])
            make_plan(self.seller, interval, prices=prices, interval=interval, currency=currency, interval_count=count)

    def act(self, chance: random.Random, now: datetime) -> None:
        """Something happens at ``now``, or is refused for a reason that may come."""
        act: Callable[[random.Random, datetime], None] = getattr(self, f"_{chance.choice(ACTS)}")
        try:
            with in_scope(self.seller):
                act(chance, now)
        except Refusal as refusal:
            assert refusal.code in REFUSED, refusal

    def _subscribe(self, chance: random.Random, now: datetime) -> None:
        from clearbill.billing.actions.subscriptions import subscribe

        plan = chance.choice(list(ANCHORS))
        subscribe(
            customer_id=chance.choice(self.customers).id,
            plan_code=plan,
            anchor=chance.choice(ANCHORS[plan]),
            quantities={"seats": Decimal(chance.randint(0, 5))},
            policies={
                "proration.unit": chance.choice(["day", "second", "fixed_30", "full", "none"]),
                "termination_day": chance.choice(["billed", "free"]),
                "unused": chance.choice(["credit", "credit", "keep"]),
            },
            at=now,
            actor="test",
        )

    def _cancel(self, chance: random.Random, now: datetime, timing: str = "at_period_end") -> None:
        from clearbill.billing.actions.subscriptions import cancel

        for row in self._any_subscription(chance):
            cancel(row.id, timing=timing, at=now, actor="test")

    def _end(self, chance: random.Random, now: datetime) -> None:
        self._cancel(chance, now, timing="immediately")

    def _uncancel(self, chance: random.Random, now: datetime) -> None:
        from clearbill.billing.actions.subscriptions import uncancel

        for row in self._any_subscription(chance):
            uncancel(row.id, at=now, actor="test")

    def _credit(self, chance: random.Random, now: datetime) -> None:
        from clearbill.billing.actions.credits import credit_invoice
        from clearbill.billing.models import Invoice, InvoiceLine

        recent = list(Invoice.objects.order_by("-sequence")[:10])
        if recent:
            invoice = chance.choice(recent)
            lines = list(InvoiceLine.objects.filter(invoice=invoice))
            some = chance.sample(lines, chance.randint(1, len(lines)))
            amounts = {row.line: chance.choice([row.amount_minor, chance.randint(0, row.amount_minor)]) for row in some}
            credit_invoice(invoice.id, lines=amounts, reason="goodwill", at=now, actor="test")

    def _use(self, chance: random.Random, now: datetime) -> None:
        for _ in range(5):
            at = now - timedelta(seconds=chance.randint(0, 100_000))
            number = Decimal(chance.randint(0, 10**6)) / 1000
            key = str(chance.getrandbits(64))
            text, first, second = (at.replace(tzinfo=None).isoformat(), chance.choice("xyz"), chance.choice("xyz"))
            use(self.seller, f"c{chance.randint(0, 2)}", "calls", text, key=key, n=number, first=first, second=second)

    def _any_subscription(self, chance: random.Random) -> list[Any]:
        from clearbill.billing.models import Subscription

        rows = list(Subscription.objects.order_by("id"))
        return [chance.choice(rows)] if rows else []


def assert_laws(world: Any) -> None:
    """Receivable is what is open, deferred what is unearned; the journal balances, no number is missing, bills verify."""
    from clearbill.billing.models import CreditNote, Deferral, Invoice, InvoiceState
    from clearbill.billing.queries.subscriptions import parked_work
    from clearbill.billing.queries.verify import verify_all
    from clearbill.ledger.queries import balances

    currency = world.seller.currency
    with in_scope(world):
        assert [each.difference for each in verify_all() if each.difference] == []
        assert parked_work() == []
        owed = balances()
        assert sum(owed.values()) == 0
        assert owed.get(("receivable", currency), 0) == sum(row.due_minor for row in InvoiceState.objects.all())
        unearned = sum(row.amount_minor - row.earned_minor for row in Deferral.objects.all())
        assert owed.get(("deferred_revenue", currency), 0) == -unearned
        for kind in (Invoice, CreditNote):
            numbers = sorted(kind.objects.values_list("sequence", flat=True))
            assert numbers == list(range(1, len(numbers) + 1))


def moved_on(world: Any, now: datetime) -> None:
    run_until(world, now.replace(tzinfo=None).isoformat())


QUICK, SLOW = range(3), [pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 40)]


@pytest.mark.parametrize("seed", [*QUICK, *SLOW])
def test_the_books_agree_with_the_bills_all_along_a_life(make_seller: Any, seed: int) -> None:
    from clearbill.billing.actions.subscriptions import cancel
    from clearbill.billing.models import Deferral, Draft, Subscription

    life, chance = Life(make_seller, seed), random.Random(seed)
    now = life.seller.at
    for _ in range(30):
        now += timedelta(seconds=chance.choice([0, 3600, 86_400 * chance.randint(0, 20), chance.randint(1, 10**6)]))
        moved_on(life.seller, now)
        for _ in range(3):
            life.act(chance, now)
    moved_on(life.seller, now)
    assert_laws(life.seller)
    with in_scope(life.seller):
        for row in Subscription.objects.filter(state="active"):
            cancel(row.id, at=now, actor="test")
    moved_on(life.seller, now + timedelta(days=800))

    assert_laws(life.seller)
    with in_scope(life.seller):
        assert not Draft.objects.exists()
        assert not Deferral.objects.filter(due_at__isnull=False).exists()


@contextmanager
def small_batches() -> Iterator[None]:
    from clearbill.billing.actions import bill_run

    usual = bill_run.BATCH_SUBSCRIPTIONS
    bill_run.BATCH_SUBSCRIPTIONS = 4
    try:
        yield
    finally:
        bill_run.BATCH_SUBSCRIPTIONS = usual


@pytest.mark.parametrize("seed", [0, *[pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 8)]])
def test_bill_runs_and_people_at_once_leave_the_books_in_agreement(make_seller: Any, seed: int) -> None:
    from django.db import connections

    from clearbill.billing.actions.bill_run import run_due

    life, problems = Life(make_seller, seed), []
    clock = [life.seller.at]

    def live(number: int) -> None:
        chance = random.Random(seed * 100 + number)
        try:
            for _ in range(30):
                if number == 0:
                    clock[0] += timedelta(hours=chance.randint(1, 60))
                if number < 3:
                    run_due(life.seller.id, at=clock[0])
                else:  # a request may have read its clock some time ago
                    life.act(chance, max(clock[0] - timedelta(minutes=chance.choice([0, 5, 600])), life.seller.at))
        except Exception as problem:  # noqa: BLE001 - it would be lost with its thread
            problems.append(problem)
        finally:
            connections.close_all()

    with small_batches():
        threads = [Thread(target=live, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert problems == []
    moved_on(life.seller, clock[0] + timedelta(days=40))
    assert_laws(life.seller)
