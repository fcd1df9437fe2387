"""Tables of the customers room."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Customer(models.Model):
    """Who pays. ``external_id`` is the seller's own name for them, unique per seller."""

    id = models.UUIDField(primary_key=True)
    seller = models.ForeignKey("sellers.Seller", models.PROTECT)
    external_id = models.CharField(max_length=128)
    name = models.CharField(max_length=200)
    email = models.EmailField(blank=True)
    country = models.CharField(max_length=2, blank=True)
    region = models.CharField(max_length=64, blank=True)
    kind = models.CharField(max_length=16, default="business")
    timezone = models.CharField(max_length=64, blank=True)
    locale = models.CharField(max_length=16, default="en")
    currency = models.CharField(max_length=3)
    address = models.JSONField(default=list)
    tax_ids = models.JSONField(default=list)
    net_terms_days = models.PositiveSmallIntegerField(null=True)
    policies = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "customers_customer"
        constraints = [
            models.UniqueConstraint(fields=["seller", "external_id"], name="customers_external_id_once"),
            models.CheckConstraint(condition=Q(kind__in=["business", "consumer"]), name="customers_kind_known"),
            models.CheckConstraint(condition=Q(locale__in=["en", "zh-Hans"]), name="customers_locale_known"),
        ]
        indexes = [models.Index(fields=["seller", "name"], name="customers_by_name")]


class SignInLink(models.Model):
    """A mailed link into the portal: used once, expires; only its hash is kept."""

    id = models.UUIDField(primary_key=True)
    seller = models.ForeignKey("sellers.Seller", models.PROTECT)
    customer = models.ForeignKey(Customer, models.PROTECT)
    secret_hash = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "customers_sign_in_link"
