"""Tables of the catalogue. A plan version and its prices are frozen the moment they're written."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

CODE_LENGTH = 64


class Meter(models.Model):
    """What is counted: which events, which property, how aggregated. Never changed, since bills rest on it."""

    id = models.UUIDField(primary_key=True)
    seller = models.ForeignKey("sellers.Seller", models.PROTECT)
    code = models.CharField(max_length=CODE_LENGTH)
    name = models.JSONField(default=dict)
    document = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        db_table = "pricing_meter"
        constraints = [models.UniqueConstraint(fields=["seller", "code"], name="pricing_meter_code_once")]


class Plan(models.Model):
    """What is sold: a code, names in both languages, and versions."""

    id = models.UUIDField(primary_key=True)
    seller = models.ForeignKey("sellers.Seller", models.PROTECT)
    code = models.CharField(max_length=CODE_LENGTH)
    name = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "pricing_plan"
        constraints = [models.UniqueConstraint(fields=["seller", "code"], name="pricing_plan_code_once")]


class PlanVersion(models.Model):
    """A plan's terms from ``valid_from`` on, for subscriptions that start then or later."""

    id = models.UUIDField(primary_key=True)
    seller = models.ForeignKey("sellers.Seller", models.PROTECT)
    plan = models.ForeignKey(Plan, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    valid_from = models.DateTimeField()
    currency = models.CharField(max_length=3)
    interval = models.CharField(max_length=8)
    interval_count = models.PositiveSmallIntegerField(default=1)
    policies = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "pricing_plan_version"
        constraints = [
            models.UniqueConstraint(fields=["plan", "number"], name="pricing_plan_version_number_once"),
            models.UniqueConstraint(fields=["plan", "valid_from"], name="pricing_plan_version_date_once"),
            models.CheckConstraint(
                condition=Q(interval__in=["day", "week", "month", "quarter", "year"]),
                name="pricing_interval_known",
            ),
            models.CheckConstraint(condition=Q(interval_count__gte=1), name="pricing_interval_count_positive"),
        ]


class Price(models.Model):
    """One fee of a plan version. ``document`` is the canonical JSON of ``core.price``."""

    id = models.UUIDField(primary_key=True)
    seller = models.ForeignKey("sellers.Seller", models.PROTECT)
    version = models.ForeignKey(PlanVersion, models.PROTECT, related_name="prices")
    position = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=CODE_LENGTH)
    meter = models.ForeignKey(Meter, models.PROTECT, null=True)
    document = models.TextField()

    class Meta:
        db_table = "pricing_price"
        constraints = [
            models.UniqueConstraint(fields=["version", "code"], name="pricing_price_code_once"),
            models.UniqueConstraint(fields=["version", "position"], name="pricing_price_position_once"),
        ]
