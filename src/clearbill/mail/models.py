"""Tables of the mail room: the notification log."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Message(models.Model):
    """A message to somebody: what it said, in which language, and what became of it."""

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
    state = models.CharField(max_length=16, default="queued")
    tries = models.SmallIntegerField(default=0)
    problem = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "mail_message"
        constraints = [
            models.UniqueConstraint(fields=["seller", "dedup_key"], name="mail_message_once"),
            models.CheckConstraint(
                condition=Q(state__in=["queued", "sending", "sent", "failed"]),
                name="mail_message_state_known",
            ),
        ]
        indexes = [models.Index(fields=["seller", "customer_id", "-id"], name="mail_message_by_customer")]
