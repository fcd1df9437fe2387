"""Usage: events in partitions by month, and their keys in one table, kept for ever.

Both tables are made by SQL in the migration, since Django knows no partitions; the models are for reading.
"""

from __future__ import annotations

from django.db import models


class UsageKey(models.Model):
    """What makes intake idempotent: the hash of an event's key, and of its body."""

    pk = models.CompositePrimaryKey("seller_id", "key_hash")
    seller_id = models.UUIDField()
    key_hash = models.BinaryField(max_length=16)
    body_hash = models.BinaryField(max_length=16)
    at = models.DateTimeField()

    class Meta:
        db_table = "usage_key"
        managed = False


class UsageEvent(models.Model):
    """One event as it was accepted. ``properties`` is JSON of strings, numbers and booleans."""

    pk = models.CompositePrimaryKey("seller_id", "at", "key_hash")
    seller_id = models.UUIDField()
    customer_id = models.UUIDField()
    type = models.CharField(max_length=64)
    key = models.CharField(max_length=255)
    key_hash = models.BinaryField(max_length=16)
    at = models.DateTimeField()
    properties = models.JSONField()
    received_at = models.DateTimeField()

    class Meta:
        db_table = "usage_event"
        managed = False
