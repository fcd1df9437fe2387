"""Tables of the payments room. What was tried and what moved is never changed; what changes about it is a row beside it."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from clearbill.core.payment import AttemptState as AttemptStates
from clearbill.core.payment import PaymentState

OVER = (PaymentState.SUCCEEDED, PaymentState.CANCELED)


class GatewayAccount(models.Model):
    """An account at a gateway. Its secrets are encrypted."""

    id = models.UUIDField(primary_key=True)
    seller = models.ForeignKey("sellers.Seller", models.PROTECT)
    gateway = models.CharField(max_length=32)
    base_url = models.CharField(max_length=300)
    secret = models.BinaryField()
    webhook_secret = models.BinaryField()
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "payments_gateway_account"
        constraints = [
            models.UniqueConstraint(
                fields=["seller", "gateway"], condition=Q(is_active=True), name="payments_account_once"
            )
        ]


class PaymentMethod(models.Model):
    """A stored way to pay: a token at a gateway account, and what may be shown of it. Never a number."""

    id = models.UUIDField(primary_key=True)
    seller = models.ForeignKey("sellers.Seller", models.PROTECT)
    customer = models.ForeignKey("customers.Customer", models.PROTECT)
    account = models.ForeignKey(GatewayAccount, models.PROTECT)
    kind = models.CharField(max_length=24)
    token = models.CharField(max_length=200)
    brand = models.CharField(max_length=24, blank=True)
    last4 = models.CharField(max_length=4, blank=True)
    funding = models.CharField(max_length=16, blank=True)
    expires_year = models.SmallIntegerField(null=True)
    expires_month = models.SmallIntegerField(null=True)
    is_default = models.BooleanField(default=False)
    is_attached = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "payments_method"
        constraints = [
            models.UniqueConstraint(fields=["account", "token"], name="payments_method_once"),
            models.UniqueConstraint(
                fields=["customer"], condition=Q(is_default=True), name="payments_method_one_default"
            ),
            models.CheckConstraint(
                condition=Q(is_default=False) | Q(is_attached=True), name="payments_method_default_attached"
            ),
        ]


class Payment(models.Model):
    """What is to be collected of a customer. ``key`` makes asking twice one payment."""

    id = models.UUIDField(primary_key=True)
    seller = models.ForeignKey("sellers.Seller", models.PROTECT)
    customer = models.ForeignKey("customers.Customer", models.PROTECT)
    key = models.CharField(max_length=160)
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField()
    state = models.CharField(max_length=32)
    method_kind = models.CharField(max_length=24, blank=True)
    method = models.ForeignKey(PaymentMethod, models.PROTECT, null=True)
    code = models.CharField(max_length=40, blank=True)
    paid_minor = models.BigIntegerField(default=0)
    refunded_minor = models.BigIntegerField(default=0)
    created_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "payments_payment"
        constraints = [
            models.UniqueConstraint(fields=["seller", "key"], name="payments_payment_once"),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="payments_payment_positive"),
            models.CheckConstraint(
                condition=Q(refunded_minor__gte=0) & Q(refunded_minor__lte=F("paid_minor")),
                name="payments_refunds_within_paid",
            ),
            models.CheckConstraint(condition=Q(state__in=list(PaymentState)), name="payments_payment_state_known"),
        ]
        indexes = [models.Index(fields=["seller", "customer", "-id"], name="payments_by_customer")]


class Share(models.Model):
    """The part of a payment that is for an invoice. An invoice is in one payment at a time that isn't over."""

    id = models.UUIDField(primary_key=True)
    seller = models.ForeignKey("sellers.Seller", models.PROTECT)
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="shares")
    invoice = models.ForeignKey("billing.Invoice", models.PROTECT, related_name="payment_shares")
    amount_minor = models.BigIntegerField()
    applied_minor = models.BigIntegerField(default=0)
    is_over = models.BooleanField(default=False)

    class Meta:
        db_table = "payments_share"
        constraints = [
            models.UniqueConstraint(fields=["payment", "invoice"], name="payments_share_once"),
            models.UniqueConstraint(fields=["invoice"], condition=Q(is_over=False), name="payments_one_at_a_time"),
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0, applied_minor__gte=0, applied_minor__lte=F("amount_minor")),
                name="payments_share_amounts",
            ),
        ]


