"""What the sandbox remembers, in SQLite: charges, methods, refunds, events, and the faults it was asked to make.

One file, one connection, one lock: a request is a transaction. What was answered is on disk, as at a real provider.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS account (key_hash TEXT PRIMARY KEY, webhook_url TEXT, webhook_secret TEXT);
CREATE TABLE IF NOT EXISTS charge (
    id TEXT PRIMARY KEY, account TEXT NOT NULL, reference TEXT NOT NULL, state TEXT NOT NULL, data TEXT NOT NULL,
    UNIQUE (account, reference));
CREATE TABLE IF NOT EXISTS method (token TEXT PRIMARY KEY, account TEXT NOT NULL, data TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS refund (
    id TEXT PRIMARY KEY, account TEXT NOT NULL, reference TEXT NOT NULL, charge TEXT NOT NULL, amount INTEGER NOT NULL,
    data TEXT NOT NULL, UNIQUE (account, reference));
CREATE TABLE IF NOT EXISTS idempotency (
    account TEXT NOT NULL, key TEXT NOT NULL, request TEXT NOT NULL, status INTEGER NOT NULL, answer TEXT NOT NULL,
    PRIMARY KEY (account, key));
CREATE TABLE IF NOT EXISTS event (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, account TEXT NOT NULL, body TEXT NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0, not_before REAL NOT NULL DEFAULT 0, done INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS event_waiting ON event (done, not_before);
CREATE TABLE IF NOT EXISTS fault (number INTEGER PRIMARY KEY AUTOINCREMENT, operation TEXT NOT NULL, kind TEXT NOT NULL);
"""


class Store:
    """Rows as dictionaries. ``None`` as the path keeps everything in memory."""

    def __init__(self, path: Path | None) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute(f"PRAGMA synchronous = {'OFF' if path is None else 'FULL'}")
        self._connection.executescript(_SCHEMA)
        self._lock = threading.RLock()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; inside another one it's part of that."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def one(self, sql: str, *values: object) -> dict[str, Any] | None:
        """The first row, its ``data`` read."""
        rows = self.all(sql, *values)
        return rows[0] if rows else None

    def all(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """Rows, their ``data`` read."""
        with self._lock:
            found = [dict(row) for row in self._connection.execute(sql, values).fetchall()]
        for row in found:
            if "data" in row:
                row |= json.loads(row.pop("data"))
        return found

    def run(self, sql: str, *values: object) -> int:
        """Change rows; returns how many."""
        with self._lock:
            return self._connection.execute(sql, values).rowcount

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()
