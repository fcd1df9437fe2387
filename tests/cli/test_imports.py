"""``clearbill import``: nothing lost and nothing counted twice, whatever happens in between."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from clearbill.billing.models import ImportRun, Subscription, UsageEvent
from clearbill.cli import imports
from clearbill.cli.import_rejected import rejected_path
from clearbill.cli.imports import ImportSummary, describe, run_import
from clearbill.core.errors import Conflict, Refusal
from clearbill.customers.queries import customers_page
from clearbill.pricing.queries import meters, plans
from tests.worlds import in_scope, make_customer

AT = datetime(2025, 3, 1, tzinfo=UTC)
HEADER = "type,customer,timestamp,key,units"


def usage_rows(count: int, first: int = 0) -> list[str]:
    return [f"call,acme,2025-02-01T00:00:{n % 60:02}Z,k{n},{n}" for n in range(first, first + count)]


def write(folder: Path, lines: list[str], name: str = "usage.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def run(world: Any, kind: str, path: Path, **options: Any) -> ImportSummary:
    return run_import(kind, path, seller_id=world.id, at=AT, **options)


def counts(summary: ImportSummary) -> tuple[int, int, int, int]:
    """Rows, accepted, duplicate, rejected."""
    return (summary.rows, summary.accepted, summary.duplicate, summary.rejected)


def rejected(path: Path) -> list[tuple[str, str, str]]:
    """``(line, code, row)``."""
    with rejected_path(path).open(encoding="utf-8", newline="") as file:
        return [(line, code, row) for line, code, _reason, row in list(csv.reader(file))[1:]]


def keys(world: Any) -> list[str]:
    with in_scope(world):
        return sorted(UsageEvent.objects.values_list("key", flat=True), key=lambda key: int(key[1:]))


@pytest.fixture
def world(seller: Any) -> Any:
    make_customer(seller)
    return seller


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "BATCH_RECORDS", 10)


def test_usage_of_a_csv_becomes_events_with_texts_for_properties(world: Any, tmp_path: Path) -> None:
    path = write(tmp_path, [HEADER, *usage_rows(3), "call,acme,2025-02-01T00:00:00Z,k3,"])
    assert counts(run(world, "usage", path)) == (4, 4, 0, 0)
    with in_scope(world):
        properties = dict(UsageEvent.objects.values_list("key", "properties"))
    assert properties == {"k0": {"units": "0"}, "k1": {"units": "1"}, "k2": {"units": "2"}, "k3": {}}
    assert not rejected_path(path).exists()


def test_usage_of_json_lines_is_the_same_usage(world: Any, tmp_path: Path) -> None:
    run(world, "usage", write(tmp_path, [HEADER, *usage_rows(3)]))
    documents = [
        {
            "type": "call",
            "customer": "acme",
            "timestamp": f"2025-02-01T00:00:0{n}Z",
            "key": f"k{n}",
            "properties": {"units": n},
        }
        for n in range(4)
    ]
    path = write(tmp_path, [json.dumps(document) for document in documents], "usage.jsonl")
    assert counts(run(world, "usage", path)) == (4, 1, 3, 0)


def test_every_broken_row_is_named_with_its_line_and_the_others_come_in(world: Any, tmp_path: Path) -> None:
    path = tmp_path / "usage.csv"
    rows = [
        HEADER.encode(),
        b"call,acme,2025-02-01T00:00:00Z,k0,1",
        b"call,acme,2025-02-01T00:00:00,k1,1",
        b"call,nobody,2025-02-01T00:00:00Z,k2,1",
        b"call,acme,2025-02-01T00:00:00Z,k3",
        b"call,acme,2025-02-01T00:00:00Z,k4,1,2",
        b"call,acme,2025-02-01T00:00:00Z,k5,\xff",
        b'call,acme,2025-02-01T00:00:00Z,k6,"open',
        b"call,acme,2025-02-01T00:00:00Z,k7,a\0b",
        b"",
        b"call,acme,2025-02-01T00:00:00Z,k0,2",
        b'call,acme,2025-02-01T00:00:00Z,k8,"two\nlines, ""quoted"""',
        b"call,acme,2025-02-01T00:00:00Z,k9,1",
    ]
    path.write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(rows) + b"\r\n")
    assert counts(run(world, "usage", path)) == (11, 3, 0, 8)
    assert [(line, code) for line, code, _row in rejected(path)] == [
        ("3", "usage_timestamp_naive"),
        ("4", "usage_unknown_customer"),
        ("5", "csv_columns"),
        ("6", "csv_columns"),
        ("7", "import_encoding"),
        ("8", "csv_unclosed_quote"),
        ("9", "usage_property_value"),
        ("11", "usage_key_reused"),
    ]
    assert rejected(path)[1][2] == "call,nobody,2025-02-01T00:00:00Z,k2,1"
    assert keys(world) == ["k0", "k8", "k9"]


