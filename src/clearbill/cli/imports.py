"""``clearbill import``: a file in, in batches of one transaction each, and where it stopped it goes on.

How far a file came is written with each batch, so that a killed import loses nothing and counts nothing twice. Refused
rows go to ``<file>.rejected.csv`` with their line and the reason. While one batch is stored, the next is read.
"""

from __future__ import annotations

import gc
import hashlib
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple
from uuid import UUID

from django.db import connection, connections
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from clearbill.billing.actions.usage import MAX_EVENTS, ReceiptState
from clearbill.billing.models import ImportRun
from clearbill.cli.import_kinds import KINDS, Batch, Kind
from clearbill.cli.import_records import (
    Place,
    Record,
    csv_records,
    is_json_lines,
    json_records,
    place_of,
    read_header,
)
from clearbill.cli.import_rejected import RejectedRows, rejected_path
from clearbill.core.errors import Conflict, Malformed, Unacceptable
from clearbill.scope.ids import new_id
from clearbill.scope.seller import seller_scope

BATCH_RECORDS = MAX_EVENTS
_HASH_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSummary:
    """What an import did. Counts are those of the whole file, earlier runs included; ``rate`` is of this run."""

    kind: str
    path: Path
    rows: int
    accepted: int
    duplicate: int
    rejected: int
    rejected_path: Path | None
    resumed: bool
    done_before: bool
    rows_a_second: int


def describe(summary: ImportSummary) -> str:
    """The summary in a few lines, for a terminal."""
    counts = (
        f"{summary.path.name}: {summary.rows:,} rows, {summary.accepted:,} accepted, "
        f"{summary.duplicate:,} there already, {summary.rejected:,} rejected."
    )
    lines = [counts]
    if summary.done_before:
        lines.append("This very file was imported before, so nothing was done; --again goes through it once more.")
    else:
        lines.append(
            f"{summary.rows_a_second:,} rows a second" + (", after an earlier run." if summary.resumed else ".")
        )
    if summary.rejected_path is not None:
        lines.append(f"Rejected rows, with their lines and the reasons: {summary.rejected_path}")
    return "\n".join(lines)


class _Prepared(NamedTuple):
    """A batch that's ready to be stored: its records, what its kind made of them, where it ends."""

    records: Sequence[Record]
    content: object
    end: int


def run_import(
    kind: str,
    path: Path,
    *,
    seller_id: UUID,
    at: datetime,
    console: Console | None = None,
    actor: str = "cli",
    again: bool = False,
) -> ImportSummary:
    """Import a file of ``customers``, ``catalogue``, ``subscriptions`` or ``usage``.

    The same file (by its hash) goes on where it stopped, or is done already; ``again`` begins anew, which is harmless
    since every kind knows its rows again. Raises Malformed or Unacceptable for a file that can't be read as a whole.
    """
    columns, start = _open(kind, path)
    total = path.stat().st_size
    digest = _sha256(path)
    run, fresh = _run_of(seller_id, kind, path, digest, at=at, again=again)
    if run.finished_at is not None:
        return _summary(run, path, resumed=False, done_before=True)
    begins = max(run.bytes_done, start.offset)
    batch = Batch(seller_id=seller_id, at=at, actor=actor, columns=columns, customers={})
    began, rows_before = time.monotonic(), run.rows_done
    rejected = RejectedRows(path, keep=run.rows_rejected)
    with path.open("rb") as file, rejected, _bar(console) as bar, _uncollected():
        task = bar.add_task(f"Importing {path.name}", total=total, completed=begins)
        for prepared in _ahead(KINDS[kind], batch, _batches(file, place_of(path, begins), columns)):
            _store(run, KINDS[kind], batch, prepared, rejected)
            bar.update(task, completed=prepared.end)
        bar.update(task, completed=total)
    with seller_scope(seller_id):
        run.bytes_done, run.finished_at = total, at
        run.save(update_fields=["bytes_done", "finished_at"])
    rate = int((run.rows_done - rows_before) / max(time.monotonic() - began, 0.001))
    return _summary(run, path, resumed=not fresh, done_before=False, rows_a_second=rate)


