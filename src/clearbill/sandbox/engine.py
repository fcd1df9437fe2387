"""The gateway itself: charges and what becomes of them, stored methods, refunds, and an event for each change.

Times are RFC 3339 texts in UTC, amounts integers of minor units. What a payer does on the hosted pages comes in here too.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from clearbill.sandbox.behaviors import CARDS, Behavior, behavior_named, passes_luhn
from clearbill.sandbox.store import Store

Row = dict[str, Any]
METHODS = ("card", "apple_pay", "google_pay", "alipay")
SESSION = timedelta(minutes=30)
MAX_AMOUNT = 10**14
OPEN = "requires_action"


class Refused(Exception):
    """A request that can't be done: an HTTP status and a code."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A card as it was typed; the number is used to find its behavior and then let go."""

    number: str
    expires_month: int
    expires_year: int
    cvc: str


class Engine:
    """All accounts of one sandbox. ``url`` is where its pages are.

    ``clock`` is the machine's: a payer has so many real minutes, whatever the seller's test clock says, which is ``at``.
    """

    def __init__(self, store: Store, *, url: str, clock: Callable[[], datetime]) -> None:
        self.store = store
        self.url = url.rstrip("/")
        self.clock = clock

    # what a seller's program asks

    def charge(self, account: str, wanted: Row, *, at: datetime) -> Row:
        """Make a charge. With a stored method it's decided at once, else the payer has to come to a page."""
        row = _checked(wanted)
        if self.store.one("SELECT id FROM charge WHERE account = ? AND reference = ?", account, row["reference"]):
            raise Refused(409, "reference_used")
        row |= {"id": _new("ch"), "account": account, "created": _text(at), "refunded": 0, "code": "", "advice": ""}
        row["expires"] = _text(self.clock() + SESSION)
        if row["token"]:
            self._decide(row, self._method(account, row["token"]), at=at, present=not row["off_session"])
        else:
            row |= {"state": OPEN, "page": row["method"]}
        self.store.run(
            "INSERT INTO charge (id, account, reference, state, data) VALUES (?, ?, ?, ?, ?)",
            row["id"],
            account,
            row["reference"],
            row["state"],
            json.dumps(row),
        )
        if row["state"] != OPEN:
            self._tell("charge", row, at=at)
        return self.shown(row)

    def find(self, account: str, reference: str, *, at: datetime) -> Row:
        """The charge of a reference. Raises Refused 404."""
        row = self.store.one("SELECT * FROM charge WHERE account = ? AND reference = ?", account, reference)
        if row is None:
            raise Refused(404, "charge_unknown")
        return self.shown(self._expire(row, at=at))

    def void(self, account: str, reference: str, *, at: datetime) -> Row:
        """End a charge that waits for its payer; one that's decided stays as it is. Raises Refused 404."""
        row = self.store.one("SELECT * FROM charge WHERE account = ? AND reference = ?", account, reference)
        if row is None:
            raise Refused(404, "charge_unknown")
        row = self._expire(row, at=at)
        if row["state"] == OPEN:
            row |= {"state": "failed", "code": "replaced"}
            row = self._changed(row, at=at)
        return self.shown(row)

    def refund(self, account: str, wanted: Row, *, at: datetime) -> Row:
        """Send a part of a charge back, at most what is left of it."""
        charge = self.store.one("SELECT * FROM charge WHERE account = ? AND id = ?", account, str(wanted.get("charge")))
        amount, reference = wanted.get("amount"), wanted.get("reference")
        if charge is None:
            raise Refused(404, "charge_unknown")
        if not isinstance(amount, int) or isinstance(amount, bool) or not isinstance(reference, str) or not reference:
            raise Refused(422, "refund_malformed")
        if charge["state"] != "succeeded" or not 0 < amount <= charge["amount"] - charge["refunded"]:
            raise Refused(409, "refund_exceeds_charge")
        row = {
            "id": _new("re"),
            "reference": reference,
            "charge": charge["id"],
            "amount": amount,
            "currency": charge["currency"],
            "state": "succeeded",
            "created": _text(at),
        }
        charge["refunded"] += amount
        self._save(charge)
        self.store.run(
            "INSERT INTO refund (id, account, reference, charge, amount, data) VALUES (?, ?, ?, ?, ?, ?)",
            row["id"],
            account,
            reference,
            charge["id"],
            amount,
            json.dumps(row),
        )
        self._tell("refund", {**row, "account": account}, at=at)
        return row

    def find_refund(self, account: str, reference: str) -> Row:
        """The refund of a reference. Raises Refused 404."""
        row = self.store.one("SELECT data FROM refund WHERE account = ? AND reference = ?", account, reference)
        if row is None:
            raise Refused(404, "refund_unknown")
        return row

    def detach(self, account: str, token: str) -> None:
        """Forget a stored method."""
        self.store.run("DELETE FROM method WHERE account = ? AND token = ?", account, token)

    def store_card(self, account: str, behavior: Behavior, *, last4: str, expires: tuple[int, int]) -> Row:
        """A stored card that behaves so; for scenarios and demos, where nobody types."""
        return self._keep(account, "card", behavior, last4=last4, expires=expires)

    # what a payer does

    def page(self, charge_id: str, *, at: datetime) -> Row:
        """The charge that a hosted page is about. Raises Refused 404."""
        row = self.store.one("SELECT * FROM charge WHERE id = ?", charge_id)
        if row is None:
            raise Refused(404, "charge_unknown")
        return self._expire(row, at=at)

    def type_card(self, charge_id: str, card: Card, *, at: datetime) -> Row:
        """The payer typed a card. Raises Refused 422 with what is wrong with it."""
        row = self._open(charge_id, at=at)
        if not passes_luhn(card.number) or card.number not in CARDS:
            raise Refused(422, "number_unknown" if passes_luhn(card.number) else "number_wrong")
        if (card.expires_year, card.expires_month) < (at.year, at.month) or not 1 <= card.expires_month <= 12:
            raise Refused(422, "expiry_past")
        if not card.cvc.isdigit() or len(card.cvc) not in (3, 4):
            raise Refused(422, "cvc_wrong")
        return self._typed(
            row, CARDS[card.number], last4=card.number[-4:], expires=(card.expires_year, card.expires_month), at=at
        )

    def approve_wallet(self, charge_id: str, *, at: datetime) -> Row:
        """The payer approved in the wallet's sheet, with the device's own confirmation."""
        row = self._open(charge_id, at=at)
        behavior = CARDS["4242424242424242"]
        return self._typed(row, behavior, last4="4242", expires=(at.year + 3, 12), at=at)

    def scan(self, charge_id: str, *, at: datetime) -> Row:
        """The payer scanned the code with a phone and paid there."""
        row = self._open(charge_id, at=at)
        row |= {"state": "succeeded", "details": {"kind": row["method"], "brand": row["method"]}}
        return self._changed(row, at=at)

    def answer_challenge(self, charge_id: str, *, confirmed: bool, at: datetime) -> Row:
        """The payer confirmed at the bank, or didn't."""
        row = self._open(charge_id, at=at)
        if row["page"] != "challenge":
            raise Refused(409, "no_challenge")
        behavior = behavior_named(row["behavior"])
        if not confirmed:
            row |= {"state": "failed", "code": "authentication_failed"}
        else:
            row |= {"state": "failed", "code": behavior.first} if behavior.first else {"state": "succeeded"}
        return self._changed(self._kept(row), at=at)

    def give_up(self, charge_id: str, *, at: datetime) -> Row:
        """The payer went back without paying."""
        row = self._open(charge_id, at=at)
        row |= {"state": "failed", "code": "canceled_by_payer"}
        return self._changed(row, at=at)

    def shown(self, row: Row) -> Row:
        """A charge as its seller may see it."""
        names = ("id", "reference", "state", "amount", "currency", "code", "advice", "refunded", "created", "expires")
        found = {name: row[name] for name in names}
        found["method"] = row.get("details")
        found["action_url"] = f"{self.url}/pay/{row['id']}" if row["state"] == OPEN else ""
        found["qr"] = f"{self.url}/scan/{row['id']}" if row["state"] == OPEN and row.get("page") == "alipay" else ""
        return found

    # inside

    def _typed(self, row: Row, behavior: Behavior, *, last4: str, expires: tuple[int, int], at: datetime) -> Row:
        row |= {"behavior": behavior.name, "last4": last4, "card_expires": list(expires)}
        row["details"] = _details(row["method"], behavior, last4=last4, expires=expires)
        if behavior.challenge != "never" and row["method"] == "card":
            row["page"] = "challenge"
            self._save(row)
            return row
        row |= {"state": "failed", "code": behavior.first} if behavior.first else {"state": "succeeded"}
        return self._changed(self._kept(row), at=at)

    def _kept(self, row: Row) -> Row:
        """With a stored method, when the payer wanted that and the charge went well."""
        if row["keep_method"] and row["state"] == "succeeded" and not row["details"].get("token"):
            behavior = behavior_named(row["behavior"])
            expires = (row["card_expires"][0], row["card_expires"][1])
            kept = self._keep(row["account"], row["method"], behavior, last4=row["last4"], expires=expires)
            row["details"] = kept
        return row

    def _keep(self, account: str, kind: str, behavior: Behavior, *, last4: str, expires: tuple[int, int]) -> Row:
        token = _new("pm")
        details = {**_details(kind, behavior, last4=last4, expires=expires), "token": token}
        data = json.dumps({"behavior": behavior.name, "details": details})
        self.store.run("INSERT INTO method (token, account, data) VALUES (?, ?, ?)", token, account, data)
        return details

    def _method(self, account: str, token: str) -> Row:
        row = self.store.one("SELECT data FROM method WHERE account = ? AND token = ?", account, token)
        if row is None:
            raise Refused(404, "method_unknown")
        return row

    def _decide(self, row: Row, method: Row, *, at: datetime, present: bool) -> None:
        behavior = behavior_named(method["behavior"])
        row |= {"behavior": behavior.name, "details": method["details"]}
        expires = (method["details"]["expires_year"], method["details"]["expires_month"])
        code = behavior.first if present else behavior.later
        if expires < (at.year, at.month):
            row |= {"state": "failed", "code": "expired_card"}
        elif present and behavior.challenge == "always":
            row |= {"state": OPEN, "page": "challenge"}
        else:
            row |= {"state": "failed", "code": code} if code else {"state": "succeeded"}

    def _open(self, charge_id: str, *, at: datetime) -> Row:
        row = self.page(charge_id, at=at)
        if row["state"] != OPEN:
            raise Refused(409, "charge_decided")
        return row

    def _expire(self, row: Row, *, at: datetime) -> Row:
        if row["state"] == OPEN and _text(self.clock()) >= row["expires"]:
            row |= {"state": "failed", "code": "expired_session"}
            return self._changed(row, at=at)
        return row

    def _changed(self, row: Row, *, at: datetime) -> Row:
        self._save(row)
        self._tell("charge", row, at=at)
        return row

    def _save(self, row: Row) -> None:
        self.store.run("UPDATE charge SET state = ?, data = ? WHERE id = ?", row["state"], json.dumps(row), row["id"])

    def _tell(self, kind: str, row: Row, *, at: datetime) -> None:
        data = self.shown(row) if kind == "charge" else {name: row[name] for name in row if name != "account"}
        event = {"id": _new("ev"), "type": f"{kind}.{row['state']}", "created": _text(at), "data": data}
        body = json.dumps(event, separators=(",", ":"))
        self.store.run("INSERT INTO event (id, account, body) VALUES (?, ?, ?)", event["id"], row["account"], body)


def _checked(wanted: Row) -> Row:
    names = ("reference", "currency", "method", "token", "return_url", "description", "language")
    row: Row = {name: str(wanted.get(name) or "") for name in names}
    row |= {name: wanted.get(name) is True for name in ("off_session", "keep_method")}
    row["amount"] = amount = wanted.get("amount")
    if not isinstance(amount, int) or isinstance(amount, bool) or not 0 < amount < MAX_AMOUNT:
        raise Refused(422, "amount_malformed")
    if not row["reference"] or len(row["currency"]) != 3 or row["method"] not in METHODS:
        raise Refused(422, "charge_malformed")
    if row["off_session"] and not row["token"]:
        raise Refused(422, "method_missing")
    return row


def _details(kind: str, behavior: Behavior, *, last4: str, expires: tuple[int, int]) -> Row:
    return {
        "kind": kind,
        "brand": behavior.brand,
        "funding": behavior.funding,
        "last4": last4,
        "expires_year": expires[0],
        "expires_month": expires[1],
    }


def _new(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(12)}"


def _text(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")