def test_the_same_file_is_done_already_and_again_counts_duplicates(world: Any, tmp_path: Path) -> None:
    path = write(tmp_path, [HEADER, *usage_rows(5), "call,nobody,2025-02-01T00:00:00Z,k9,1"])
    first = run(world, "usage", path)
    assert (counts(first), first.done_before) == ((6, 5, 0, 1), False)
    copy = write(tmp_path, path.read_text().splitlines(), "renamed.csv")
    second = run(world, "usage", copy)
    assert (counts(second), second.done_before) == ((6, 5, 0, 1), True)
    assert "there already, 1 rejected" in describe(second)
    assert "--again" in describe(second)
    assert str(rejected_path(path)) in describe(first)
    make_customer(world, "nobody")
    third = run(world, "usage", path, again=True)
    assert (counts(third), third.done_before) == ((6, 1, 5, 0), False)
    assert not rejected_path(path).exists()


@pytest.mark.parametrize("dies_after_writing_rejected_rows", [False, True])
def test_an_import_that_died_goes_on_where_it_stopped(
    world: Any,
    tmp_path: Path,
    small_batches: None,
    monkeypatch: pytest.MonkeyPatch,
    dies_after_writing_rejected_rows: bool,
) -> None:
    lines = usage_rows(35)
    for n in (3, 14, 16, 27, 34):
        lines[n] = f"call,nobody,2025-02-01T00:00:00Z,k{n},1"
    path = write(tmp_path, [HEADER, *lines])
    write_rejected, calls = imports.RejectedRows.write, []

    def dying(self: Any, refused: Any) -> None:
        calls.append(1)
        if len(calls) == 3 and not dies_after_writing_rejected_rows:
            raise KeyboardInterrupt
        write_rejected(self, refused)
        if len(calls) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(imports.RejectedRows, "write", dying)
    with pytest.raises(KeyboardInterrupt):
        run(world, "usage", path)
    assert len(keys(world)) == 17
    monkeypatch.setattr(imports.RejectedRows, "write", write_rejected)
    with rejected_path(path).open("a") as file:
        file.write('29,half a row,"')
    summary = run(world, "usage", path)
    assert (counts(summary), summary.resumed) == ((35, 30, 0, 5), True)
    assert [line for line, _code, _row in rejected(path)] == ["5", "16", "18", "29", "36"]
    assert keys(world) == [f"k{n}" for n in range(35) if n not in (3, 14, 16, 27, 34)]


def test_kill_9_loses_nothing_and_counts_nothing_twice(
    world: Any, tmp_path: Path, database: str, databases: Any
) -> None:
    rows = 60_000
    path = write(tmp_path, [HEADER, *usage_rows(rows)])
    code = (
        "import django; django.setup()\n"
        "from datetime import datetime, UTC; from pathlib import Path; from uuid import UUID\n"
        "from clearbill.cli import imports\n"
        "imports.BATCH_RECORDS = 500\n"
        f"seller, path = UUID({str(world.id)!r}), Path({str(path)!r})\n"
        "imports.run_import('usage', path, seller_id=seller, at=datetime(2025, 3, 1, tzinfo=UTC))\n"
    )
    environment = {**os.environ, "CLEARBILL_DATABASE_URL": databases.server.app_url_for(database)}
    for _attempt in range(2):
        before = _rows_done(world)
        process = subprocess.Popen([sys.executable, "-c", code], env=environment)
        deadline = time.monotonic() + 60
        while _rows_done(world) <= before + 2_000 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        assert process.wait(timeout=30) == -signal.SIGKILL
    done = _rows_done(world)
    assert 0 < done < rows
    summary = run(world, "usage", path)
    assert (counts(summary), summary.resumed) == ((rows, rows, 0, 0), True)
    with in_scope(world):
        assert UsageEvent.objects.count() == rows


def _rows_done(world: Any) -> int:
    with in_scope(world):
        return sum(ImportRun.objects.values_list("rows_done", flat=True))


def test_a_file_that_another_process_imports_is_left_to_it(
    world: Any, tmp_path: Path, small_batches: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, [HEADER, *usage_rows(25)])
    store = imports._store

    def raced(run_row: Any, *rest: Any) -> None:
        with in_scope(world):
            ImportRun.objects.filter(id=run_row.id).update(rows_done=10, bytes_done=400)
        store(run_row, *rest)

    monkeypatch.setattr(imports, "_store", raced)
    with pytest.raises(Conflict, match="import_running"):
        run(world, "usage", path)
    assert keys(world) == []


@pytest.mark.parametrize(
    ("kind", "name", "content", "code"),
    [
        ("usage", "a.csv", "type;customer;timestamp;key\n", "import_header"),
        ("usage", "a.csv", "type,customer,timestamp\n", "import_header"),
        ("usage", "a.csv", "", "import_header"),
        ("catalogue", "a.csv", "code,name\n", "import_needs_json"),
        ("flights", "a.csv", "a\n", "unknown_import"),
        ("usage", None, "", "import_no_file"),
    ],
)
def test_a_file_that_cannot_be_read_as_a_whole_is_refused_before_anything_is_written(
    tmp_path: Path, kind: str, name: str | None, content: str, code: str
) -> None:
    path = tmp_path / (name or "missing.csv")
    if name:
        path.write_text(content)
    with pytest.raises(Refusal, match=code):
        run_import(kind, path, seller_id=None, at=AT)  # type: ignore[arg-type]


