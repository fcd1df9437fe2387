"""Telling the seller: every event is signed, kept until the seller's address took it, and tried again with patience.

The signature is ``t=<seconds>,v1=<HMAC-SHA-256 of "seconds.body">`` in the header ``Sandbox-Signature``.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx

from clearbill.sandbox.store import Store

HEADER = "Sandbox-Signature"
TIMEOUT_S = 10
PAUSE_S = 0.2
WAITS_S = (1, 2, 5, 15, 60, 300, 900, 3600)
BATCH = 50
MAX_TRIES = 40
OK = range(200, 300)

log = logging.getLogger("clearbill.sandbox")

Post = Callable[[str, bytes, dict[str, str]], int]
"""Sends a body to an address; returns the HTTP status, 0 when nobody answered."""


def sign(body: bytes, *, secret: str, at_s: int) -> str:
    """The header's value."""
    mac = hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256)
    return f"t={at_s},v1={mac.hexdigest()}"


def post_over_http(url: str, body: bytes, headers: dict[str, str]) -> int:
    """As the server does it."""
    try:
        return httpx.post(url, content=body, headers=headers, timeout=TIMEOUT_S).status_code
    except httpx.HTTPError as problem:
        log.info("event not taken: %s", problem)
        return 0


def deliver(store: Store, *, at: datetime, post: Post = post_over_http) -> int:
    """Send what waits, the oldest first; returns how many events were taken. ``at`` signs them.

    Faults that were asked for make a doubled, a late (after the next ones) or a forged event out of an honest one.
    """
    now = _s(at)
    rows = store.all(
        "SELECT e.*, a.webhook_url, a.webhook_secret FROM event e JOIN account a ON a.key_hash = e.account"
        " WHERE e.done = 0 AND e.not_before <= ? AND a.webhook_url IS NOT NULL ORDER BY e.number LIMIT ?",
        now,
        BATCH,
    )
    taken = 0
    for row in _as_asked(store, rows):
        body = str(row["body"]).encode()
        headers = {"Content-Type": "application/json", HEADER: sign(body, secret=row["webhook_secret"], at_s=_s(at))}
        if post(row["webhook_url"], body, headers) in OK:
            store.run("UPDATE event SET done = 1 WHERE number = ?", row["number"])
            taken += 1
            continue
        wait = WAITS_S[min(row["tries"], len(WAITS_S) - 1)]
        done = row["tries"] + 1 >= MAX_TRIES
        sql = "UPDATE event SET tries = tries + 1, not_before = ?, done = ? WHERE number = ? AND done = 0"
        store.run(sql, now + wait, int(done), row["number"])
    return taken


def _as_asked(store: Store, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for fault in store.all("SELECT number, kind FROM fault WHERE operation = 'event' ORDER BY number"):
        if not rows:
            break
        store.run("DELETE FROM fault WHERE number = ?", fault["number"])
        if fault["kind"] == "triple":
            rows = [rows[0], rows[0], *rows]
        elif fault["kind"] == "reverse":
            rows = rows[::-1]
        elif fault["kind"] == "forge":
            rows = [{**rows[0], "webhook_secret": "not the secret"}, *rows]
        elif fault["kind"] == "lose":
            store.run("UPDATE event SET done = 1 WHERE number = ?", rows[0]["number"])
            rows = rows[1:]
    return rows


def _s(at: datetime) -> int:
    return int(at.timestamp())


class Postman(threading.Thread):
    """Delivers in the background until it's told to stop."""

    def __init__(self, store: Store, *, clock: Callable[[], datetime]) -> None:
        super().__init__(name="sandbox events", daemon=True)
        self._store = store
        self._clock = clock
        self._stop_asked = threading.Event()

    def run(self) -> None:
        """Until :meth:`stop`."""
        while not self._stop_asked.wait(PAUSE_S):
            deliver(self._store, at=self._clock())

    def stop(self) -> None:
        """Finish the delivery that runs, then end."""
        self._stop_asked.set()
        self.join(TIMEOUT_S * 2)
