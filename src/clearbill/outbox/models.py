"""Tables of the outbox: facts, which are never changed, and what of them is still to be passed on."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Fact(models.Model):
    """Something that became true. One schema for outbox, webhooks and the events API."""

    id = models.UUIDField(primary_key=True)
    seller_id = models.UUIDField()
    type = models.CharField(max_length=64)
    version = models.SmallIntegerField()
    at = models.DateTimeField()
    data = models.TextField()
    correlation_id = models.CharField(max_length=64)

    class Meta:
        db_table = "outbox_fact"
        indexes = [models.Index(fields=["seller_id", "id"], name="outbox_fact_by_seller")]


class Pending(models.Model):
    """Facts of one transaction that the relay hasn't passed on yet; deleted in the transaction that defers their jobs."""

    id = models.UUIDField(primary_key=True)
    seller_id = models.UUIDField()
    fact_ids = ArrayField(models.UUIDField())
    at = models.DateTimeField()

    class Meta:
        db_table = "outbox_pending"
