"""Gapless numbers: the counter of a series. Formats are in ``numbering``."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from clearbill.core.errors import Fault
from clearbill.scope.ids import new_id
from clearbill.scope.seller import current_seller
from clearbill.sellers.models import NumberSeries

MAX_AT_ONCE = 100_000

_TAKE = """
UPDATE sellers_number_series SET last_value = last_value + %s WHERE seller_id = %s AND series = %s RETURNING
last_value
"""


def next_numbers(series: str, count: int, *, at: datetime) -> range:
    """The next ``count`` numbers of a series of the running seller scope; a new series begins at 1.

    Holds the series' row until the transaction ends: a rollback gives the numbers back, so there are no
    gaps, and others wait. Take numbers last. Leaves no audit row: what got the number says so itself.
    """
    if not 1 <= count <= MAX_AT_ONCE:
        raise Fault(f"{count} numbers at once; from 1 to {MAX_AT_ONCE} can be taken")
    seller_id = current_seller()
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [count, seller_id, series])
        row = cursor.fetchone()
        if row is None:
            NumberSeries.objects.bulk_create(
                [NumberSeries(id=new_id(at), seller_id=seller_id, series=series)], ignore_conflicts=True
            )
            cursor.execute(_TAKE, [count, seller_id, series])
            row = cursor.fetchone()
    last = row[0]
    return range(last - count + 1, last + 1)
