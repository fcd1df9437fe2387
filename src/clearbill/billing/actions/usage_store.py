"""Storing checked usage events: COPY into a temporary table, then one statement that keeps the new ones.

``COPY FROM`` is refused on tables with row-level security, so it goes to a temporary table. Keys are inserted in the order
of their hashes: two batches at once then wait for each other instead of deadlocking.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable
from datetime import date, datetime

from django.db import connection, transaction

from clearbill.billing.actions.usage_event import CheckedEvent
from clearbill.scope.seller import current_seller

_CREATE_STAGING = """
CREATE TEMPORARY TABLE IF NOT EXISTS usage_staging (
    index int NOT NULL, customer_id uuid NOT NULL, key_hash bytea NOT NULL, body_hash bytea NOT NULL,
    at timestamptz NOT NULL, type text NOT NULL, key text NOT NULL, properties jsonb NOT NULL
) ON COMMIT DELETE ROWS
"""
_KEEP_NEW = """
WITH fresh AS (
    INSERT INTO usage_key (seller_id, key_hash, body_hash, at)
    SELECT %(seller)s, key_hash, body_hash, %(at)s FROM pg_temp.usage_staging ORDER BY key_hash
    ON CONFLICT (seller_id, key_hash) DO NOTHING
    RETURNING key_hash
), kept AS (
    INSERT INTO usage_event (seller_id, customer_id, type, key, key_hash, at, properties, received_at)
    SELECT %(seller)s, s.customer_id, s.type, s.key, s.key_hash, s.at, s.properties, %(at)s
    FROM pg_temp.usage_staging s JOIN fresh USING (key_hash)
)
SELECT s.index FROM pg_temp.usage_staging s
WHERE NOT EXISTS (SELECT FROM fresh WHERE fresh.key_hash = s.key_hash)
"""
_STANDING = """
SELECT s.index, k.body_hash FROM pg_temp.usage_staging s
JOIN usage_key k ON k.seller_id = %(seller)s AND k.key_hash = s.key_hash
WHERE s.index = ANY(%(indexes)s)
"""
_COPY = "COPY pg_temp.usage_staging FROM STDIN (FORMAT BINARY)"
_COPY_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_END = b"\xff\xff"
_FIXED_FIELDS = struct.Struct("!hii i16s i16s i16s iq")
_LENGTH = struct.Struct("!i")

_partitions_made: set[tuple[str, str, tuple[int, int]]] = set()


def store(rows: bytes, *, at: datetime) -> dict[int, bytes]:
    """Keep the events of ``rows_of`` with new keys. Returns, by index, the standing body hash of every other one.

    No two of them have the same key; their months have partitions.
    """
    seller_id = current_seller()
    with connection.cursor() as cursor:
        cursor.execute(_CREATE_STAGING)
        cursor.execute("DELETE FROM pg_temp.usage_staging")
        with cursor.copy(_COPY) as copy:
            copy.write(rows)
        cursor.execute(_KEEP_NEW, {"seller": seller_id, "at": at})
        known = [index for (index,) in cursor.fetchall()]
        if not known:
            return {}
        cursor.execute(_STANDING, {"seller": seller_id, "indexes": known})
        return {index: bytes(body_hash) for index, body_hash in cursor.fetchall()}


def make_partitions(months: Collection[tuple[int, int]]) -> None:
    """Make sure that the months (year, month; in UTC) have partitions. Remembered in this process once committed."""
    database = connection.settings_dict
    place = (str(database["HOST"]), str(database["NAME"]))
    wanted = [(*place, month) for month in sorted(months)]
    missing = [entry for entry in wanted if entry not in _partitions_made]
    if not missing:
        return
    with connection.cursor() as cursor:
        for *_place, (year, month) in missing:
            cursor.execute("SELECT usage_partition(%s)", [date(year, month, 1)])
    transaction.on_commit(lambda: _partitions_made.update(missing))


def rows_of(events: Iterable[CheckedEvent]) -> bytes:
    """Rows for ``store`` in PostgreSQL's binary format: a count of fields, then each field's length and bytes."""
    fixed, length = _FIXED_FIELDS.pack, _LENGTH.pack
    parts = [_COPY_HEAD]
    for event in events:
        type_, key, properties = event.type.encode(), event.key.encode(), event.properties
        index, customer, instant = event.index, event.customer_id.bytes, event.instant
        parts += (
            fixed(8, 4, index, 16, customer, 16, event.key_hash, 16, event.body_hash, 8, instant),
            length(len(type_)),
            type_,
            length(len(key)),
            key,
            length(len(properties) + 1),
            b"\x01",
            properties,
        )
    parts.append(_COPY_END)
    return b"".join(parts)
