"""New ids: the random bits and the milliseconds that ``core.ids`` asks for, and UUIDs of its numbers."""

from __future__ import annotations

import secrets
from datetime import datetime
from uuid import UUID

from clearbill.core import ids


def new_id(at: datetime) -> UUID:
    """A time-ordered id (UUID v7) for something that is made ``at``."""
    milliseconds = int(at.timestamp() * 1000)
    return UUID(int=ids.uuid7(milliseconds, secrets.randbits(ids.RANDOM_BITS)))


def show_id(kind: str, value: UUID) -> str:
    """The wire form, ``inv_…``."""
    return ids.encode(kind, value.int)


def read_id(kind: str, text: str) -> UUID:
    """The UUID of a wire id; Malformed (``id_malformed``) for anything else."""
    return UUID(int=ids.decode(kind, text))
