"""Tables of the ledger: transactions and their postings, never changed."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q


class Transaction(models.Model):
    """What moved money: the fact's name, the document it stands for, and the transaction it reverses."""

    id = models.UUIDField(primary_key=True)
    seller = models.ForeignKey("sellers.Seller", models.PROTECT)
    fact = models.CharField(max_length=64)
    ref = models.CharField(max_length=128)
    at = models.DateTimeField()
    customer_id = models.UUIDField(null=True)
    invoice_id = models.UUIDField(null=True)
    reverses = models.ForeignKey("self", models.PROTECT, null=True)

    class Meta:
        db_table = "ledger_transaction"
        indexes = [
            models.Index(fields=["seller", "at", "id"], name="ledger_transaction_by_time"),
            models.Index(fields=["seller", "invoice_id"], name="ledger_transaction_by_invoice"),
        ]


class Posting(models.Model):
    """An amount from one account to another: the source is credited, the destination debited."""

    id = models.UUIDField(primary_key=True)
    seller = models.ForeignKey("sellers.Seller", models.PROTECT)
    transaction = models.ForeignKey(Transaction, models.PROTECT, related_name="postings")
    position = models.IntegerField()
    source = models.CharField(max_length=80)
    destination = models.CharField(max_length=80)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    customer_id = models.UUIDField(null=True)
    invoice_id = models.UUIDField(null=True)
    line = models.IntegerField(null=True)

    class Meta:
        db_table = "ledger_posting"
        constraints = [
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="ledger_posting_positive"),
            models.CheckConstraint(condition=~Q(source=F("destination")), name="ledger_posting_moves"),
            models.UniqueConstraint(fields=["transaction", "position"], name="ledger_posting_position"),
        ]
        indexes = [models.Index(fields=["seller", "customer_id", "currency"], name="ledger_posting_by_customer")]
