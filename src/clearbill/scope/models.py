"""Tables of the scope: what an idempotency key did, and how often an address knocked."""

from __future__ import annotations

from django.db import models


class IdempotencyRecord(models.Model):
    """What the first request with this key asked (hash) and got. Written in the transaction of the action itself."""

    id = models.UUIDField(primary_key=True)
    seller_id = models.UUIDField()
    key = models.CharField(max_length=255)
    operation = models.CharField(max_length=64)
    input_hash = models.BinaryField(max_length=32)
    status = models.SmallIntegerField()
    answer = models.TextField()
    at = models.DateTimeField()

    class Meta:
        db_table = "scope_idempotency"
        constraints = [models.UniqueConstraint(fields=["seller_id", "key"], name="scope_idempotency_key")]


class RateCount(models.Model):
    """Requests of one bucket (address and purpose) in one window."""

    bucket = models.CharField(max_length=160)
    window_at = models.DateTimeField()
    count = models.IntegerField()
    id = models.BigAutoField(primary_key=True)

    class Meta:
        db_table = "scope_rate_count"
        constraints = [models.UniqueConstraint(fields=["bucket", "window_at"], name="scope_rate_bucket")]
