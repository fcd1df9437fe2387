"""The file of an import's refused rows: ``<file>.rejected.csv`` with line, code, reason and the row as it stood."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import TextIO

from clearbill.billing.actions.usage import Receipt
from clearbill.cli.import_records import Record

HEADER = ("line", "code", "reason", "row")


class RejectedRows:
    """The file of refused rows; made with the first of them, and cut to the ``keep`` rows that were counted."""

    def __init__(self, path: Path, *, keep: int) -> None:
        self.path = rejected_path(path)
        self._keep = keep
        self._file: TextIO | None = None

    def __enter__(self) -> RejectedRows:
        if self.path.exists():
            self._cut()
        return self

    def __exit__(self, *_problem: object) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, refused: Iterable[tuple[Record, Receipt]]) -> None:
        """Append rows, and make sure that they're on the disk."""
        rows = [_rejected_row(record, receipt) for record, receipt in refused]
        if not rows:
            return
        if self._file is None:
            is_new = not self.path.exists()
            self._file = self.path.open("a", encoding="utf-8", newline="")
            if is_new:
                csv.writer(self._file).writerow(HEADER)
        csv.writer(self._file).writerows(rows)
        self._file.flush()
        os.fsync(self._file.fileno())

    def _cut(self) -> None:
        if not self._keep:
            self.path.unlink()
            return
        with self.path.open(encoding="utf-8", newline="") as file:
            kept = list(islice(csv.reader(file), self._keep + 1))
        part = self.path.with_name(self.path.name + ".part")
        with part.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(kept)
        part.replace(self.path)


def rejected_path(path: Path) -> Path:
    """Where the refused rows of a file go."""
    return path.with_name(path.name + ".rejected.csv")


def _rejected_row(record: Record, receipt: Receipt) -> tuple[object, ...]:
    raw = b"".join(record.raw).decode(errors="backslashreplace").rstrip("\r\n")
    return (record.line, receipt.code, receipt.sentence, raw)
