"""Drafts: bills that fell due and wait, for their grace to end or for the bill run of their instant."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Q

from clearbill.billing.actions.bills import REASONS, Bill, BilledCharge
from clearbill.billing.models import Draft, Subscription
from clearbill.core.money import plain
from clearbill.core.period import WITHOUT_PARTS, Period, ProrationUnit
from clearbill.core.price import Price
from clearbill.core.subscription import Charge, ChargeKind
from clearbill.pricing.queries import prices_by_id
from clearbill.scope.ids import new_id
from clearbill.scope.seller import current_seller


def draft_of(bill: Bill) -> Draft:
    """A bill as a draft row. Quantities of usage aren't in it: they're read when it becomes final."""
    return Draft(
        id=new_id(bill.fell_due_at),
        seller_id=current_seller(),
        customer_id=bill.customer_id,
        currency=bill.currency,
        reason=bill.reason,
        fell_due_at=bill.fell_due_at,
        finalize_at=bill.issued_at,
        charges=json.dumps({"policies": dict(bill.policies), "charges": [_packed(item) for item in bill.charges]}),
    )


def save_drafts(drafts: Sequence[Draft]) -> None:
    """Write draft rows."""
    Draft.objects.bulk_create(drafts)


def locked_drafts(customers: Sequence[UUID], *, horizon: datetime) -> list[Draft]:
    """Drafts of ``customers`` to be made final up to ``horizon``, locked; without those that are parked."""
    return list(
        Draft.objects.select_for_update(of=("self",))
        .filter(Q(parked__isnull=True) | Q(parked__resolved_at__isnull=False))
        .filter(customer_id__in=customers, finalize_at__lte=horizon)
        .order_by("finalize_at", "id")
    )


def subscription_in(draft: Draft) -> UUID:
    """The first subscription that a draft bills."""
    return UUID(json.loads(draft.charges)["charges"][0]["subscription"])


def cut_waiting_fees(subscription: Subscription, *, unused_from: datetime) -> None:
    """End at ``unused_from`` what waits to be billed in advance of a subscription: so it needs no credit later."""
    drafts = Draft.objects.select_for_update().filter(customer_id=subscription.customer_id)
    for draft in drafts.order_by("finalize_at", "id"):
        packed = json.loads(draft.charges)
        prices = prices_by_id({UUID(item["price"]) for item in packed["charges"]})
        kept = [
            cut
            for item in packed["charges"]
            if (cut := _cut(item, prices[UUID(item["price"])], subscription.id, unused_from)) is not None
        ]
        if not kept:
            draft.delete()
        elif kept != packed["charges"]:
            draft.charges = json.dumps({**packed, "charges": kept})
            draft.save(update_fields=["charges"])


def pending_bills(drafts: Sequence[Draft]) -> list[Bill]:
    """The bills of draft rows."""
    packed = {row.id: json.loads(row.charges) for row in drafts}
    prices = prices_by_id({UUID(item["price"]) for each in packed.values() for item in each["charges"]})
    return [
        Bill(
            customer_id=row.customer_id,
            currency=row.currency,
            reason=row.reason,
            fell_due_at=row.fell_due_at,
            issued_at=row.finalize_at,
            policies=packed[row.id]["policies"],
            charges=tuple(_unpacked(item, prices[UUID(item["price"])]) for item in packed[row.id]["charges"]),
        )
        for row in drafts
    ]


def one_for_each_instant(bills: Sequence[Bill]) -> list[Bill]:
    """``bills`` in the order of their numbers; one for a customer, currency and instant under the same policies."""
    together: dict[tuple[object, ...], list[Bill]] = {}
    for bill in sorted(bills, key=lambda bill: (bill.issued_at, bill.fell_due_at, bill.customer_id)):
        policies = json.dumps(dict(bill.policies), sort_keys=True)
        key = (bill.issued_at, bill.fell_due_at, bill.customer_id, bill.currency, policies)
        together.setdefault(key, []).append(bill)
    return [group[0] if len(group) == 1 else _joined(group) for group in together.values()]


def _joined(bills: Sequence[Bill]) -> Bill:
    """Charges by subscription, each subscription's in their own order."""
    reasons = {bill.reason for bill in bills}
    charges = sorted((item for bill in bills for item in bill.charges), key=lambda item: item.subscription_id)
    return replace(bills[0], reason=next(reason for reason in REASONS if reason in reasons), charges=tuple(charges))


def _cut(item: dict[str, Any], price: Price, subscription_id: UUID, unused_from: datetime) -> dict[str, Any] | None:
    """A packed charge up to ``unused_from``; None when it would be all after that."""
    period = _period(item["period"])
    is_fee_ahead = item["subscription"] == str(subscription_id) and item["in_advance"] and price.prorated
    if not is_fee_ahead or ProrationUnit(item["unit"]) in WITHOUT_PARTS or period.end <= unused_from:
        return item
    return {**item, "period": _span(replace(period, end=unused_from))} if period.start < unused_from else None


def _packed(item: BilledCharge) -> dict[str, object]:
    charge = item.charge
    return {
        "price": str(item.price_id),
        "subscription": str(item.subscription_id),
        "timezone": item.timezone,
        "unit": item.unit.value,
        "kind": charge.kind.value,
        "period": _span(charge.period),
        "whole": _span(charge.whole),
        "window": None if charge.window is None else _span(charge.window),
        "quantity": None if charge.quantity is None else plain(charge.quantity),
        "in_advance": charge.in_advance,
    }


def _unpacked(item: dict[str, object], price: Price) -> BilledCharge:
    window, quantity = item["window"], item["quantity"]
    return BilledCharge(
        charge=Charge(
            price=price,
            kind=ChargeKind(str(item["kind"])),
            period=_period(item["period"]),
            whole=_period(item["whole"]),
            window=None if window is None else _period(window),
            quantity=None if quantity is None else Decimal(str(quantity)),
            in_advance=bool(item["in_advance"]),
        ),
        subscription_id=UUID(str(item["subscription"])),
        price_id=UUID(str(item["price"])),
        timezone=str(item["timezone"]),
        unit=ProrationUnit(str(item["unit"])),
    )


def _span(period: Period) -> list[str]:
    return [period.start.isoformat(), period.end.isoformat()]


def _period(pair: object) -> Period:
    start, end = pair  # type: ignore[misc]
    return Period(start=datetime.fromisoformat(start), end=datetime.fromisoformat(end))
