"""Reads of the customers room, in the running seller scope."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db.models import Q

from clearbill.core.errors import NotFound, Refusal
from clearbill.customers.models import Customer
from clearbill.scope.ids import read_id

MAX_PAGE = 100
MAX_SEARCH = 200


def customer_by_id(customer_id: UUID) -> Customer:
    """Raises NotFound ``customer_not_found``."""
    customer = Customer.objects.filter(id=customer_id).first()
    if customer is None:
        raise NotFound("customer_not_found", "There is no such customer.")
    return customer


def customer_by_external_id(external_id: str) -> Customer:
    """Raises NotFound ``customer_not_found``."""
    customer = None if "\0" in external_id else Customer.objects.filter(external_id=external_id).first()
    if customer is None:
        raise NotFound("customer_not_found", "There is no such customer.")
    return customer


def customers_page(*, search: str = "", before: UUID | None = None, limit: int = 50) -> list[Customer]:
    """Customers, newest first, those made before ``before``; ``search`` looks into name, external id and e-mail."""
    rows = Customer.objects.order_by("-id")
    text = search.replace("\0", "").strip()[:MAX_SEARCH]
    if text:
        rows = rows.filter(Q(name__icontains=text) | Q(external_id__icontains=text) | Q(email__icontains=text))
    if before is not None:
        rows = rows.filter(id__lt=before)
    return list(rows[: min(limit, MAX_PAGE)])


def customers_by_ids(customer_ids: Collection[UUID]) -> dict[UUID, Customer]:
    """Those of ``customer_ids`` that are there."""
    return Customer.objects.in_bulk(list(customer_ids))


def customer_ids_of(references: Collection[str]) -> dict[str, UUID]:
    """The ids behind references (external ids or ``cus_…``), unknown ones left out; one query."""
    wanted = {reference for reference in references if "\0" not in reference}
    by_id: dict[UUID, str] = {}
    for reference in wanted:
        if reference.startswith("cus_"):
            try:
                by_id[read_id("customer", reference)] = reference
            except Refusal:
                continue  # an external id may begin like that; it's looked up as one below
    rows = Customer.objects.filter(Q(external_id__in=wanted) | Q(id__in=by_id)).values_list("id", "external_id")
    found = {}
    for id_, external_id in rows:
        if external_id in wanted:
            found[external_id] = id_
        if id_ in by_id:
            found[by_id[id_]] = id_
    return found


def customers_by_email(email: str, *, limit: int = 5) -> list[Customer]:
    """Whose address this is, whatever its case; oldest first."""
    text = email.replace("\0", "").strip()
    return list(Customer.objects.filter(email__iexact=text).order_by("id")[:limit]) if text else []
