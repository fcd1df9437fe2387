"""Small worlds for tests: a seller, a plan, a customer, in a few readable lines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
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


class ApiClient:
    """Speaks to the API as a program of a seller does: JSON in, parsed JSON out."""

    def __init__(self, key: str) -> None:
        from django.test import Client

        self.key = key
        self._client = Client(raise_request_exception=False)

    def get(self, path: str, **query: object) -> Any:
        """``GET /api/v1{path}``."""
        given = {name: str(value) for name, value in query.items()}
        return self._client.get(self._url(path), given, headers=self._headers())

    def post(self, path: str, body: object = None, *, idempotency_key: str | None = None) -> Any:
        """``POST`` of ``body`` as JSON; without one, of nothing."""
        extra = {"Idempotency-Key": idempotency_key} if idempotency_key is not None else {}
        return self.send("POST", path, b"" if body is None else json.dumps(body).encode(), **extra)

    def patch(self, path: str, body: object) -> Any:
        """``PATCH`` of ``body`` as JSON."""
        return self.send("PATCH", path, json.dumps(body).encode())

    def send(
        self, method: str, path: str, raw: bytes, *, content_type: str = "application/json", **headers: str
    ) -> Any:
        """``raw`` as it stands."""
        return self._client.generic(
            method, self._url(path), raw, content_type=content_type, headers={**self._headers(), **headers}
        )

    def _url(self, path: str) -> str:
        return f"/api/v1{path}"

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


def api_client(world: World, *, role: str = "owner") -> ApiClient:
    """A program with a new key of ``role`` at the world's seller."""
    from clearbill.sellers.actions import create_key

    made = create_key(world.id, name=f"Test {role}", granter="owner", actor="cli", at=world.at, role=role)
    return ApiClient(made.text)


@dataclass(frozen=True, slots=True)
class FullWorld:
    """A seller with one of everything, made through the API; ``ids`` and codes are as the wire shows them.

    Every name and code begins with ``tag``, so that a trace of this world is found in any text.
    """

    world: World
    api: ApiClient
    tag: str
    ids: dict[str, str]


def full_world(world: World, *, tag: str) -> FullWorld:
    """Meter, plan, customer, subscriptions, usage, invoices, a draft, a credit note, facts and postings."""
    api = api_client(world)

    def made(path: str, body: dict[str, object]) -> dict[str, Any]:
        response = api.post(path, body)
        assert response.status_code in (200, 201), response.content
        found: dict[str, Any] = response.json()
        return found

    meter = made("/meters", {"code": f"{tag}-calls", "aggregation": "count"})
    price = {"code": f"{tag}-fee", "model": "per_unit", "unit_amount": "40.00", "quantity": "1"}
    metered = {"code": f"{tag}-use", "model": "per_unit", "unit_amount": "0.50", "meter": meter["code"]}
    plan = made("/plans", {"code": f"{tag}-plan", "interval": "month", "prices": [price, metered]})
    customer = made("/customers", {"external_id": f"{tag}-customer", "name": f"{tag} customer"})
    agreement = {"customer": customer["id"], "plan": plan["code"]}
    subscription = made("/subscriptions", {**agreement, "external_id": f"{tag}-subscription"})
    waiting = made("/subscriptions", {**agreement, "policies": {"grace_hours": 48}})
    event = {"type": meter["code"], "customer": customer["id"], "timestamp": wire(world.at), "key": f"{tag}-event"}
    assert made("/usage", {"events": [event]})["accepted"] == 1
    made("/test_clock", {"to": wire(world.at + timedelta(days=1))})
    invoice = api.get("/invoices").json()["data"][0]
    line = {"line": 1, "amount": {"amount": "1.00", "currency": invoice["total"]["currency"]}}
    with in_scope(world):
        from clearbill.payments.actions.paying import begin_payment
        from clearbill.scope.ids import read_id, show_id

        payment = begin_payment([read_id("invoice", invoice["id"])], key=f"{tag}-payment", at=world.at)
        payment_id = show_id("payment", payment.id)
    note = made("/credit_notes", {"invoice": invoice["id"], "lines": [line], "reason": f"{tag} reason"})
    return FullWorld(
        world=world,
        api=api,
        tag=tag,
        ids={
            "code": meter["code"],
            "plan": plan["code"],
            "meter": meter["code"],
            "customer": customer["id"],
            "external_id": customer["external_id"],
            "subscription": subscription["id"],
            "waiting_subscription": waiting["id"],
            "invoice": invoice["id"],
            "number": invoice["number"],
            "credit_note": note["id"],
            "payment": payment_id,
            "draft": api.get("/drafts").json()["data"][0]["id"],
            "event": api.get("/events").json()["data"][0]["id"],
            "transaction": api.get("/journal").json()["data"][0]["id"],
            "plan_version": plan["versions"][0]["id"],
            "seller": api.get("/seller").json()["id"],
        },
    )


def wire(at: datetime) -> str:
    """An instant as the wire shows it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
