"""The records of an import file, each with its line and where it ends, so that an import can go on after a crash.

A broken record is a Refusal in its place and costs no more than its first line: reading goes on with the next one. Nothing
is known here of what the fields mean.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from clearbill.core.errors import Malformed, Refusal

MAX_RECORD_BYTES = 64 * 1024
_BOM = b"\xef\xbb\xbf"
_JSON_ENDINGS = (".jsonl", ".ndjson", ".json")
_UTF8_ENDINGS = (".csv",)


class Record(NamedTuple):
    """One record, up to the offset ``end``. ``fields`` are texts of CSV, or the bytes of a JSON line, or what's wrong."""

    line: int
    end: int
    raw: Sequence[bytes]
    fields: list[str] | bytes | Refusal


class Place(NamedTuple):
    """Where to begin: a byte offset, and the number of the line that starts there."""

    offset: int
    line: int


def is_json_lines(path: Path) -> bool:
    """By the name's ending, else by the first character."""
    ending = path.suffix.lower()
    if ending in _JSON_ENDINGS or ending in _UTF8_ENDINGS:
        return ending in _JSON_ENDINGS
    with path.open("rb") as file:
        return file.read(512).removeprefix(_BOM).lstrip()[:1] == b"{"


def read_header(path: Path) -> tuple[list[str], Place]:
    """The column names of a CSV file, and where its rows begin.

    Raises Malformed ``import_header`` (none, or a name twice), ``import_encoding``, ``csv_broken``.
    """
    with path.open("rb") as file:
        first = next(csv_records(file, Place(0, 1)), None)
    if first is None:
        raise Malformed("import_header", "The file is empty; its first line must name the columns.")
    if isinstance(first.fields, Refusal):
        raise first.fields
    names = [name.strip() for name in first.fields if isinstance(name, str)]
    doubles = sorted({name for name in names if names.count(name) > 1 or not name})
    if doubles:
        raise Malformed(
            "import_header",
            "Line {line}: each column needs a name of its own; “{name}” stands there twice or is empty.",
            line=first.line,
            name=doubles[0][:64],
        )
    return names, Place(first.end, first.line + len(first.raw))


def place_of(path: Path, offset: int) -> Place:
    """The place at ``offset``: counts the lines before it."""
    line, left = 1, offset
    with path.open("rb") as file:
        while left and (chunk := file.read(min(left, 1 << 20))):
            line += chunk.count(b"\n")
            left -= len(chunk)
    return Place(offset, line)


def csv_records(file: BinaryIO, place: Place) -> Iterator[Record]:
    """Records of comma-separated values with doubled quotes, in UTF-8; blank lines are left out."""
    lines = _Lines(file, place)
    reader = csv.reader(lines, strict=True)
    while True:
        line = lines.begin_record()
        fields: list[str] | Refusal
        try:
            fields = next(reader)
        except StopIteration:
            return
        except (csv.Error, UnicodeDecodeError, _TooLong) as problem:
            is_open = len(lines.taken) > 1 or "unexpected end" in str(problem)
            lines.keep_only_first()
            fields = _refusal(problem, line, is_open=is_open)
        if fields:
            yield Record(line, lines.offset, lines.taken, fields)


def json_records(file: BinaryIO, place: Place) -> Iterator[Record]:
    """Lines of JSON, not yet decoded; blank lines are left out."""
    lines = _Lines(file, place, decode=False)
    while True:
        line = lines.begin_record()
        try:
            next(lines)
        except StopIteration:
            return
        except _TooLong as problem:
            yield Record(line, lines.offset, lines.taken, _refusal(problem, line))
            continue
        text = lines.taken[0].removeprefix(_BOM).strip()
        if text:
            yield Record(line, lines.offset, lines.taken, text)


class _TooLong(Exception):
    """A record goes on for more than MAX_RECORD_BYTES."""


class _Lines:
    """Lines of a file; remembers those of the running record, and can give all but its first back."""

    def __init__(self, file: BinaryIO, place: Place, *, decode: bool = True) -> None:
        file.seek(place.offset)
        self._readline: Callable[[int], bytes] = file.readline
        self._decode = decode
        self._waiting: deque[bytes] = deque()
        self.offset = place.offset
        self._line = place.line
        self._size = 0
        self.taken: list[bytes] = []

    def begin_record(self) -> int:
        """Start a record; returns its line's number."""
        self._line += len(self.taken)
        self.taken = []
        self._size = 0
        return self._line

    def keep_only_first(self) -> None:
        """End the record after its first line; the others will be read again."""
        rest = self.taken[1:]
        self._waiting.extendleft(reversed(rest))
        self.offset -= sum(map(len, rest))
        self.taken = self.taken[:1]

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        raw = self._waiting.popleft() if self._waiting else self._readline(MAX_RECORD_BYTES + 1)
        if not raw:
            raise StopIteration
        length = len(raw)
        self.taken.append(raw)
        self.offset += length
        self._size += length
        if self._size > MAX_RECORD_BYTES:
            if len(self.taken) == 1 and not raw.endswith(b"\n"):
                self._skip_line()
            raise _TooLong
        if not self._decode:
            return ""
        if self.offset == length and raw.startswith(_BOM):
            raw = raw[3:]
        return raw.decode()

    def _skip_line(self) -> None:
        """Go to the end of an overlong line, keeping only its beginning."""
        while part := self._readline(MAX_RECORD_BYTES):
            self.offset += len(part)
            if part.endswith(b"\n"):
                return


def _refusal(problem: Exception, line: int, *, is_open: bool = False) -> Refusal:
    """Why the record at ``line`` can't be read; ``is_open`` when a quote in its first line isn't closed there."""
    if is_open:
        return Malformed(
            "csv_unclosed_quote", "Line {line} opens a quote that isn't closed properly after it.", line=line
        )
    if isinstance(problem, UnicodeDecodeError):
        return Malformed("import_encoding", "Line {line} is not UTF-8; save the file as UTF-8.", line=line)
    if isinstance(problem, _TooLong):
        return Malformed(
            "import_record_too_long", "Line {line} has more than {limit} bytes.", line=line, limit=MAX_RECORD_BYTES
        )
    return Malformed("csv_broken", "Line {line} is not well-formed CSV: {problem}", line=line, problem=str(problem))
