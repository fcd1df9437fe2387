"""Counts and sums that lists and their tabs show, each one statement, in the running scope."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Q, Sum

from clearbill.billing.models import CreditNote, CreditNoteLine, Draft, Invoice, InvoiceState, Subscription


def invoice_counts(*, at: datetime) -> dict[str, int]:
    """How many invoices have each status; ``""`` counts all, ``overdue`` those that are open past their due date."""
    counts = {
        status: Count("id", filter=Q(state__status=status)) for status in ("open", "paid", "void", "uncollectible")
    }
    found = Invoice.objects.aggregate(
        all=Count("id"), overdue=Count("id", filter=Q(state__status="open", due_at__lt=at)), **counts
    )
    return {"": found.pop("all"), **found}


def subscription_counts() -> dict[str, int]:
    """How many subscriptions are ``active``, ``ending`` (active with an end ahead) and ``canceled``; ``""`` counts all."""
    found = Subscription.objects.aggregate(
        all=Count("id"),
        active=Count("id", filter=Q(state="active", cancel_at__isnull=True)),
        ending=Count("id", filter=Q(state="active", cancel_at__isnull=False)),
        canceled=Count("id", filter=Q(state="canceled")),
    )
    return {"": found.pop("all"), **found}


def draft_count() -> int:
    """How many bills wait out their grace."""
    return Draft.objects.count()


def open_of_customers(customer_ids: Collection[UUID]) -> dict[UUID, dict[str, int]]:
    """What each customer owes: minor units by currency; who owes nothing is left out."""
    rows = (
        InvoiceState.objects.filter(invoice__customer_id__in=list(customer_ids), status="open")
        .values("invoice__customer_id", "invoice__currency")
        .annotate(due=Sum("due_minor"))
        .order_by("invoice__currency")
    )
    found: dict[UUID, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row["invoice__customer_id"], {})[row["invoice__currency"]] = int(row["due"])
    return found


def billed_to(customer_id: UUID) -> dict[str, tuple[int, int]]:
    """What a customer was billed so far: ``{currency: (how many invoices, minor units)}``."""
    rows = (
        Invoice.objects.filter(customer_id=customer_id)
        .values("currency")
        .annotate(count=Count("id"), total=Sum("total_minor"))
        .order_by("currency")
    )
    return {row["currency"]: (row["count"], int(row["total"])) for row in rows}


def credited_to(customer_id: UUID) -> dict[str, tuple[int, int]]:
    """What was credited to a customer so far: ``{currency: (how many notes, minor units)}``."""
    rows = (
        CreditNote.objects.filter(customer_id=customer_id)
        .values("currency")
        .annotate(count=Count("id"), total=Sum("total_minor"))
        .order_by("currency")
    )
    return {row["currency"]: (row["count"], int(row["total"])) for row in rows}


def credited_of_lines(invoice_id: UUID) -> dict[int, int]:
    """What credit notes took back of each line so far, in minor units before discount and tax, by line number."""
    rows = (
        CreditNoteLine.objects.filter(invoice_line__invoice_id=invoice_id)
        .values("invoice_line__line")
        .annotate(taken=Sum("amount_minor"))
    )
    return {row["invoice_line__line"]: int(row["taken"]) for row in rows}
