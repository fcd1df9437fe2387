"""The sandbox over HTTP. Its wire shapes stay in this file."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from clearbill.payments.gateways.calls import call
from clearbill.payments.gateways.protocol import (
    Answer,
    Capabilities,
    Credentials,
    Declined,
    EventRefused,
    GatewayEvent,
    MethodDetails,
    MethodKind,
    Misconfigured,
    Order,
    RefundAnswer,
    RefundOrder,
    Result,
    Unknown,
)

SIGNATURE = "Sandbox-Signature"
MAX_AGE = timedelta(minutes=5)
_NOT_FOUND = 404
_STATES = {
    "requires_action": Result.REQUIRES_ACTION,
    "succeeded": Result.SUCCEEDED,
    "failed": Result.FAILED,
}


class SandboxGateway:
    """An account at the sandbox. ``at`` travels with each call, so that a seller's test clock rules there too."""

    capabilities = Capabilities(
        methods=frozenset({MethodKind.CARD, MethodKind.APPLE_PAY, MethodKind.GOOGLE_PAY, MethodKind.QR}),
        stored=frozenset({MethodKind.CARD, MethodKind.APPLE_PAY, MethodKind.GOOGLE_PAY}),
        replay_window=timedelta(days=3650),
    )

    def __init__(self, credentials: Credentials) -> None:
        self._url = credentials.base_url.rstrip("/")
        self._secret = credentials.secret
        self._webhook_secret = credentials.webhook_secret

    def register(self, *, webhook_url: str, at: datetime) -> None:
        """Tell the sandbox where our events go and how they're signed."""
        body = {"webhook_url": webhook_url, "webhook_secret": self._webhook_secret}
        self._call("POST", "/v1/account", body, at=at)

    def charge(self, order: Order) -> Answer:
        """See the protocol."""
        body = {
            "reference": order.reference,
            "amount": order.amount_minor,
            "currency": order.currency,
            "method": order.method.value,
            "token": order.token,
            "off_session": order.off_session,
            "keep_method": order.keep_method,
            "return_url": order.return_url,
            "description": order.description,
            "language": order.language,
        }
        status, found = self._call("POST", "/v1/charges", body, at=order.at, key=order.idempotency_key)
        if status == _NOT_FOUND and found.get("code") == "method_unknown":
            raise Declined("invalid_number")
        answer = _answer(self._good(status, found))
        if answer.result is Result.FAILED:
            raise Declined(answer.code, advice=answer.advice, gateway_reference=answer.gateway_reference)
        return answer

    def void(self, reference: str, *, at: datetime) -> Answer | None:
        """See the protocol."""
        status, found = self._call("POST", "/v1/charges/void", {"reference": reference}, at=at)
        return None if status == _NOT_FOUND else _answer(self._good(status, found))

    def find_by_reference(self, reference: str, *, at: datetime) -> Answer | None:
        """See the protocol."""
        status, found = self._call("GET", "/v1/charges", at=at, params={"reference": reference})
        return None if status == _NOT_FOUND else _answer(self._good(status, found))

    def refund(self, order: RefundOrder) -> RefundAnswer:
        """See the protocol."""
        body = {"reference": order.reference, "charge": order.gateway_reference, "amount": order.amount_minor}
        status, found = self._call("POST", "/v1/refunds", body, at=order.at, key=order.idempotency_key)
        if found.get("code") in ("refund_exceeds_charge", "charge_unknown"):
            raise Declined(str(found["code"]))
        return _refund_answer(self._good(status, found))

    def find_refund(self, reference: str, *, at: datetime) -> RefundAnswer | None:
        """See the protocol."""
        status, found = self._call("GET", "/v1/refunds", at=at, params={"reference": reference})
        return None if status == _NOT_FOUND else _refund_answer(self._good(status, found))

    def detach(self, token: str, *, at: datetime) -> None:
        """See the protocol."""
        self._call("DELETE", f"/v1/methods/{token}", at=at)

    def store_card(
        self, *, declines_with: str = "", expires: tuple[int, int] | None = None, at: datetime
    ) -> MethodDetails:
        """A stored test card without anybody typing; for scenarios and demos."""
        body: dict[str, Any] = {"declines_with": declines_with}
        if expires is not None:
            body |= {"expires_year": expires[0], "expires_month": expires[1]}
        status, found = self._call("POST", "/v1/methods", body, at=at)
        details = _details(self._good(status, found))
        if details is None:
            raise Unknown("no method in the answer")
        return details

    def parse_event(self, headers: Mapping[str, str], body: bytes, *, at: datetime) -> GatewayEvent:
        """See the protocol. ``at`` is the machine's time: signatures are as old as the world thinks, not a test clock."""
        given = {name.lower(): value for name, value in headers.items()}.get(SIGNATURE.lower(), "")
        parts = dict(part.partition("=")[::2] for part in given.split(",") if "=" in part)
        stamp, mac = parts.get("t", ""), parts.get("v1", "")
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
            raise EventRefused("signature_missing")
        expected = hmac.new(self._webhook_secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, mac):
            raise EventRefused("signature_wrong")
        if abs(at - datetime.fromtimestamp(int(stamp), UTC)) > MAX_AGE:
            raise EventRefused("stale")
        return self.read_event(body)

    @staticmethod
    def read_event(body: bytes) -> GatewayEvent:
        """See the protocol."""
        return _event(body)

    def _call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        at: datetime,
        key: str = "",
        params: Mapping[str, str] | None = None,
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self._secret}", "Sandbox-At": at.isoformat()}
        if key:
            headers["Idempotency-Key"] = key
        return call(method, self._url + path, headers=headers, json=body, params=params)

    def _good(self, status: int, found: Any) -> Mapping[str, Any]:
        if status >= 400 or not isinstance(found, dict):
            raise Misconfigured(f"the sandbox refused a request of ours: {status} {found}")
        return found


