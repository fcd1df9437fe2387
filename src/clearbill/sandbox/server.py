"""The sandbox over HTTP (WSGI): ``/v1/`` for sellers' programs, ``/pay/`` and ``/scan/`` for payers.

A seller's key makes its account on first use. ``Sandbox-At`` moves the time of one request, for sellers with a test clock.
``POST /v1/faults`` orders trouble for the next call: see ``FAULTS``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from clearbill.sandbox import pages
from clearbill.sandbox.behaviors import behavior_named, declining_later
from clearbill.sandbox.engine import Engine, Refused, Row
from clearbill.sandbox.store import Store

MAX_BODY = 64 * 1024
MAX_KEY = 255
FAULTS = {
    "charge": ("drop_before", "drop_after", "error_before", "error_after", "wrong_amount"),
    "refund": ("drop_before", "drop_after", "error_before", "error_after"),
    "find": ("drop_before", "error_before"),
    "event": ("triple", "reverse", "forge", "lose"),
}
"""By operation. ``drop`` ends the connection without an answer, ``error`` answers 500; before or after the work."""

ADDRESSES = Map(
    [
        Rule("/v1/account", endpoint="account", methods=["POST"]),
        Rule("/v1/charges", endpoint="charge", methods=["POST"]),
        Rule("/v1/charges", endpoint="find", methods=["GET"]),
        Rule("/v1/charges/void", endpoint="void", methods=["POST"]),
        Rule("/v1/refunds", endpoint="refund", methods=["POST"]),
        Rule("/v1/refunds", endpoint="find_refund", methods=["GET"]),
        Rule("/v1/methods", endpoint="store_card", methods=["POST"]),
        Rule("/v1/methods/<token>", endpoint="detach", methods=["DELETE"]),
        Rule("/v1/faults", endpoint="fault", methods=["POST"]),
        Rule("/pay/<charge_id>", endpoint="pay"),
        Rule("/scan/<charge_id>", endpoint="scan"),
        Rule("/static/<name>", endpoint="static", methods=["GET"]),
    ]
)


class ConnectionDropped(Exception):
    """The answer is never sent, as if the network had broken. The server ends the connection."""


class Sandbox:
    """The WSGI application over a store. ``clock`` tells the time where a request doesn't."""

    def __init__(self, store: Store, *, url: str, clock: Callable[[], datetime]) -> None:
        self.store = store
        self.clock = clock
        self.engine = Engine(store, url=url, clock=self.clock)

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        request.max_content_length = MAX_BODY
        try:
            endpoint, values = ADDRESSES.bind_to_environ(environ).match()
            response = self._answer(request, endpoint, values)
        except HTTPException as problem:
            response = problem.get_response(environ)  # type: ignore[assignment]
        return response(environ, start_response)

    def _answer(self, request: Request, endpoint: str, values: dict[str, Any]) -> Response:
        at = self._at(request)
        if endpoint in ("pay", "scan", "static"):
            return pages.answer(self.engine, request, endpoint, at=at, **values)
        try:
            account = self._account(request)
            if endpoint in ("charge", "refund"):
                return self._once(request, account, endpoint, at=at)
            fault = self._fault("find") if endpoint.startswith("find") else ""
            _before(fault)
            return _json(self._do(request, account, endpoint, values, at=at))
        except Refused as refused:
            return _json({"code": refused.code}, status=refused.status)

    def _do(self, request: Request, account: str, endpoint: str, values: dict[str, Any], *, at: datetime) -> Row:
        match endpoint:
            case "account":
                body = _body(request)
                sql = "UPDATE account SET webhook_url = ?, webhook_secret = ? WHERE key_hash = ?"
                self.store.run(sql, str(body.get("webhook_url", "")), str(body.get("webhook_secret", "")), account)
                return {"ok": True}
            case "find":
                with self.store.transaction():
                    return self.engine.find(account, request.args.get("reference", ""), at=at)
            case "void":
                with self.store.transaction():
                    return self.engine.void(account, str(_body(request).get("reference")), at=at)
            case "find_refund":
                return self.engine.find_refund(account, request.args.get("reference", ""))
            case "store_card":
                return self._store_card(account, _body(request), at=at)
            case "detach":
                self.engine.detach(account, values["token"])
                return {"ok": True}
            case _:
                return self._order_fault(_body(request))

    def _once(self, request: Request, account: str, endpoint: str, *, at: datetime) -> Response:
        """The same key gives the same answer, and with another request a refusal."""
        key = request.headers.get("Idempotency-Key", "")
        if not 0 < len(key) <= MAX_KEY:
            raise Refused(422, "idempotency_key_missing")
        digest = hashlib.sha256(endpoint.encode() + request.get_data()).hexdigest()
        fault = self._fault(endpoint)
        _before(fault)
        with self.store.transaction():
            found = self.store.one("SELECT * FROM idempotency WHERE account = ? AND key = ?", account, key)
            if found is not None and found["request"] != digest:
                raise Refused(409, "idempotency_key_reused")
            if found is None:
                act = self.engine.charge if endpoint == "charge" else self.engine.refund
                answer = act(account, _body(request), at=at)
                sql = "INSERT INTO idempotency (account, key, request, status, answer) VALUES (?, ?, ?, 200, ?)"
                self.store.run(sql, account, key, digest, json.dumps(answer))
            else:
                answer = json.loads(found["answer"])
        _after(fault)
        if fault == "wrong_amount":
            answer = {**answer, "amount": answer["amount"] + 1}
        return _json(answer)

    def _account(self, request: Request) -> str:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.startswith("sandbox_"):
            raise Refused(401, "key_unknown")
        account = hashlib.sha256(key.encode()).hexdigest()
        self.store.run("INSERT OR IGNORE INTO account (key_hash) VALUES (?)", account)
        return account

    def _at(self, request: Request) -> datetime:
        text = request.headers.get("Sandbox-At", "")
        if text:
            try:
                found = datetime.fromisoformat(text)
            except ValueError:
                found = None
            if found is not None and found.tzinfo is not None:
                return found.astimezone(UTC)
        return self.clock()

    def _store_card(self, account: str, body: Row, *, at: datetime) -> Row:
        later = str(body.get("declines_with") or "")
        behavior = declining_later(later) if later else behavior_named("visa")
        expires = (int(body.get("expires_year") or at.year + 3), int(body.get("expires_month") or 12))
        return self.engine.store_card(account, behavior, last4=str(body.get("last4") or "4242")[:4], expires=expires)

    def _order_fault(self, body: Row) -> Row:
        operation, kind = str(body.get("operation")), str(body.get("kind"))
        if kind not in FAULTS.get(operation, ()):
            raise Refused(422, "fault_unknown")
        self.store.run("INSERT INTO fault (operation, kind) VALUES (?, ?)", operation, kind)
        return {"ok": True}

    def _fault(self, operation: str) -> str:
        with self.store.transaction():
            row = self.store.one("SELECT * FROM fault WHERE operation = ? ORDER BY number LIMIT 1", operation)
            if row is None:
                return ""
            self.store.run("DELETE FROM fault WHERE number = ?", row["number"])
        return str(row["kind"])


def _before(fault: str) -> None:
    if fault == "drop_before":
        raise ConnectionDropped
    if fault == "error_before":
        raise Refused(500, "fault")


def _after(fault: str) -> None:
    if fault == "drop_after":
        raise ConnectionDropped
    if fault == "error_after":
        raise Refused(500, "fault")


def _body(request: Request) -> Row:
    try:
        found = json.loads(request.get_data())
    except ValueError:
        raise Refused(422, "body_malformed") from None
    if not isinstance(found, dict):
        raise Refused(422, "body_malformed")
    return found


def _json(row: Row, *, status: int = 200) -> Response:
    return Response(json.dumps(row), status=status, mimetype="application/json")
