"""Rate limits: how often one bucket (an address and a purpose, or a key) may knock in a window of time.

Counts live in the database, so all processes count together. Call :func:`hit` outside of a seller scope: a
count that is rolled back together with a refused request wouldn't count at all.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from django.db import connection

from clearbill.core.errors import Throttled

MAX_BUCKET_LENGTH = 160
KEPT = timedelta(days=1)
FORGET_AT_ONCE = 10_000

_UPSERT = """
INSERT INTO scope_rate_count (bucket, window_at, count) VALUES (%s, %s, 1)
ON CONFLICT ON CONSTRAINT scope_rate_bucket DO UPDATE SET count = LEAST(scope_rate_count.count + 1,
1000000000) RETURNING count
"""
_FORGET = """
DELETE FROM scope_rate_count WHERE id IN (SELECT id FROM scope_rate_count WHERE window_at < %s LIMIT %s)
"""


def hit(bucket: str, limit: int, window_s: int, at: datetime) -> int:
    """Count one request of ``bucket``; returns how many more its window of ``window_s`` seconds allows.

    Raises Throttled (``too_many_requests``, with ``retry_after_s``) for each request above ``limit``.
    """
    start_s = int(at.timestamp()) // window_s * window_s
    with connection.cursor() as cursor:
        cursor.execute(_UPSERT, [_stored(bucket, window_s), datetime.fromtimestamp(start_s, UTC)])
        (count,) = cursor.fetchone()
    if count > limit:
        raise Throttled(
            "too_many_requests",
            "Too many requests. Wait {retry_after_s} seconds, then try again.",
            retry_after_s=max(1, start_s + window_s - int(at.timestamp())),
        )
    return limit - count


def forget_counts(at: datetime) -> int:
    """Delete counts of windows that ended long ago, ``FORGET_AT_ONCE`` at most; returns how many. For the
    waking job.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, [at - KEPT, FORGET_AT_ONCE])
        return cursor.rowcount


def _stored(bucket: str, window_s: int) -> str:
    # the window's length is in the name: one bucket may be limited by the minute and by the hour
    name = f"{window_s}:{bucket}"
    if len(name) <= MAX_BUCKET_LENGTH and name.isprintable():
        return name
    return f"{window_s}:{hashlib.sha256(bucket.encode('utf-8', 'surrogateescape')).hexdigest()}"
