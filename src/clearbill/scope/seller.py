"""The seller scope: one transaction, one seller, and row-level security that shows only that seller's rows.

Every unit of work is ``with seller_scope(seller_id):``. Outside of it a scoped table shows no row and takes none.
The setting is a literal ``SET LOCAL`` because some pooled and distributed set-ups don't pass on ``set_config()``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

from django.db import connection, transaction

from clearbill.core.errors import Fault

_current: ContextVar[UUID | None] = ContextVar("clearbill_seller", default=None)


@contextmanager
def seller_scope(seller_id: UUID) -> Iterator[None]:
    """Run a block as ``seller_id`` in one transaction; inside the same seller's scope it's a savepoint of it.

    Raises Fault when a block of another seller is already running: a transaction belongs to one seller.
    """
    outer = _current.get()
    if outer is not None and connection.in_atomic_block:
        if outer != seller_id:
            raise Fault("a transaction of one seller was about to touch another seller's rows")
        with transaction.atomic():
            yield
        return
    with transaction.atomic():
        _set_local(str(UUID(str(seller_id))))
        token = _current.set(seller_id)
        try:
            yield
        finally:
            _current.reset(token)
        if connection.savepoint_ids:
            _set_local(
                ""
            )  # the transaction goes on without a seller; a rolled-back savepoint undoes the setting itself


def current_seller() -> UUID:
    """The seller of the running scope. Raises Fault outside of one."""
    seller_id = _current.get()
    if seller_id is None:
        raise Fault("this needs a seller scope")
    return seller_id


def _set_local(value: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL clearbill.seller = '{value}'")
