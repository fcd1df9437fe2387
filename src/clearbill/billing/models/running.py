"""What changes while a customer is billed: subscriptions, drafts, parked work, imports."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q


class Subscription(models.Model):
    """A customer's agreement to a plan version. ``due_at`` is the next instant at which something falls due."""

    id = models.UUIDField(primary_key=True)
    seller = models.ForeignKey("sellers.Seller", models.PROTECT)
    customer = models.ForeignKey("customers.Customer", models.PROTECT)
    external_id = models.CharField(max_length=128, blank=True)
    plan_version = models.ForeignKey("pricing.PlanVersion", models.PROTECT)
    currency = models.CharField(max_length=3)
    state = models.CharField(max_length=16, default="active")
    anchor = models.CharField(max_length=16, default="anniversary")
    timezone = models.CharField(max_length=64)
    policies = models.JSONField(default=dict)
    quantities = models.JSONField(default=dict)
    started_at = models.DateTimeField()
    period_start = models.DateTimeField()
    period_end = models.DateTimeField()
    billed_start = models.BooleanField(default=False)
    cancel_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "billing_subscription"
        constraints = [
            models.CheckConstraint(condition=Q(state__in=["active", "canceled"]), name="billing_subscription_state"),
            models.CheckConstraint(condition=Q(period_start__lt=F("period_end")), name="billing_subscription_period"),
            models.CheckConstraint(
                condition=Q(state="canceled", due_at__isnull=True) | Q(state="active", due_at__isnull=False),
                name="billing_subscription_due_while_active",
            ),
            models.UniqueConstraint(
                fields=["seller", "external_id"],
                condition=~Q(external_id=""),
                name="billing_subscription_external_id_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["seller", "due_at", "id"],
                condition=Q(due_at__isnull=False),
                name="billing_subscription_due",
            ),
            models.Index(fields=["seller", "customer"], name="billing_subscription_customer"),
        ]


class Draft(models.Model):
    """A bill that fell due and still takes late usage. ``charges`` is JSON of what falls due, without quantities.

    One that couldn't be billed names why in ``parked``, and waits until that is resolved.
    """

    id = models.UUIDField(primary_key=True)
    seller = models.ForeignKey("sellers.Seller", models.PROTECT)
    customer = models.ForeignKey("customers.Customer", models.PROTECT)
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=32)
    fell_due_at = models.DateTimeField()
    finalize_at = models.DateTimeField()
    charges = models.TextField()
    parked = models.ForeignKey("billing.Parked", models.PROTECT, null=True)

    class Meta:
        db_table = "billing_draft"
        indexes = [models.Index(fields=["seller", "finalize_at", "id"], name="billing_draft_due")]


class Parked(models.Model):
    """A subscription that the bill run couldn't bill, with the reason; it waits for a person, the others go on.

    Drafts that can't become final wait with a subscription of theirs.
    """

    id = models.UUIDField(primary_key=True)
    seller = models.ForeignKey("sellers.Seller", models.PROTECT)
    subscription = models.ForeignKey(Subscription, models.PROTECT)
    due_at = models.DateTimeField()
    code = models.CharField(max_length=64)
    problem = models.TextField()
    at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "billing_parked"
        constraints = [
            models.UniqueConstraint(
                fields=["subscription"], condition=Q(resolved_at__isnull=True), name="billing_parked_once"
            )
        ]


class ImportRun(models.Model):
    """An import of a file: how far it came, so that a second run goes on there."""

    id = models.UUIDField(primary_key=True)
    seller = models.ForeignKey("sellers.Seller", models.PROTECT)
    kind = models.CharField(max_length=16)
    file_hash = models.CharField(max_length=64)
    file_name = models.CharField(max_length=255)
    rows_done = models.BigIntegerField(default=0)
    rows_accepted = models.BigIntegerField(default=0)
    rows_duplicate = models.BigIntegerField(default=0)
    rows_rejected = models.BigIntegerField(default=0)
    bytes_done = models.BigIntegerField(default=0)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "billing_import_run"
        constraints = [models.UniqueConstraint(fields=["seller", "kind", "file_hash"], name="billing_import_once")]


class Deferral(models.Model):
    """What of a line billed in advance isn't earned yet. Re-based when a credit note takes a part of it back.

    ``earned_minor`` of ``amount_minor`` is posted as revenue; the next part is due at ``due_at`` (a month's end in the
    seller's zone, or the span's end), and never again once it's null.
    """

    id = models.UUIDField(primary_key=True)
    seller = models.ForeignKey("sellers.Seller", models.PROTECT)
    invoice_line = models.OneToOneField("billing.InvoiceLine", models.PROTECT)
    customer = models.ForeignKey("customers.Customer", models.PROTECT)
    currency = models.CharField(max_length=3)
    unit = models.CharField(max_length=16)
    timezone = models.CharField(max_length=64)
    span_start = models.DateTimeField()
    span_end = models.DateTimeField()
    amount_minor = models.BigIntegerField()
    earned_minor = models.BigIntegerField(default=0)
    due_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "billing_deferral"
        constraints = [
            models.CheckConstraint(
                condition=Q(earned_minor__gte=0) & Q(earned_minor__lte=F("amount_minor")),
                name="billing_deferral_earned",
            ),
        ]
        indexes = [
            models.Index(
                fields=["seller", "due_at", "id"],
                condition=Q(due_at__isnull=False),
                name="billing_deferral_due",
            )
        ]
