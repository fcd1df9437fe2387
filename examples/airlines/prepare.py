"""Writes the example's three import files from the archive: ``python -m examples.airlines.prepare``.

The bytes are the same on every machine. Nothing is imported or billed here: ``clearbill import`` reads the
files.
"""

from __future__ import annotations

import csv
import io
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from examples.airlines import price_list, source

FOLDER = source.ROOT / ".clearbill" / "example"
USAGE_SHA256 = "d371028b4715830c9ce2b3e4a510f843a2d5fa262160450e504a46a582727406"
USAGE_HEADER = ("type", "customer", "timestamp", "key", *price_list.PROPERTIES)
FLIGHTS = 336_776
MISSING = "NA"
PROGRESS_EVERY_ROWS = 4096


def prepare(folder: Path = FOLDER, *, cache: Path = source.CACHE, console: Console | None = None) -> list[Path]:
    """The paths of customers.jsonl, catalogue.jsonl and usage.csv. A usage.csv that is as it should be stays.

    Raises ``source.ArchiveUnavailable``.
    """
    archive = source.fetch(cache)
    airlines = source.read_airlines(archive)
    folder.mkdir(parents=True, exist_ok=True)
    customers, catalogue, usage = (folder / n for n in ("customers.jsonl", "catalogue.jsonl", "usage.csv"))
    _write_whole(customers, lambda path: _write_json_lines(path, price_list.customer_documents(airlines)))
    _write_whole(catalogue, lambda path: _write_json_lines(path, price_list.catalogue_documents(airlines)))
    if not (usage.exists() and source.sha256_of(usage) == USAGE_SHA256):
        _write_whole(usage, lambda path: _write_usage(path, archive=archive, console=console))
    return [customers, catalogue, usage]


def _write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a file beside ``path`` and put it in place when it's complete."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix="part-") as folder:
        part = Path(folder) / path.name
        write(part)
        os.replace(part, path)


def _write_json_lines(path: Path, documents: Iterable[dict[str, object]]) -> None:
    lines = [json.dumps(document, ensure_ascii=False) + "\n" for document in documents]
    path.write_text("".join(lines), encoding="utf-8", newline="\n")


def _write_usage(path: Path, *, archive: Path, console: Console | None) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with (
        Progress(*columns, console=console or Console(stderr=True)) as progress,
        source.open_flights(archive) as stream,
        path.open("w", encoding="utf-8", newline="") as out,
    ):
        task = progress.add_task("Preparing flights", total=FLIGHTS)
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(USAGE_HEADER)
        for rows in _batched(usage_rows(io.TextIOWrapper(stream, encoding="utf-8", newline="")), PROGRESS_EVERY_ROWS):
            writer.writerows(rows)
            progress.advance(task, len(rows))


def usage_rows(flights: Iterable[str]) -> Iterator[list[str]]:
    """One row an event, in the order of ``flights.csv``. The instant is the scheduled departure.

    ``time_hour`` is the hour of the scheduled departure in UTC and ``minute`` its minute. The key needs the
    airport: 24 times in the year an airline used one flight number from two airports on one day.
    """
    reader = csv.reader(flights)
    at = {name: index for index, name in enumerate(next(reader))}
    year, month, day, minute, time_hour = (at[n] for n in ("year", "month", "day", "minute", "time_hour"))
    carrier, flight, origin = at["carrier"], at["flight"], at["origin"]
    properties = [at[name] for name in price_list.PROPERTIES]
    for row in reader:
        local_date = f"{row[year]}-{row[month]:0>2}-{row[day]:0>2}"
        yield [
            price_list.EVENT_TYPE,
            row[carrier],
            f"{row[time_hour][:13]}:{row[minute]:0>2}:00Z",
            f"{row[carrier]}-{row[flight]}-{local_date}-{row[origin]}",
            *("" if row[index] == MISSING else row[index] for index in properties),
        ]


def _batched(rows: Iterator[list[str]], size: int) -> Iterator[list[list[str]]]:
    batch: list[list[str]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    yield batch


def main() -> int:
    try:
        paths = prepare()
    except source.ArchiveUnavailable as problem:
        print(problem, file=sys.stderr)
        return 1
    for path in paths:
        print(path.relative_to(source.ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