def test_customers_of_a_csv_are_made_changed_and_left_alone(world: Any, tmp_path: Path) -> None:
    lines = [
        "external_id,name,currency,country,address,net_terms_days",
        "beta,Beta 公司,CNY,CN,朝阳区 1 号|北京,30",
        "bad,Bad,EURO,,,",
        "few,Few",
        "acme,Acme Ltd,EUR,FR,,",
    ]
    path = write(tmp_path, lines, "customers.csv")
    assert counts(run(world, "customers", path)) == (4, 1, 1, 2)
    assert [(line, code) for line, code, _row in rejected(path)] == [("3", "unknown_currency"), ("4", "csv_columns")]
    with in_scope(world):
        beta = customers_page(search="beta")[0]
    assert (beta.name, beta.address, beta.net_terms_days) == ("Beta 公司", ["朝阳区 1 号", "北京"], 30)


METER = {"meter": {"code": "calls", "event_type": "call", "aggregation": "sum", "property": "units"}}
PLAN = {
    "plan": {
        "code": "pro",
        "currency": "EUR",
        "interval": "month",
        "valid_from": "2025-01-01T00:00:00Z",
        "prices": [{"code": "fee", "model": "flat", "amount": "29.00"}],
    }
}
SUBSCRIPTION = {"subscription": {"customer": "acme", "plan": "pro", "starts_at": "2025-02-01T00:00:00Z"}}


def test_a_catalogue_brings_meters_plans_and_subscriptions_once(world: Any, tmp_path: Path) -> None:
    documents: list[object] = [
        METER,
        PLAN,
        SUBSCRIPTION,
        {"plan": {**PLAN["plan"], "code": "bad", "prices": [{"code": "fee", "model": "flat", "amount": 29}]}},
        {"price": {}},
        [],
        {"subscription": {**SUBSCRIPTION["subscription"], "customer": "nobody"}},
        {"subscription": {**SUBSCRIPTION["subscription"], "colour": "red"}},
        {"subscription": {**SUBSCRIPTION["subscription"], "starts_at": "2025-02-02T00:00:00Z"}},
    ]
    lines = [json.dumps(document) for document in documents] + ["{broken"]
    path = write(tmp_path, lines, "catalogue.jsonl")
    assert counts(run(world, "catalogue", path)) == (10, 3, 0, 7)
    assert [(line, code) for line, code, _row in rejected(path)] == [
        ("4", "decimal_not_string"),
        ("5", "catalogue_row"),
        ("6", "json_not_object"),
        ("7", "customer_not_found"),
        ("8", "subscription_unknown_field"),
        ("9", "subscription_exists"),
        ("10", "json_malformed"),
    ]
    again = write(tmp_path, lines[:3], "again.jsonl")
    assert counts(run(world, "catalogue", again)) == (3, 0, 3, 0)
    with in_scope(world):
        assert ([meter.code for meter in meters()], [plan.code for plan in plans()]) == (["calls"], ["pro"])
        (subscription,) = Subscription.objects.all()
    assert subscription.started_at == datetime(2025, 2, 1, tzinfo=UTC)


def test_a_json_line_is_read_as_strictly_as_the_api_reads(world: Any, tmp_path: Path) -> None:
    lines = [
        '{"external_id": "twice", "name": "One", "name": "Other"}',
        '{"external_id": "half", "name": "\\ud800"}',
        '{"external_id": "nul", "name": "\\u0000"}',
        '{"external_id": "fine", "name": "Fine"}',
    ]
    path = write(tmp_path, lines, "customers.jsonl")
    assert counts(run(world, "customers", path)) == (4, 1, 0, 3)
    codes = [code for _line, code, _row in rejected(path)]
    assert codes[0] == "duplicate_field"
    assert set(codes[1:]) <= {"character_refused", "json_malformed"}


def test_subscriptions_come_from_a_csv_with_quantities(world: Any, tmp_path: Path) -> None:
    seats = {"code": "seats", "model": "per_unit", "unit_amount": "10", "quantity": 1}
    plan = {"plan": {**PLAN["plan"], "prices": [seats]}}
    run(world, "catalogue", write(tmp_path, [json.dumps(plan)], "catalogue.jsonl"))
    lines = [
        "id,customer,plan,anchor,starts_at,quantity.seats",
        "s1,acme,pro,calendar,2025-02-01T00:00:00Z,5",
        "s2,acme,pro,,,-1",
    ]
    path = write(tmp_path, lines, "subscriptions.csv")
    assert counts(run(world, "subscriptions", path)) == (2, 1, 0, 1)
    assert [(line, code) for line, code, _row in rejected(path)] == [("3", "negative_quantity")]
    with in_scope(world):
        (subscription,) = Subscription.objects.all()
    assert (subscription.external_id, subscription.anchor, subscription.quantities) == (
        "s1",
        "calendar",
        {"seats": "5"},
    )
