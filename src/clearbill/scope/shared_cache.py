"""Django's cache in the database: what the sign-in library counts, all processes count together.

It holds counts of tries and codes that were used, so it has to be shared, and a refused request must not roll it back:
nothing here runs inside a seller's scope. Values are JSON; what could be unpickled could run.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.db import connection

from clearbill.scope.clock import wall_clock

FOREVER = datetime(9999, 1, 1, tzinfo=UTC)
FORGET_AT_ONCE = 10_000

_GET = "SELECT value FROM scope_cache WHERE key = %s AND expires_at > %s"
_SET = """
INSERT INTO scope_cache (key, value, expires_at) VALUES (%s, %s, %s)
ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at
"""
_ADD = f"{_SET} WHERE scope_cache.expires_at <= %s RETURNING 1"
_TOUCH = "UPDATE scope_cache SET expires_at = %s WHERE key = %s AND expires_at > %s"
_FORGET = "DELETE FROM scope_cache WHERE key IN (SELECT key FROM scope_cache WHERE expires_at <= %s LIMIT %s)"


class SharedCache(BaseCache):
    """See the module. ``LOCATION`` isn't used: there's one table."""

    def __init__(self, _location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        found = _ask(_GET, self.make_and_validate_key(key, version), wall_clock())
        return json.loads(found[0][0]) if found else default

    def set(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        _do(_SET, self.make_and_validate_key(key, version), json.dumps(value), self._expires_at(timeout))

    def add(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        key = self.make_and_validate_key(key, version)
        return bool(_ask(_ADD, key, json.dumps(value), self._expires_at(timeout), wall_clock()))

    def touch(self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        key = self.make_and_validate_key(key, version)
        return bool(_do(_TOUCH, self._expires_at(timeout), key, wall_clock()))

    def delete(self, key: Any, version: int | None = None) -> bool:
        return bool(_do("DELETE FROM scope_cache WHERE key = %s", self.make_and_validate_key(key, version)))

    def clear(self) -> None:
        _do("DELETE FROM scope_cache")

    def _expires_at(self, timeout: Any) -> datetime:
        seconds = self.get_backend_timeout(timeout)
        return FOREVER if seconds is None else datetime.fromtimestamp(max(0.0, seconds), UTC)


def forget_expired(at: datetime) -> int:
    """Delete what has expired, ``FORGET_AT_ONCE`` at most; returns how many. For the waking job."""
    return _do(_FORGET, at, FORGET_AT_ONCE)


def _do(sql: str, *given: object) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, given)
        return int(cursor.rowcount)


def _ask(sql: str, *given: object) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, given)
        return list(cursor.fetchall())