def _bar(console: Console | None) -> Progress:
    """A bar of bytes; without a console it's not shown."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=console is None)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without looking for cycles of garbage: rows make none, and looking costs a quarter of the import's time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _open(kind: str, path: Path) -> tuple[tuple[str, ...] | None, Place]:
    """The columns (None for JSON lines) and where rows begin."""
    if kind not in KINDS:
        raise Unacceptable(
            "unknown_import", "“{kind}” can't be imported; known are {known}.", kind=kind, known=", ".join(KINDS)
        )
    if not path.exists():
        raise Unacceptable("import_no_file", "There is no file {path}.", path=str(path))
    if not path.is_file():
        raise Unacceptable(
            "import_no_file",
            "{path} isn't a file on a disk. An import needs one, so that it can go on where it was stopped.",
            path=str(path),
        )
    if is_json_lines(path):
        return None, Place(0, 1)
    required = KINDS[kind].required
    if required is None:
        raise Malformed("import_needs_json", "A {kind} is imported from JSON lines (.jsonl), not from CSV.", kind=kind)
    names, start = read_header(path)
    missing = [name for name in required if name not in names]
    if missing:
        raise Malformed(
            "import_header",
            "The first line names the columns {found}; there must be {missing} too. Columns are separated by commas.",
            found=", ".join(names)[:200],
            missing=", ".join(missing),
        )
    return tuple(names), start


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _run_of(
    seller_id: UUID, kind: str, path: Path, digest: str, *, at: datetime, again: bool
) -> tuple[ImportRun, bool]:
    """The import's row, and whether it begins now."""
    with seller_scope(seller_id):
        run, made = ImportRun.objects.get_or_create(
            seller_id=seller_id,
            kind=kind,
            file_hash=digest,
            defaults={"id": new_id(at), "file_name": path.name[:255], "started_at": at},
        )
        if again and not made:
            run.rows_done = run.rows_accepted = run.rows_duplicate = run.rows_rejected = run.bytes_done = 0
            run.finished_at = None
            run.save()
        return run, made or run.bytes_done == 0


def _batches(file: BinaryIO, place: Place, columns: tuple[str, ...] | None) -> Iterator[list[Record]]:
    records = json_records(file, place) if columns is None else csv_records(file, place)
    while batch := list(islice(records, BATCH_RECORDS)):
        yield batch


def _ahead(kind: Kind, batch: Batch, batches: Iterator[list[Record]]) -> Iterator[_Prepared]:
    """Prepared batches, the next one being made in a thread of its own while the caller stores this one."""

    def prepare() -> _Prepared | None:
        records = next(batches, None)
        if records is None:
            return None
        return _Prepared(records, kind.prepare(records, batch), records[-1].end)

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="import") as pool:
        try:
            waiting: Future[_Prepared | None] = pool.submit(prepare)
            while (prepared := waiting.result()) is not None:
                waiting = pool.submit(prepare)
                yield prepared
        finally:
            pool.submit(connections.close_all)


def _store(run: ImportRun, kind: Kind, batch: Batch, prepared: _Prepared, rejected: RejectedRows) -> None:
    """One batch: its rows, its refusals and how far the file came, together.

    It doesn't wait for the disk: a crash would take rows and count back together, and the import would go on from there.
    The last transaction, which says that the file is done, waits for all before it.
    """
    with seller_scope(batch.seller_id):
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit = off")
        claimed = ImportRun.objects.select_for_update().get(id=run.id)
        if (claimed.bytes_done, claimed.rows_done) != (run.bytes_done, run.rows_done):
            raise Conflict("import_running", "This file is being imported by another process.")
        receipts = kind.store(prepared.content, batch)
        refused = [
            (record, receipt)
            for record, receipt in zip(prepared.records, receipts, strict=True)
            if receipt.state is ReceiptState.REFUSED
        ]
        rejected.write(refused)  # before the commit that counts them: what goes beyond the count is cut on resuming
        run.rows_done += len(receipts)
        run.rows_rejected += len(refused)
        run.rows_duplicate += sum(receipt.state is ReceiptState.DUPLICATE for receipt in receipts)
        run.rows_accepted = run.rows_done - run.rows_rejected - run.rows_duplicate
        run.bytes_done = prepared.end
        run.save(update_fields=["rows_done", "rows_accepted", "rows_duplicate", "rows_rejected", "bytes_done"])


def _summary(run: ImportRun, path: Path, *, resumed: bool, done_before: bool, rows_a_second: int = 0) -> ImportSummary:
    return ImportSummary(
        kind=run.kind,
        path=path,
        rows=run.rows_done,
        accepted=run.rows_accepted,
        duplicate=run.rows_duplicate,
        rejected=run.rows_rejected,
        rejected_path=rejected_path(path) if run.rows_rejected else None,
        resumed=resumed,
        done_before=done_before,
        rows_a_second=rows_a_second,
    )
