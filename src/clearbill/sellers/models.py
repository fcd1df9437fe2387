"""Tables of the sellers room."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q

CODE_LENGTH = 64


class Seller(models.Model):
    """A legal entity that bills. Test mode is a row of its own, ``live`` names the one that it tests."""

    id = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=200)
    legal_name = models.CharField(max_length=200)
    country = models.CharField(max_length=2)
    currency = models.CharField(max_length=3)
    timezone = models.CharField(max_length=64, default="UTC")
    locale = models.CharField(max_length=16, default="en")
    email = models.EmailField(blank=True)
    address = models.JSONField(default=list)
    tax_ids = models.JSONField(default=list)
    bank = models.JSONField(default=list)
    tax_behavior = models.CharField(max_length=16, default="exclusive")
    policies = models.JSONField(default=dict)
    mfa_required = models.BooleanField(default=False)
    number_prefix = models.CharField(max_length=32, default="INV")
    number_format = models.CharField(max_length=120, default="{prefix}-{seq:06}")
    net_terms_days = models.PositiveSmallIntegerField(default=14)
    is_test = models.BooleanField(default=False)
    live = models.ForeignKey("self", models.PROTECT, null=True, related_name="tests")
    test_clock_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "sellers_seller"
        constraints = [
            models.CheckConstraint(
                condition=Q(is_test=True) | Q(test_clock_at__isnull=True),
                name="sellers_only_tests_have_clocks",
            ),
            models.CheckConstraint(
                condition=Q(tax_behavior__in=["exclusive", "inclusive"]), name="sellers_tax_behavior_known"
            ),
        ]


class UserManager(BaseUserManager["User"]):
    """What Django's sign-in asks of a user table."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """A new user; ``id`` and ``created_at`` are among ``fields``."""
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        """Sign-in ignores the case of an address."""
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser):
    """A person of the staff, in any number of sellers."""

    id = models.UUIDField(primary_key=True)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120, blank=True)
    locale = models.CharField(max_length=16, default="en")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        db_table = "sellers_user"
        constraints = [
            models.CheckConstraint(condition=Q(email=models.functions.Lower("email")), name="sellers_user_lower")
        ]

    def get_full_name(self) -> str:
        """The name, else the address."""
        return self.name or self.email


class Role(models.TextChoices):
    """What a member may do; the rules stand in ``sellers.roles``."""

    OWNER = "owner"
    ADMIN = "admin"
    FINANCE = "finance"
    SUPPORT = "support"
    DEVELOPER = "developer"
    VIEWER = "viewer"


class Membership(models.Model):
    """A user's role at a seller. Live and test of one seller are entered with the same membership rows, one each."""

    id = models.UUIDField(primary_key=True)
    seller = models.ForeignKey(Seller, models.PROTECT)
    user = models.ForeignKey(User, models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "sellers_membership"
        constraints = [
            models.UniqueConstraint(fields=["seller", "user"], name="sellers_membership_once"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="sellers_membership_role_known"),
        ]


class Invitation(models.Model):
    """A signed link that lets a person join; only the hash of its secret is kept."""

    id = models.UUIDField(primary_key=True)
    seller = models.ForeignKey(Seller, models.PROTECT)
    email = models.EmailField()
    role = models.CharField(max_length=16, choices=Role.choices)
    secret_hash = models.BinaryField(max_length=32, unique=True)
    invited_by = models.ForeignKey(User, models.PROTECT)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "sellers_invitation"


class ApiKey(models.Model):
    """A key of the API; only its hash is kept, and its last four characters to recognise it by."""

    id = models.UUIDField(primary_key=True)
    seller = models.ForeignKey(Seller, models.PROTECT)
    name = models.CharField(max_length=120)
    secret_hash = models.BinaryField(max_length=32, unique=True)
    last_four = models.CharField(max_length=4)
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.DEVELOPER)
    created_by = models.ForeignKey(User, models.PROTECT, null=True)
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "sellers_api_key"


class TaxRate(models.Model):
    """A fixed tax rate of a seller, in force from ``valid_from``."""

    id = models.UUIDField(primary_key=True)
    seller = models.ForeignKey(Seller, models.PROTECT)
    code = models.CharField(max_length=CODE_LENGTH)
    label = models.CharField(max_length=120)
    rate = models.DecimalField(max_digits=12, decimal_places=6)
    valid_from = models.DateTimeField()

    class Meta:
        db_table = "sellers_tax_rate"
        constraints = [
            models.UniqueConstraint(fields=["seller", "code", "valid_from"], name="sellers_tax_rate_once"),
            models.CheckConstraint(condition=Q(rate__gte=0) & Q(rate__lte=100), name="sellers_tax_rate_percent"),
        ]


class NumberSeries(models.Model):
    """The last number given in a series; its row's lock is what makes numbers gapless."""

    id = models.UUIDField(primary_key=True)
    seller = models.ForeignKey(Seller, models.PROTECT)
    series = models.CharField(max_length=CODE_LENGTH)
    last_value = models.BigIntegerField(default=0)

    class Meta:
        db_table = "sellers_number_series"
        constraints = [models.UniqueConstraint(fields=["seller", "series"], name="sellers_number_series_once")]


class AuditEntry(models.Model):
    """What a person or key looked at or did. Append-only; ids and codes, no personal data."""

    id = models.UUIDField(primary_key=True)
    seller = models.ForeignKey(Seller, models.PROTECT)
    actor = models.CharField(max_length=80)
    action = models.CharField(max_length=80)
    object_id = models.CharField(max_length=80, blank=True)
    data = models.TextField(default="{}")
    correlation_id = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "sellers_audit_entry"
        indexes = [models.Index(fields=["seller", "-id"], name="sellers_audit_by_seller")]
