"""Ids and page marks in the addresses of console and portal: read leniently, so that a broken link is a page that isn't
there and never a fault.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from django.http import HttpRequest

from clearbill.core.errors import Malformed, NotFound
from clearbill.scope.ids import read_id

ROWS = 50
MAX_SEARCH = 120
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(Generic[Row]):
    """One page of a list. ``older`` marks the page after it; empty on the last one."""

    rows: Sequence[Row]
    older: str
    is_later: bool


def id_in_address(kind: str, text: str) -> UUID:
    """The id behind a part of an address. Raises NotFound for what isn't one."""
    try:
        return read_id(kind, text)
    except Malformed:
        raise NotFound("not_found", "There is nothing at this address.") from None


def id_mark(request: HttpRequest, kind: str) -> UUID | None:
    """The id that ``?before=`` names; a broken one shows the first page."""
    text = request.GET.get("before", "")
    try:
        return read_id(kind, text) if text else None
    except Malformed:
        return None


def number_mark(request: HttpRequest) -> int | None:
    """The number that ``?before=`` names; a broken one shows the first page."""
    text = request.GET.get("before", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else None


def search_text(request: HttpRequest) -> str:
    """What ``?q=`` looks for."""
    return request.GET.get("q", "").replace("\0", "").strip()[:MAX_SEARCH]


def listed(
    request: HttpRequest, rows: Sequence[Row], *, mark: Callable[[Row], object], limit: int = ROWS
) -> Listed[Row]:
    """A page of ``rows``, which were asked for with one more than ``limit``; ``mark`` is what ``?before=`` will say."""
    shown = rows[:limit]
    older = str(mark(shown[-1])) if len(rows) > limit else ""
    return Listed(rows=shown, older=older, is_later="before" in request.GET)
