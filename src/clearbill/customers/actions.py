"""Customers: make one, change one, put many at once, all in the running seller scope; and their sign-in links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from clearbill.core.errors import Conflict, Malformed, NotFound, Refusal, TooLarge
from clearbill.customers.documents import check_customer
from clearbill.customers.links import make_sign_in_link, use_sign_in_link
from clearbill.customers.models import Customer
from clearbill.outbox.actions import record_facts
from clearbill.scope.ids import new_id, show_id
from clearbill.scope.seller import current_seller
from clearbill.sellers.actions import record_audit
from clearbill.sellers.models import Seller

__all__ = [
    "PutReceipt",
    "PutState",
    "create_customer",
    "make_sign_in_link",
    "put_customers",
    "update_customer",
    "use_sign_in_link",
]

MAX_CUSTOMERS_A_CALL = 10_000
_BULK_ROWS = 1_000


class PutState(StrEnum):
    """What became of a row."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class PutReceipt:
    """One row's outcome, in the order of the rows."""

    state: PutState
    customer_id: UUID | None = None
    refusal: Refusal | None = None


def create_customer(document: Mapping[str, object], *, at: datetime, actor: str) -> Customer:
    """A new customer. Raises what ``check_customer`` raises, and Conflict ``customer_exists``."""
    fields = check_customer(document)
    seller = Seller.objects.get(id=current_seller())
    made = Customer.objects.bulk_create([_new(seller, fields, at=at)], ignore_conflicts=True)[0]
    found = Customer.objects.get(seller=seller, external_id=made.external_id)
    if found.id != made.id:
        raise Conflict(
            "customer_exists",
            "There is a customer “{external_id}” already.",
            field="external_id",
            external_id=made.external_id,
        )
    shown = show_id("customer", made.id)
    record_facts([("customer.created", {"customer": shown})], at=at)
    record_audit("customer.create", object_id=shown, actor=actor, at=at)
    return found


def update_customer(customer_id: UUID, changes: Mapping[str, object], *, at: datetime, actor: str) -> Customer:
    """Change some fields. Final invoices keep what they said; ``external_id`` can't change.

    Raises what ``check_customer`` raises, and NotFound ``customer_not_found``.
    """
    if isinstance(changes, Mapping) and "external_id" in changes:
        raise Malformed(
            "external_id_is_fixed",
            "A customer keeps its external id; make another customer.",
            field="external_id",
        )
    fields = check_customer(changes, required=())
    customer = Customer.objects.select_for_update().filter(id=customer_id).first()
    if customer is None:
        raise NotFound("customer_not_found", "There is no such customer.")
    changed = _apply(customer, fields)
    if changed:
        customer.save(update_fields=changed)
        shown = show_id("customer", customer.id)
        record_facts([("customer.updated", {"customer": shown})], at=at)
        record_audit("customer.update", object_id=shown, data={"fields": changed}, actor=actor, at=at)
    return customer


def put_customers(documents: Sequence[object], *, at: datetime, actor: str) -> list[PutReceipt]:
    """Create or change many, by ``external_id``; the same again changes nothing. A refused row leaves the others alone."""
    if len(documents) > MAX_CUSTOMERS_A_CALL:
        raise TooLarge("too_many_rows", "At most {limit} customers at once.", limit=MAX_CUSTOMERS_A_CALL)
    checked = [_checked(document) for document in documents]
    names = {fields["external_id"] for fields in checked if not isinstance(fields, Refusal)}
    seller = Seller.objects.get(id=current_seller())
    known = {c.external_id: c for c in Customer.objects.filter(seller=seller, external_id__in=names)}
    receipts: list[PutReceipt] = []
    changed: dict[str, Customer] = {}
    facts: dict[UUID, str] = {}
    for fields in checked:
        if isinstance(fields, Refusal):
            receipts.append(PutReceipt(state=PutState.REFUSED, refusal=fields))
            continue
        name = str(fields["external_id"])
        state = PutState.UNCHANGED
        if name not in known:
            known[name], state = _new(seller, fields, at=at), PutState.CREATED
        elif _apply(known[name], fields):
            state = PutState.UPDATED
        if state is not PutState.UNCHANGED:
            changed[name] = known[name]
            facts.setdefault(known[name].id, f"customer.{state}")
        receipts.append(PutReceipt(state=state, customer_id=known[name].id))
    _upsert(changed)
    record_facts([(fact, {"customer": show_id("customer", id_)}) for id_, fact in facts.items()], at=at)
    if facts:
        record_audit("customer.put", data={"rows": len(facts)}, actor=actor, at=at)
    return receipts


def _checked(document: object) -> dict[str, object] | Refusal:
    try:
        return check_customer(document)
    except Refusal as refusal:
        return refusal


def _new(seller: Seller, fields: Mapping[str, object], *, at: datetime) -> Customer:
    defaults: dict[str, object] = {"currency": seller.currency, "locale": seller.locale}
    return Customer(id=new_id(at), seller=seller, created_at=at, **{**defaults, **fields})


def _apply(customer: Customer, fields: Mapping[str, object]) -> list[str]:
    changed = [name for name, value in fields.items() if getattr(customer, name) != value]
    for name in changed:
        setattr(customer, name, fields[name])
    return changed


def _upsert(customers: Mapping[str, Customer]) -> None:
    """In the order of their names, so that two calls at once wait for each other instead of deadlocking."""
    fixed = {"id", "seller", "external_id", "created_at"}
    Customer.objects.bulk_create(
        [customers[name] for name in sorted(customers)],
        batch_size=_BULK_ROWS,
        update_conflicts=True,
        unique_fields=["seller", "external_id"],
        update_fields=[field.name for field in Customer._meta.concrete_fields if field.name not in fixed],
    )
