"""A subscription's document in an import file: customer, plan, id, anchor, starts_at, quantities, policies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from clearbill.core.errors import Malformed
from clearbill.core.policy import check_policies
from clearbill.core.price import parse_whole
from clearbill.pricing.documents import read_instant

FIELDS = ("customer", "plan", "id", "anchor", "starts_at", "quantities", "policies")
MAX_TEXT = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionFields:
    """The document, read. ``starts_at`` is None for the instant of the import."""

    customer: str
    plan: str
    external_id: str
    anchor: str | int
    starts_at: datetime | None
    quantities: Mapping[str, Decimal]
    policies: Mapping[str, str | int]


def read_subscription(document: Mapping[str, object]) -> SubscriptionFields:
    """Raises Malformed ``subscription_unknown_field``, ``subscription_field`` and what the fields' readers raise."""
    unknown = sorted(str(name) for name in set(document) - set(FIELDS))
    if unknown:
        raise Malformed(
            "subscription_unknown_field",
            "A subscription has no field “{name}”; it has {known}.",
            field=unknown[0][:64],
            name=unknown[0][:64],
            known=", ".join(FIELDS),
        )
    customer, plan = (_text(document.get(name), name) for name in ("customer", "plan"))
    anchor = document.get("anchor", "anniversary")
    if isinstance(anchor, bool) or not isinstance(anchor, int):
        anchor = _text(anchor, "anchor")
    return SubscriptionFields(
        customer=customer,
        plan=plan,
        external_id=_text(document.get("id", f"{customer}:{plan}"), "id"),
        anchor=anchor,
        starts_at=read_instant(document["starts_at"], field="starts_at") if document.get("starts_at") else None,
        quantities={
            code: parse_whole(quantity, field=f"quantities.{code}")
            for code, quantity in _object(document.get("quantities"), "quantities").items()
        },
        policies=check_policies(_object(document.get("policies"), "policies")),
    )


def _text(value: object, field: str) -> str:
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= MAX_TEXT:
        raise Malformed(
            "subscription_field",
            "“{name}” needs a text of 1 to {limit} characters.",
            field=field,
            name=field,
            limit=MAX_TEXT,
        )
    return value


def _object(value: object, field: str) -> Mapping[str, object]:
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise Malformed(
            "subscription_field", "“{name}” must be an object of names and values.", field=field, name=field
        )
    return value
