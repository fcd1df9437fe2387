"""What is final: invoices, credit notes and their documents are never changed. What changes of an invoice is its state."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import F, Q


class Quantity(models.DecimalField):
    """A quantity as it was read: usage adds up to as many digits as its events have, and none may be lost."""

    def db_type(self, connection: Any) -> str:
        """PostgreSQL's number without limits; Django wants some all the same."""
        return "numeric"


class Invoice(models.Model):
    """A final invoice as frozen as its PDF. ``document`` is the canonical JSON that documents are made from."""

    id = models.UUIDField(primary_key=True)
    seller = models.ForeignKey("sellers.Seller", models.PROTECT)
    customer = models.ForeignKey("customers.Customer", models.PROTECT)
    number = models.CharField(max_length=120)
    sequence = models.BigIntegerField()
    reason = models.CharField(max_length=32)
    issued_at = models.DateTimeField()
    due_at = models.DateTimeField()
    currency = models.CharField(max_length=3)
    language = models.CharField(max_length=16)
    policies = models.JSONField(default=dict)
    subtotal_minor = models.BigIntegerField()
    discount_minor = models.BigIntegerField()
    tax_minor = models.BigIntegerField()
    total_minor = models.BigIntegerField()
    credit_minor = models.BigIntegerField(default=0)
    document = models.TextField()

    class Meta:
        db_table = "billing_invoice"
        constraints = [
            models.UniqueConstraint(fields=["seller", "number"], name="billing_invoice_number_once"),
            models.UniqueConstraint(fields=["seller", "sequence"], name="billing_invoice_sequence_once"),
            models.CheckConstraint(
                condition=Q(total_minor=F("subtotal_minor") + F("tax_minor")) & Q(total_minor__gte=0),
                name="billing_invoice_total",
            ),
            models.CheckConstraint(
                condition=Q(credit_minor__gte=0) & Q(credit_minor__lte=F("total_minor")),
                name="billing_invoice_credit",
            ),
        ]
        indexes = [
            models.Index(fields=["seller", "customer", "-sequence"], name="billing_invoice_by_customer"),
        ]


class InvoiceLine(models.Model):
    """A line with its working, and the inputs from which it can be recomputed.

    No fee that isn't in the price list or a named adjustment with an author: either ``price`` or ``author`` is there.
    """

    id = models.UUIDField(primary_key=True)
    seller = models.ForeignKey("sellers.Seller", models.PROTECT)
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="lines")
    line = models.IntegerField()
    kind = models.CharField(max_length=24)
    price = models.ForeignKey("pricing.Price", models.PROTECT, null=True)
    author = models.CharField(max_length=80, blank=True)
    subscription = models.ForeignKey("billing.Subscription", models.PROTECT, null=True)
    period_start = models.DateTimeField()
    period_end = models.DateTimeField()
    whole_start = models.DateTimeField()
    whole_end = models.DateTimeField()
    quantity = Quantity(max_digits=1000, decimal_places=500)
    group = models.TextField(default="{}")
    amount_minor = models.BigIntegerField()
    discount_minor = models.BigIntegerField(default=0)
    tax_minor = models.BigIntegerField()
    tax_rates = models.TextField(default="[]")
    in_advance = models.BooleanField()
    text = models.TextField()
    working = models.TextField()
    working_version = models.SmallIntegerField()

    class Meta:
        db_table = "billing_invoice_line"
        constraints = [
            models.UniqueConstraint(fields=["invoice", "line"], name="billing_invoice_line_once"),
            models.CheckConstraint(
                condition=Q(price__isnull=False) | ~Q(author=""), name="billing_invoice_line_has_a_source"
            ),
            models.CheckConstraint(condition=Q(discount_minor__gte=0), name="billing_invoice_line_discount"),
            models.UniqueConstraint(
                fields=["subscription", "price", "kind", "period_start", "group"],
                condition=Q(kind__in=["fee", "usage"]),
                name="billing_invoice_line_period_once",
            ),
        ]


