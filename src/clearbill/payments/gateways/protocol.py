"""What every gateway can be asked, in which words, and how it may fail. Nothing of any provider, and no table of ours.

The default answer is *pending*: only an explicit success or failure is final. Errors are exactly four.

    Declined(code, advice)   the provider says no, for good for this try
    Retryable(after_s)       certainly not executed: not sent, or refused before any work; safe to ask again
    Misconfigured            our keys or settings are wrong; nobody's payment is at fault
    Unknown                  bytes were sent and no clear answer came; it may have been executed
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from clearbill.core.errors import ClearbillError


class MethodKind(StrEnum):
    """Ways to pay."""

    CARD = "card"
    APPLE_PAY = "apple_pay"
    GOOGLE_PAY = "google_pay"
    QR = "alipay"
    BANK_TRANSFER = "bank_transfer"


class Result(StrEnum):
    """What a gateway says about a payment."""

    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    AUTHORIZED = "authorized"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class GatewayError(ClearbillError):
    """Root of the four."""


class Declined(GatewayError):
    """Refused by the provider or the bank. ``code`` is one of ``core.decline``, ``advice`` the scheme's advice code."""

    def __init__(self, code: str, *, advice: str = "", gateway_reference: str = "") -> None:
        super().__init__(code, advice)
        self.code = code
        self.advice = advice
        self.gateway_reference = gateway_reference


class Retryable(GatewayError):
    """Certainly not executed."""

    def __init__(self, problem: str, *, after_s: int = 60) -> None:
        super().__init__(problem)
        self.after_s = after_s


class Misconfigured(GatewayError):
    """Ours is wrong: key, account, address."""


class Unknown(GatewayError):
    """It may have been executed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a gateway can do, as data."""

    methods: frozenset[MethodKind]
    stored: frozenset[MethodKind]
    replay_window: timedelta
    """How long the same idempotency key gives the same answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """How to reach one account at a gateway."""

    base_url: str
    secret: str = field(repr=False)
    webhook_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A payment to be made. ``reference`` is ours and unique; ``token`` names a stored method, empty for a new one."""

    reference: str
    idempotency_key: str
    amount_minor: int
    currency: str
    method: MethodKind
    token: str = ""
    off_session: bool = False
    keep_method: bool = False
    return_url: str = ""
    description: str = ""
    language: str = "en"
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodDetails:
    """What is known of a way to pay: never a number. ``funding`` is credit, debit or prepaid."""

    kind: MethodKind
    token: str = ""
    brand: str = ""
    last4: str = ""
    funding: str = ""
    expires_year: int | None = None
    expires_month: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a gateway says about an order. ``action_url`` is where the payer goes on, ``qr`` what a phone scans."""

    result: Result
    gateway_reference: str
    amount_minor: int
    currency: str
    code: str = ""
    advice: str = ""
    action_url: str = ""
    qr: str = ""
    method: MethodDetails | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundOrder:
    """Money to be sent back of a payment."""

    reference: str
    idempotency_key: str
    gateway_reference: str
    amount_minor: int
    currency: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundAnswer:
    """What a gateway says about a refund."""

    result: Result
    gateway_reference: str
    amount_minor: int
    currency: str
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayEvent:
    """A verified message of a gateway: which payment or refund of ours it's about, and what it says."""

    id: str
    kind: str
    reference: str
    answer: Answer | RefundAnswer | None
    at: datetime


class Gateway(Protocol):
    """One account at one provider."""

    capabilities: Capabilities

    def charge(self, order: Order) -> Answer:
        """Take the money, or say what the payer must do. The same key again gives the same answer."""

    def void(self, reference: str, *, at: datetime) -> Answer | None:
        """End a payment that waits for its payer; one that's decided stays so. None when nobody heard of it."""

    def find_by_reference(self, reference: str, *, at: datetime) -> Answer | None:
        """What became of our reference; None when the provider never heard of it."""

    def refund(self, order: RefundOrder) -> RefundAnswer:
        """Send money back."""

    def find_refund(self, reference: str, *, at: datetime) -> RefundAnswer | None:
        """What became of a refund of ours."""

    def detach(self, token: str, *, at: datetime) -> None:
        """Forget a stored method; one that's gone already is no error."""

    def parse_event(self, headers: Mapping[str, str], body: bytes, *, at: datetime) -> GatewayEvent:
        """The event in ``body``, its signature and age checked. Raises ``EventRefused``."""

    def read_event(self, body: bytes) -> GatewayEvent:
        """The event of a body that was checked when it came."""


class EventRefused(ClearbillError):
    """A message that isn't the provider's, or too old. ``reason`` is for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