def _answer(found: Mapping[str, Any]) -> Answer:
    try:
        return Answer(
            result=_STATES.get(str(found["state"]), Result.PENDING),
            gateway_reference=str(found["id"]),
            amount_minor=int(found["amount"]),
            currency=str(found["currency"]),
            code=str(found.get("code") or ""),
            advice=str(found.get("advice") or ""),
            action_url=str(found.get("action_url") or ""),
            qr=str(found.get("qr") or ""),
            method=_details(found.get("method")),
        )
    except (KeyError, TypeError, ValueError) as problem:
        raise Unknown(f"an answer without {problem}") from problem


def _refund_answer(found: Mapping[str, Any]) -> RefundAnswer:
    try:
        return RefundAnswer(
            result=_STATES.get(str(found["state"]), Result.PENDING),
            gateway_reference=str(found["id"]),
            amount_minor=int(found["amount"]),
            currency=str(found["currency"]),
        )
    except (KeyError, TypeError, ValueError) as problem:
        raise Unknown(f"an answer without {problem}") from problem


def _details(found: Any) -> MethodDetails | None:
    if not isinstance(found, dict) or found.get("kind") not in set(MethodKind):
        return None
    return MethodDetails(
        kind=MethodKind(found["kind"]),
        token=str(found.get("token") or ""),
        brand=str(found.get("brand") or ""),
        last4=str(found.get("last4") or "")[:4],
        funding=str(found.get("funding") or ""),
        expires_year=found.get("expires_year"),
        expires_month=found.get("expires_month"),
    )


def _event(body: bytes) -> GatewayEvent:
    try:
        found = json.loads(body)
        kind, data = str(found["type"]).partition(".")[0], found["data"]
        return GatewayEvent(
            id=str(found["id"]),
            kind=kind,
            reference=str(data["reference"]),
            answer=_answer(data) if kind == "charge" else _refund_answer(data) if kind == "refund" else None,
            at=datetime.fromisoformat(found["created"]),
        )
    except (KeyError, TypeError, ValueError, Unknown) as problem:
        raise EventRefused(f"unreadable: {problem}") from problem
