"""Customers: who pays."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import Field

from clearbill.core.errors import NotFound
from clearbill.customers import actions, queries
from clearbill.scope.ids import read_id, show_id
from clearbill.web.api.doors import acts, changes, reads
from clearbill.web.api.shapes import (
    Asked,
    Cursor,
    Document,
    InstantText,
    Limit,
    Page,
    Shown,
    described_by,
    instant_text,
    page_of,
    read_cursor,
)

router = Router(tags=["Customers"])


class CustomerChanges(Document):
    """What can change of a customer. What is left out stays; final invoices keep what they said."""

    name: str = Field(None, examples=["Acme GmbH"])
    email: str = Field(None, examples=["accounts@acme.example"], description="Invoices are mailed here.")
    country: str = Field(None, examples=["DE"], description="ISO 3166, two letters.")
    region: str = Field(None, examples=["Bavaria"])
    kind: str = Field(None, description="`business` or `consumer`.", examples=["business"])
    timezone: str = Field(None, examples=["Europe/Berlin"], description="IANA name; left out, the seller's.")
    locale: str = Field(None, description="Language of invoices and mails: `en` or `zh-Hans`.", examples=["en"])
    currency: str = Field(None, examples=["EUR"], description="ISO 4217.")
    address: list[str] = Field(None, examples=[["1 Sample Street", "80331 Munich"]], description="Lines as printed.")
    tax_ids: list[str] = Field(None, examples=[["DE123456789"]])
    net_terms_days: int | None = Field(None, examples=[30], description="Days to pay; null is the seller's.")
    policies: dict[str, str | int] = Field(None, examples=[{"grace_hours": 24}], description="Named billing policies.")


class NewCustomer(CustomerChanges):
    """A customer to be."""

    external_id: str = Field(examples=["acme"], description="Your own name for them; can't change.")
    name: str = Field(examples=["Acme GmbH"])


class Customer(Shown):
    """A customer."""

    id: str = Field(examples=["cus_01jh7q2v8s1k8m5c4w2x6y9z3b"])
    external_id: str
    name: str
    email: str
    country: str
    region: str
    kind: str
    timezone: str
    locale: str
    currency: str
    address: list[str]
    tax_ids: list[str]
    net_terms_days: int | None
    policies: dict[str, str | int]
    created_at: InstantText


class CustomersAsked(Asked):
    """Which customers."""

    external_id: str | None = Field(None, max_length=128, description="The one with this name of yours.")
    search: str | None = Field(None, max_length=200, description="Part of a name, external id or e-mail address.")
    cursor: Cursor | None = None
    limit: Limit = 50


@acts(router, "/customers", gives=Customer, status=201, may="manage_customers")
def create_customer(request: HttpRequest, document: described_by(NewCustomer)) -> Customer:
    """Create a customer."""
    return show_customer(actions.create_customer(document, at=request.at, actor=request.actor))


@reads(router, "/customers", gives=Page[Customer])
def list_customers(request: HttpRequest, asked: Query[CustomersAsked]) -> Page[Customer]:
    """List customers, newest first."""
    return page_of(_found(asked), limit=asked.limit, show=show_customer, cursor=lambda row: show_id("customer", row.id))


@reads(router, "/customers/{customer_id}", gives=Customer)
def get_customer(request: HttpRequest, customer_id: str) -> Customer:
    """Get a customer by its id."""
    return show_customer(queries.customer_by_id(read_id("customer", customer_id)))


@changes(router, "/customers/{customer_id}", gives=Customer, may="manage_customers")
def update_customer(request: HttpRequest, customer_id: str, document: described_by(CustomerChanges)) -> Customer:
    """Change a customer."""
    key = read_id("customer", customer_id)
    return show_customer(actions.update_customer(key, document, at=request.at, actor=request.actor))


def customer_of(reference: str) -> UUID:
    """The customer behind an id or external id, in the running scope. Raises NotFound ``customer_not_found``."""
    found = queries.customer_ids_of([reference]).get(reference)
    if found is None:
        raise NotFound("customer_not_found", "There is no such customer.", field="customer")
    return found


def optional_customer_of(reference: str | None) -> UUID | None:
    """The same, where none may be named."""
    return None if reference is None else customer_of(reference)


def show_customer(row: Any) -> Customer:
    """A customer on the wire."""
    return Customer(
        id=show_id("customer", row.id),
        created_at=instant_text(row.created_at),
        **{name: getattr(row, name) for name in Customer.model_fields if name not in ("id", "created_at")},
    )


def _found(asked: CustomersAsked) -> list[Any]:
    if asked.external_id is not None:
        wanted = queries.customer_ids_of([asked.external_id])
        found = queries.customers_by_ids(wanted.values())
        return [row for row in found.values() if row.external_id == asked.external_id]
    before = read_cursor("customer", asked.cursor)
    return queries.customers_page(search=asked.search or "", before=before, limit=asked.limit)
