"""The example: a year of real bills. ``clearbill example`` plays it, and ``clearbill run`` does on an empty database.

Every step can be repeated: what is there already is left alone, so a second run changes nothing and a run that was
killed is taken up where it stopped.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from uuid import UUID
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from clearbill.billing.actions.documents import pdf_of
from clearbill.billing.actions.tick import move_clock
from clearbill.billing.queries.invoices import InvoiceFilter, invoices, receivables
from clearbill.cli.imports import run_import
from clearbill.core.money import format_minor
from clearbill.scope.clock import wall_clock
from clearbill.scope.seller import seller_scope
from clearbill.sellers.actions import add_member, create_seller, create_user, set_tax_rates, set_test_clock
from clearbill.sellers.models import Seller
from clearbill.sellers.queries import all_sellers, seller_by_id, user_id_of

NAME = "Skyline"
OWNER = "owner@skyline.example"
PASSWORD = "a-year-of-flights"  # noqa: S105 - of the demo on this machine only
ACTOR = "cli"
START = datetime(2013, 1, 1, 5, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")
MONTHS = [datetime(2013, month, 1, tzinfo=NEW_YORK).astimezone(UTC) for month in range(2, 13)]
MONTHS.append(datetime(2014, 1, 1, tzinfo=NEW_YORK).astimezone(UTC))
MAX_INVOICES = 10_000


class ExampleUnavailable(Exception):
    """The example's files can't be had; the message says why and what to do."""


@dataclass(slots=True, kw_only=True)
class Played:
    """What was done, and how long each step took, in seconds."""

    seller_id: UUID
    seconds: dict[str, float] = field(default_factory=dict)
    invoices: int = 0
    usage_rows: int = 0


def play(*, console: Console, with_pdfs: bool = True) -> Played:
    """Import a year of flights and bill it. Raises ExampleUnavailable."""
    paths = _files(console)
    played = Played(seller_id=_seller().id)
    at = seller_by_id(played.seller_id).test_clock_at or START
    for kind, path in zip(("customers", "catalogue", "usage"), paths, strict=True):
        with _timed(played, f"import {kind}"):
            outcome = run_import(
                kind, path, seller_id=played.seller_id, at=wall_clock() if kind == "usage" else at, console=console
            )
            played.usage_rows = outcome.rows
    with _timed(played, "12 bill runs"):
        _bill(played.seller_id, console=console)
    if with_pdfs:
        with _timed(played, "PDFs"):
            played.invoices = _pdfs(played.seller_id, console=console)
    return played


def summary(played: Played, *, console: Console, public_url: str) -> None:
    """Print what each airline was billed, and where to look."""
    table = Table(title="Billed in 2013", title_justify="left")
    for heading, justify in (("Airline", "left"), ("Bills", "right"), ("Total", "right")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    with seller_scope(played.seller_id):
        rows = invoices(InvoiceFilter(), at=MONTHS[-1], limit=MAX_INVOICES)
        totals = receivables(at=MONTHS[-1], since=START)
        by_name: dict[str, list[int]] = {}
        for row in rows:
            bucket = by_name.setdefault(row.customer.name, [0, 0])
            bucket[0] += 1
            bucket[1] += row.total_minor
    for name, (count, minor) in sorted(by_name.items()):
        table.add_row(name, str(count), format_minor(minor, "USD"))
    console.print(table)
    for total in totals:
        console.print(
            f"Together {total.billed_count} bills, {format_minor(total.billed_minor, total.currency)} {total.currency}"
        )
    for step, seconds in played.seconds.items():
        console.print(f"  {step:<18} {seconds:7.2f} s")
    console.print(f"\nLook at it: [bold]make run[/bold], then {public_url}/console/ with {OWNER} and {PASSWORD}")
    console.print("Check it:   [bold].venv/bin/clearbill verify --all[/bold]")


def _files(console: Console) -> list[Path]:
    root = Path(__file__).resolve().parents[3]
    if not (root / "examples" / "airlines").is_dir():
        raise ExampleUnavailable("The example is part of a checkout; this installation has none.")
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    from examples.airlines import prepare, source

    try:
        return prepare.prepare(console=console)
    except source.ArchiveUnavailable as problem:
        raise ExampleUnavailable(str(problem)) from problem


def _seller() -> Seller:
    found = next((seller for seller in all_sellers() if seller.name == NAME and seller.is_test), None)
    if found is not None:
        return found
    at = wall_clock()
    profile = {
        "country": "US",
        "currency": "USD",
        "timezone": "America/New_York",
        "legal_name": "Skyline Analytics Inc.",
        "email": "billing@skyline.example",
        "address": ["350 Fifth Avenue", "New York, NY 10118"],
        "bank": [{"label": "Bank", "value": "Example Bank, New York"}, {"label": "Account", "value": "000123456789"}],
        "number_prefix": "SKY",
    }
    test = create_seller(name=NAME, actor=ACTOR, at=at, is_test=True, **profile)
    owner = user_id_of(OWNER) or create_user(OWNER, at=at, password=PASSWORD)
    add_member(test.id, user_id=owner, role="owner", granter="owner", actor=ACTOR, at=at)
    rates = [{"code": "sales_tax", "label": "Sales tax", "rate": "8.875"}]
    set_tax_rates(test.id, rates=rates, actor=ACTOR, at=START)
    set_test_clock(test.id, at=START, actor=ACTOR)
    return test


def _bill(seller_id: UUID, *, console: Console) -> None:
    with _bar(console) as bar:
        task = bar.add_task("Bill runs", total=len(MONTHS))
        for month in MONTHS:
            now = seller_by_id(seller_id).test_clock_at
            if now is None or month > now:
                move_clock(seller_id, to=month, actor=ACTOR)
            bar.advance(task)


def _pdfs(seller_id: UUID, *, console: Console) -> int:
    with seller_scope(seller_id):
        rows = invoices(InvoiceFilter(), at=MONTHS[-1], limit=MAX_INVOICES)
    with _bar(console) as bar:
        task = bar.add_task("PDFs", total=len(rows))
        for row in reversed(rows):
            with seller_scope(seller_id):
                pdf_of(row, at=wall_clock())
            bar.advance(task)
    return len(rows)


def _bar(console: Console) -> Progress:
    columns = (TextColumn("{task.description:<18}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console)


@contextmanager
def _timed(played: Played, step: str) -> Iterator[None]:
    started = perf_counter()
    yield
    played.seconds[step] = perf_counter() - started
