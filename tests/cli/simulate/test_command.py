"""``clearbill simulate`` as a program: documents on standard output, messages on standard error, nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = ROOT / "tests" / "golden"
EXAMPLES = ROOT / "examples" / "scenarios"
LEFT = "SELECT datname FROM pg_database WHERE datname LIKE 'clearbill_simulate_%' AND datname NOT LIKE '%template%'"

Environment = dict[str, str]


@pytest.fixture(scope="module")
def server(databases: Any) -> Iterator[Environment]:
    """Settings that name the tests' server as one of somebody's own; its templates go in the end."""
    names = {name: os.environ[name] for name in os.environ if not name.startswith("CLEARBILL_")}
    own = {"CLEARBILL_OWNER_URL": databases.server.owner_url, "CLEARBILL_DATABASE_URL": databases.server.app_url}
    yield {**names, **own, "CLEARBILL_LOG_LEVEL": "error"}
    with psycopg.connect(databases.server.owner_url, autocommit=True) as connection:
        for (name,) in connection.execute("SELECT datname FROM pg_database").fetchall():
            if name.startswith("clearbill_simulate_"):
                connection.execute(f'DROP DATABASE "{name}"')


def command(*arguments: object) -> list[str]:
    return [str(Path(sys.executable).parent / "clearbill"), "simulate", *map(str, arguments)]


def run(environment: Environment, *arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, env=environment, cwd=cwd, timeout=120)


def left_behind(environment: Environment) -> list[str]:
    with psycopg.connect(environment["CLEARBILL_OWNER_URL"]) as connection:
        return [str(row[0]) for row in connection.execute(LEFT)]


@pytest.mark.database
def test_a_file_prints_its_document_and_nothing_else(server: Environment) -> None:
    done = run(server, GOLDEN / "calendar_stub.yaml", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (GOLDEN / "calendar_stub.json").read_text(encoding="utf-8")
    assert left_behind(server) == []


@pytest.mark.database
def test_a_folder_prints_a_document_a_line_and_goes_on_after_a_bad_file(server: Environment, tmp_path: Path) -> None:
    for name in ("calendar_stub", "refusals"):
        (tmp_path / f"{name}.yaml").write_bytes((GOLDEN / f"{name}.yaml").read_bytes())
    (tmp_path / "a_bad_one.yml").write_text("seller: 5\nuntil: 2025-01-01T00:00:00Z\n")
    (tmp_path / "notes.txt").write_text("no scenario")
    done = run(server, tmp_path, "--format", "json")

    assert done.returncode == 2
    assert done.stderr == f"{tmp_path}/a_bad_one.yml, line 1, column 9: found the number 5; expected: " + (
        "an object of keys and values\n"
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [next(iter(each.items())) for each in found] == [("file", "calendar_stub.yaml"), ("file", "refusals.yaml")]
    assert [{**each, "file": None} for each in found] == [
        {**json.loads((GOLDEN / each["file"]).with_suffix(".json").read_text(encoding="utf-8")), "file": None}
        for each in found
    ]


@pytest.mark.database
def test_the_examples_play_without_a_refusal(server: Environment) -> None:
    done = run(server, EXAMPLES, "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(list(EXAMPLES.glob("*.yaml"))) >= 3
    assert all(each["invoices"] and not each["refusals"] for each in found)


@pytest.mark.database
def test_an_earlier_end_may_be_given(server: Environment) -> None:
    done = run(server, GOLDEN / "calendar_stub.yaml", "--format", "json", "--until", "2025-01-20T00:00:00Z")
    assert [each["order"] for each in json.loads(done.stdout)["invoices"]] == [1]


@pytest.mark.database
def test_the_report_can_be_read(server: Environment) -> None:
    done = run({**server, "COLUMNS": "140"}, GOLDEN / "credit_notes.yaml")
    assert done.returncode == 0
    for piece in (
        "ACME/2025/0001",
        "5 × CA$10.00 = CA$50.00",
        "82.95",
        "Credit note ACME-CN/2025/0002",
        "unknown_line",
    ):
        assert piece in done.stdout


@pytest.mark.database
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_no_database(server: Environment, tmp_path: Path, number: signal.Signals) -> None:
    entries = "".join(
        f"  - {{at: 2025-01-{day:02}T{hour:02}:00:00Z, do: update_customer, customer: a, set: {{region: r{hour}}}}}\n"
        for day in range(1, 29)
        for hour in range(24)
    )
    head = "seller: {name: A, country: FR, currency: EUR}\ncustomers: [{id: a}]\ntimeline:\n"
    path = tmp_path / "long.yaml"
    path.write_text(f"{head}{entries}until: 2025-06-01T00:00:00Z\n")
    process = subprocess.Popen(command(path), env=server, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not left_behind(server):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    _out, errors = process.communicate(timeout=30)

    assert process.returncode == 130, errors
    assert b"Traceback" not in errors
    assert left_behind(server) == []


@pytest.mark.database
def test_it_brings_its_own_database_when_none_is_given_and_clears_up_after_the_dead(
    server: Environment, tmp_path: Path
) -> None:
    own = {name: value for name, value in server.items() if not name.endswith(("OWNER_URL", "DATABASE_URL"))}
    first = run(own, GOLDEN / "anniversary_month_end.yaml", "--format", "json", cwd=tmp_path)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == (GOLDEN / "anniversary_month_end.json").read_text(encoding="utf-8")

    from clearbill import localdb

    with localdb.lease(tmp_path / ".clearbill" / "data" / "simulate") as cluster:
        dead = "clearbill_simulate_999999999_0123abcd"  # of a process with a number that no process can have
        localdb.create_database(cluster, dead)
        again = run(own, GOLDEN / "anniversary_month_end.yaml", "--format", "json", cwd=tmp_path)
        assert again.stdout == first.stdout
        assert not localdb.database_exists(cluster, dead)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.yaml"], "nowhere.yaml"),
        ([GOLDEN / "anchors.yaml", "--until", "soon"], "with its zone"),
        ([GOLDEN / "anchors.yaml", "--format", "xml"], "xml"),
        ([ROOT / "tests" / "cli"], "There is no scenario"),
    ],
)
def test_a_wrong_call_ends_with_2_and_says_why(arguments: list[object], message: str) -> None:
    done = run(dict(os.environ), *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
