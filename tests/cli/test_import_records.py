"""Records of import files: each with its line and its end, and a broken one costs its first line only."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearbill.cli.import_records import (
    MAX_RECORD_BYTES,
    Place,
    csv_records,
    is_json_lines,
    json_records,
    place_of,
    read_header,
)
from clearbill.core.errors import Malformed, Refusal

START = Place(0, 1)


def read(text: str | bytes, place: Place = START) -> list[tuple[int, object]]:
    """``(line, fields or the refusal's code)``."""
    raw = text if isinstance(text, bytes) else text.encode()
    return [
        (record.line, record.fields.code if isinstance(record.fields, Refusal) else record.fields)
        for record in csv_records(io.BytesIO(raw), place)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("a,b\n", [(1, ["a", "b"])]),
        ("a,b", [(1, ["a", "b"])]),
        ("a,b\r\nc,d\r\n", [(1, ["a", "b"]), (2, ["c", "d"])]),
        ("\ufeffa,b\nc,d", [(1, ["a", "b"]), (2, ["c", "d"])]),
        ("a\n\n\nb\n", [(1, ["a"]), (4, ["b"])]),
        ('"a\nb",c\nd,e', [(1, ["a\nb", "c"]), (3, ["d", "e"])]),
        ('"say ""hi""",x', [(1, ['say "hi"', "x"])]),
        ('5" disk,x\ny,z', [(1, ['5" disk', "x"]), (2, ["y", "z"])]),
        ("a\0,b\nc,d", [(1, ["a\0", "b"]), (2, ["c", "d"])]),
        ('a,"never closed\nb,c\nd,e\n', [(1, "csv_unclosed_quote"), (2, ["b", "c"]), (3, ["d", "e"])]),
        ('"a"b,c\nd,e', [(1, "csv_broken"), (2, ["d", "e"])]),
        ('"x\ny"z,c\nd,e', [(1, "csv_unclosed_quote"), (2, ['y"z', "c"]), (3, ["d", "e"])]),
        (b"a,\xff\nb,c", [(1, "import_encoding"), (2, ["b", "c"])]),
        ("航,空\n", [(1, ["航", "空"])]),
        ("a,b\n".encode("utf-16"), [(1, "import_encoding"), (2, ["\0"])]),
    ],
)
def test_each_line_is_read_or_refused_by_itself(text: str | bytes, expected: list[object]) -> None:
    assert read(text) == expected


def test_a_record_may_have_its_limit_and_not_a_byte_more() -> None:
    whole = "a" * (MAX_RECORD_BYTES - 1) + "\n"
    assert [line for line, fields in read(whole + "b\n") if isinstance(fields, list)] == [1, 2]
    assert read("a" + whole + "b\n") == [(1, "import_record_too_long"), (2, ["b"])]
    assert read("a" * (3 * MAX_RECORD_BYTES) + "\nb\n") == [(1, "import_record_too_long"), (2, ["b"])]
    assert read("a" * (3 * MAX_RECORD_BYTES)) == [(1, "import_record_too_long")]


def test_an_unclosed_quote_before_an_endless_line_costs_two_records() -> None:
    text = 'a,"open\n' + "x" * (2 * MAX_RECORD_BYTES) + "\nb,c\n"
    assert read(text) == [(1, "csv_unclosed_quote"), (2, "import_record_too_long"), (3, ["b", "c"])]


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=6)


@given(rows=st.lists(st.lists(CELLS, min_size=2, max_size=3), max_size=12), cut=st.integers(0, 12))
def test_what_a_writer_wrote_is_read_again_from_any_records_end(rows: list[list[str]], cut: int) -> None:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    raw = buffer.getvalue().encode()
    records = list(csv_records(io.BytesIO(raw), START))
    kept = [row[:1] + row[1:] for row in rows]
    if kept and kept[0][0].startswith("\ufeff"):
        return  # a text that begins with a byte order mark isn't told from one
    assert [record.fields for record in records] == kept
    assert b"".join(b"".join(record.raw) for record in records) == raw
    for record in records[:cut][-1:]:
        place = Place(record.end, record.line + len(record.raw))
        assert list(csv_records(io.BytesIO(raw), place)) == records[cut:]


def test_json_lines_are_split_and_not_yet_read(tmp_path: Path) -> None:
    raw = b'\xef\xbb\xbf{"a": 1}\r\n\n  {"b"\n' + b"x" * (MAX_RECORD_BYTES + 5) + b"\nlast"
    found = [
        (record.line, record.fields.code if isinstance(record.fields, Refusal) else record.fields)
        for record in json_records(io.BytesIO(raw), START)
    ]
    assert found == [(1, b'{"a": 1}'), (3, b'{"b"'), (4, "import_record_too_long"), (5, b"last")]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", b"{", False),
        ("a.jsonl", b"a,b", True),
        ("a.NDJSON", b"", True),
        ("a", b'\n {"a":1}', True),
        ("a", b"a,b", False),
    ],
)
def test_the_form_is_told_by_the_name_then_by_the_first_character(
    tmp_path: Path, name: str, content: bytes, expected: bool
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert is_json_lines(path) is expected


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "import_header"),
        (b"a,a\n", "import_header"),
        (b"a,\n", "import_header"),
        (b"\xff\n", "import_encoding"),
        (b'"a', "csv_unclosed_quote"),
    ],
)
def test_a_file_without_good_column_names_is_refused(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(Malformed, match=code):
        read_header(path)


def test_rows_begin_after_the_header_and_a_place_knows_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes('\ufeff"a", b\r\n1,2\r\n3,4\r\n'.encode())
    names, start = read_header(path)
    assert names == ["a", "b"]
    with path.open("rb") as file:
        records = list(csv_records(file, start))
    assert [(record.line, record.fields) for record in records] == [(2, ["1", "2"]), (3, ["3", "4"])]
    assert place_of(path, records[0].end) == Place(records[0].end, 3)
    assert place_of(path, 0) == START
