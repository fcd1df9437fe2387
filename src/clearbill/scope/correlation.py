"""The correlation id: from the request, through facts and jobs, into every log line and audit row."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_current: ContextVar[str] = ContextVar("clearbill_correlation", default="")
_WELL_FORMED = re.compile(r"[A-Za-z0-9_.:-]{8,64}")


def correlation_id() -> str:
    """The id of the work that's under way; empty outside of any."""
    return _current.get()


@contextmanager
def correlated(wanted: str = "") -> Iterator[str]:
    """Run a block under ``wanted``, or under a new id when that's empty or not 8–64 plain characters."""
    chosen = wanted if _WELL_FORMED.fullmatch(wanted) else secrets.token_hex(12)
    token = _current.set(chosen)
    try:
        yield chosen
    finally:
        _current.reset(token)