class Attempt(models.Model):
    """One try at one gateway, saved before the call, never changed."""

    id = models.UUIDField(primary_key=True)
    seller = models.ForeignKey("sellers.Seller", models.PROTECT)
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="attempts")
    account = models.ForeignKey(GatewayAccount, models.PROTECT)
    method = models.ForeignKey(PaymentMethod, models.PROTECT, null=True)
    reference = models.CharField(max_length=64)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    kind = models.CharField(max_length=24)
    is_off_session = models.BooleanField()
    keep_method = models.BooleanField(default=False)
    return_url = models.CharField(max_length=1000, blank=True)
    language = models.CharField(max_length=16)
    by = models.CharField(max_length=80)
    at = models.DateTimeField()

    class Meta:
        db_table = "payments_attempt"
        constraints = [models.UniqueConstraint(fields=["seller", "reference"], name="payments_attempt_once")]


class AttemptState(models.Model):
    """What is known of an attempt. ``check_at`` is when to ask the gateway, empty when there's nothing to ask."""

    attempt = models.OneToOneField(Attempt, models.PROTECT, primary_key=True, related_name="state")
    seller = models.ForeignKey("sellers.Seller", models.PROTECT)
    state = models.CharField(max_length=24)
    code = models.CharField(max_length=40, blank=True)
    advice = models.CharField(max_length=8, blank=True)
    gateway_reference = models.CharField(max_length=120, blank=True)
    action_url = models.CharField(max_length=1000, blank=True)
    qr = models.CharField(max_length=1000, blank=True)
    checks = models.SmallIntegerField(default=0)
    check_at = models.DateTimeField(null=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "payments_attempt_state"
        constraints = [
            models.CheckConstraint(condition=Q(state__in=list(AttemptStates)), name="payments_attempt_state_known"),
        ]
        indexes = [
            models.Index(fields=["check_at"], condition=Q(check_at__isnull=False), name="payments_to_check"),
        ]


class Movement(models.Model):
    """Money that really moved; never changed. ``cause`` is the attempt or refund, so that news told twice moves nothing."""

    id = models.UUIDField(primary_key=True)
    seller = models.ForeignKey("sellers.Seller", models.PROTECT)
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="movements")
    kind = models.CharField(max_length=16)
    cause = models.UUIDField()
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    at = models.DateTimeField()

    class Meta:
        db_table = "payments_movement"
        constraints = [
            models.UniqueConstraint(fields=["kind", "cause"], name="payments_movement_once"),
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0, kind__in=["charge", "refund", "refund_failed", "reversal"]),
                name="payments_movement_known",
            ),
        ]


class Refund(models.Model):
    """Money to be sent back of a payment. ``state`` is pending, unknown, succeeded or failed."""

    id = models.UUIDField(primary_key=True)
    seller = models.ForeignKey("sellers.Seller", models.PROTECT)
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="refunds")
    attempt = models.ForeignKey(Attempt, models.PROTECT)
    credit_note = models.ForeignKey("billing.CreditNote", models.PROTECT, null=True)
    reference = models.CharField(max_length=64)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    state = models.CharField(max_length=16)
    code = models.CharField(max_length=40, blank=True)
    checks = models.SmallIntegerField(default=0)
    check_at = models.DateTimeField(null=True)
    by = models.CharField(max_length=80)
    at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "payments_refund"
        constraints = [
            models.UniqueConstraint(fields=["seller", "reference"], name="payments_refund_once"),
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0, state__in=["pending", "unknown", "succeeded", "failed"]),
                name="payments_refund_known",
            ),
        ]
        indexes = [
            models.Index(fields=["check_at"], condition=Q(check_at__isnull=False), name="payments_refund_to_check"),
        ]


class GatewayEvent(models.Model):
    """The inbox: a gateway's verified message, once, and what became of it (``done``, ``ignored``, ``parked``)."""

    id = models.UUIDField(primary_key=True)
    seller = models.ForeignKey("sellers.Seller", models.PROTECT)
    account = models.ForeignKey(GatewayAccount, models.PROTECT)
    event_id = models.CharField(max_length=120)
    kind = models.CharField(max_length=40)
    reference = models.CharField(max_length=64, blank=True)
    body = models.TextField()
    outcome = models.CharField(max_length=16, blank=True)
    received_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "payments_gateway_event"
        constraints = [models.UniqueConstraint(fields=["account", "event_id"], name="payments_event_once")]
        indexes = [
            models.Index(fields=["received_at"], condition=Q(done_at__isnull=True), name="payments_event_waiting"),
        ]