class InvoiceTax(models.Model):
    """A tax of an invoice: what was taxed, at which rate."""

    id = models.UUIDField(primary_key=True)
    seller = models.ForeignKey("sellers.Seller", models.PROTECT)
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="taxes")
    code = models.CharField(max_length=64)
    label = models.CharField(max_length=120)
    rate = models.DecimalField(max_digits=12, decimal_places=6)
    base_minor = models.BigIntegerField()
    amount_minor = models.BigIntegerField()

    class Meta:
        db_table = "billing_invoice_tax"
        constraints = [models.UniqueConstraint(fields=["invoice", "code", "rate"], name="billing_invoice_tax_once")]


class InvoiceState(models.Model):
    """What changes of a final invoice: status, what was paid and credited. Locks are taken here."""

    invoice = models.OneToOneField(Invoice, models.PROTECT, primary_key=True, related_name="state")
    seller = models.ForeignKey("sellers.Seller", models.PROTECT)
    status = models.CharField(max_length=16)
    due_minor = models.BigIntegerField()
    paid_minor = models.BigIntegerField(default=0)
    credited_minor = models.BigIntegerField(default=0)
    settled_by_note_minor = models.BigIntegerField(default=0)

    class Meta:
        db_table = "billing_invoice_state"
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["open", "paid", "void", "uncollectible"]),
                name="billing_invoice_status_known",
            ),
            models.CheckConstraint(condition=Q(due_minor__gte=0), name="billing_invoice_due_positive"),
        ]
        indexes = [models.Index(fields=["seller", "status"], name="billing_invoice_by_status")]


class CreditNote(models.Model):
    """A final credit note on an invoice."""

    id = models.UUIDField(primary_key=True)
    seller = models.ForeignKey("sellers.Seller", models.PROTECT)
    customer = models.ForeignKey("customers.Customer", models.PROTECT)
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="credit_notes")
    number = models.CharField(max_length=120)
    sequence = models.BigIntegerField()
    reason = models.CharField(max_length=300)
    author = models.CharField(max_length=80)
    issued_at = models.DateTimeField()
    currency = models.CharField(max_length=3)
    language = models.CharField(max_length=16)
    subtotal_minor = models.BigIntegerField()
    tax_minor = models.BigIntegerField()
    total_minor = models.BigIntegerField()
    credited_minor = models.BigIntegerField()
    refunded_minor = models.BigIntegerField(default=0)
    document = models.TextField()

    class Meta:
        db_table = "billing_credit_note"
        constraints = [
            models.UniqueConstraint(fields=["seller", "number"], name="billing_credit_note_number_once"),
            models.CheckConstraint(
                condition=Q(total_minor=F("subtotal_minor") + F("tax_minor")) & Q(total_minor__gt=0),
                name="billing_credit_note_total",
            ),
        ]


class CreditNoteLine(models.Model):
    """What a credit note takes back of one line, per tax."""

    id = models.UUIDField(primary_key=True)
    seller = models.ForeignKey("sellers.Seller", models.PROTECT)
    credit_note = models.ForeignKey(CreditNote, models.PROTECT, related_name="lines")
    invoice_line = models.ForeignKey(InvoiceLine, models.PROTECT)
    amount_minor = models.BigIntegerField()
    discount_minor = models.BigIntegerField(default=0)
    tax_minor = models.BigIntegerField()

    class Meta:
        db_table = "billing_credit_note_line"
        constraints = [
            models.UniqueConstraint(fields=["credit_note", "invoice_line"], name="billing_credit_note_line_once"),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="billing_credit_note_line_positive"),
        ]


class DocumentFile(models.Model):
    """A PDF, made once and kept by the hash of the document it shows."""

    id = models.UUIDField(primary_key=True)
    seller = models.ForeignKey("sellers.Seller", models.PROTECT)
    document_hash = models.BinaryField(max_length=32)
    content = models.BinaryField()
    at = models.DateTimeField()

    class Meta:
        db_table = "billing_document_file"
        constraints = [models.UniqueConstraint(fields=["seller", "document_hash"], name="billing_document_once")]
