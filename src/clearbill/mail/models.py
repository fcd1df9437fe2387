"""Tables of the mail room: the notification log, which is the queue of what's still to be sent as well."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Message(models.Model):
    """A message to somebody: what it said, in which language, and what became of it.

    ``next_try_at`` is when it may be tried again, by the machine's time (a test seller's mail really travels), and empty
    for at once; of a message that's being sent, until when it belongs to its sender.
    """

    id = models.UUIDField(primary_key=True)
    seller = models.ForeignKey("sellers.Seller", models.PROTECT)
    customer_id = models.UUIDField(null=True)
    kind = models.CharField(max_length=40)
    language = models.CharField(max_length=16)
    channel = models.CharField(max_length=16, default="email")
    recipient = models.EmailField()
    subject = models.CharField(max_length=300)
    text = models.TextField()
    html = models.TextField()
    invoice_id = models.UUIDField(null=True)
    credit_note_id = models.UUIDField(null=True)
    dedup_key = models.CharField(max_length=160)
    correlation_id = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=16, default="queued")
    tries = models.SmallIntegerField(default=0)
    problem = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField()
    next_try_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "mail_message"
        constraints = [
            models.UniqueConstraint(fields=["seller", "dedup_key"], name="mail_message_once"),
            models.CheckConstraint(
                condition=Q(state="queued", sent_at__isnull=True)
                | Q(state="sending", next_try_at__isnull=False, sent_at__isnull=True)
                | Q(state="sent", next_try_at__isnull=True, sent_at__isnull=False)
                | Q(state="failed", next_try_at__isnull=True, sent_at__isnull=True),
                name="mail_message_state_known",
            ),
        ]
        indexes = [
            models.Index(fields=["seller", "customer_id", "-id"], name="mail_message_by_customer"),
            models.Index(
                fields=["seller", "next_try_at"],
                condition=Q(state__in=["queued", "sending"]),
                name="mail_message_to_send",
            ),
        ]
