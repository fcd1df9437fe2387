"""New ids: the random bits and the milliseconds that ``core.ids`` asks for, and UUIDs of its numbers."""

from __future__ import annotations

import itertools
import secrets
from datetime import datetime
from uuid import UUID

from clearbill.core import ids

_COUNT_BITS = 24
_made = itertools.count(secrets.randbits(_COUNT_BITS - 1))


def new_id(at: datetime) -> UUID:
    """A time-ordered id (UUID v7) for something that is made ``at``.

    The first of its random bits count what this process makes (RFC 9562, section 6.2, method 1): ids of one instant keep
    the order in which they were made, which a test clock's days depend on, and their index stays narrow.
    """
    milliseconds = int(at.timestamp() * 1000)
    count = next(_made) & ((1 << _COUNT_BITS) - 1)
    rest = ids.RANDOM_BITS - _COUNT_BITS
    return UUID(int=ids.uuid7(milliseconds, count << rest | secrets.randbits(rest)))


def show_id(kind: str, value: UUID) -> str:
    """The wire form, ``inv_…``."""
    return ids.encode(kind, value.int)


def read_id(kind: str, text: str) -> UUID:
    """The UUID of a wire id; Malformed (``id_malformed``) for anything else."""
    return UUID(int=ids.decode(kind, text))
