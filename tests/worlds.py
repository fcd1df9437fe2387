"""Small worlds for tests: a seller, a plan, a customer, in a few readable lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

START = datetime(2025, 1, 10, 9, tzinfo=UTC)


def instant(text: str) -> datetime:
    """``instant("2025-01-10T09:00")``, UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class World:
    """A seller and what belongs to it."""

    seller: Any
    at: datetime

    @property
    def id(self) -> Any:
        """The seller's id."""
        return self.seller.id


def make_seller(
    *,
    name: str = "Acme Cloud",
    currency: str = "EUR",
    country: str = "FR",
    timezone: str = "Europe/Paris",
    taxes: Sequence[tuple[str, str]] = (("vat", "20"),),
    policies: dict[str, object] | None = None,
    net_terms_days: int = 0,
    at: datetime = START,
) -> World:
    """A test seller with tax rates; its clock stands at ``at``."""
    from clearbill.scope.ids import new_id
    from clearbill.scope.seller import seller_scope
    from clearbill.sellers.models import Seller, TaxRate

    seller = Seller.objects.create(
        id=new_id(at),
        name=name,
        legal_name=name,
        country=country,
        currency=currency,
        timezone=timezone,
        email="billing@acme.example",
        address=["1 Example Street"],
        number_prefix="ACME",
        net_terms_days=net_terms_days,
        policies=policies or {},
        is_test=True,
        test_clock_at=at,
        created_at=at,
    )
    with seller_scope(seller.id):
        for code, rate in taxes:
            TaxRate.objects.create(
                id=new_id(at),
                seller=seller,
                code=code,
                label=code.upper(),
                rate=Decimal(rate),
                valid_from=datetime(2000, 1, 1, tzinfo=UTC),
            )
    return World(seller=seller, at=at)


def in_scope(world: World) -> Any:
    """``with in_scope(world):`` runs a block as the world's seller."""
    from clearbill.scope.seller import seller_scope

    return seller_scope(world.id)


def make_customer(world: World, external_id: str = "acme", **fields: object) -> Any:
    """A customer; in euros, English, with an address, unless said otherwise."""
    from clearbill.customers.actions import create_customer

    document = {
        "external_id": external_id,
        "name": f"{external_id.title()} Ltd",
        "email": f"billing@{external_id}.example",
        "country": "FR",
        "currency": "EUR",
        **fields,
    }
    with in_scope(world):
        return create_customer(document, at=world.at, actor="test")


def make_plan(world: World, code: str = "pro", *, prices: Sequence[dict[str, object]], **fields: object) -> Any:
    """A plan with its first version, valid from the world's beginning; meters must be there."""
    from clearbill.pricing.actions import create_plan

    document = {"code": code, "currency": "EUR", "interval": "month", "prices": list(prices), **fields}
    with in_scope(world):
        return create_plan(document, at=world.at, actor="test")


def make_meter(world: World, code: str, **fields: object) -> Any:
    """A meter that counts events of its code, unless said otherwise."""
    from clearbill.pricing.actions import create_meter

    with in_scope(world):
        return create_meter({"code": code, "aggregation": "count", **fields}, at=world.at, actor="test")


def subscribe(world: World, customer: Any, plan: str = "pro", **fields: Any) -> Any:
    """A subscription that starts at the world's beginning."""
    from clearbill.billing.actions.subscriptions import subscribe as act

    with in_scope(world):
        return act(customer_id=customer.id, plan_code=plan, at=world.at, actor="test", **fields)


def use(world: World, customer: str, event_type: str, at: str, *, key: str = "", **properties: object) -> Any:
    """One usage event; returns its receipt."""
    from clearbill.billing.actions.usage import accept_events
    from clearbill.billing.actions.usage_event import IncomingEvent

    event = IncomingEvent(
        type=event_type,
        customer=customer,
        timestamp=instant(at).isoformat(),
        key=key or f"{customer}-{event_type}-{at}",
        properties=dict(properties),
    )
    with in_scope(world):
        return accept_events([event], at=instant(at))[0]


def run_until(world: World, text: str) -> Any:
    """Move the world's clock and do what falls due."""
    from clearbill.billing.actions.tick import move_clock

    return move_clock(world.id, to=instant(text), actor="test")


def bills(world: World) -> list[dict[str, Any]]:
    """All final invoices, oldest first: number, when, total, and each line as ``(price, group, amount)``."""
    from clearbill.billing.queries.invoices import InvoiceFilter, invoices, lines_of
    from clearbill.core.money import format_minor

    with in_scope(world):
        rows = invoices(InvoiceFilter(), at=world.at, limit=1000)
        return [
            {
                "id": row.id,
                "number": row.number,
                "customer": row.customer.external_id,
                "issued_at": row.issued_at.strftime("%Y-%m-%dT%H:%M"),
                "reason": row.reason,
                "status": row.state.status,
                "subtotal": format_minor(row.subtotal_minor, row.currency),
                "tax": format_minor(row.tax_minor, row.currency),
                "total": format_minor(row.total_minor, row.currency),
                "lines": [
                    (line.price.code, line.group, format_minor(line.amount_minor, row.currency))
                    for line in lines_of(row.id)
                ],
            }
            for row in reversed(rows)
        ]
