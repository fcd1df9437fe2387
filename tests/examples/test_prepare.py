"""The import files, and how the archive is fetched: nothing of it may run."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest
from rich.console import Console

from examples.airlines import prepare, price_list, source

HEADER = (
    "year,month,day,dep_time,sched_dep_time,dep_delay,arr_time,sched_arr_time,arr_delay,carrier,flight,tailnum,"
    "origin,dest,air_time,distance,hour,minute,time_hour"
)


@pytest.mark.parametrize(
    ("flight", "event"),
    [
        pytest.param(
            "2013,1,1,517,515,2,830,819,11,UA,1545,N14228,EWR,IAH,227,1400,5,15,2013-01-01T10:00:00Z",
            "flight,UA,2013-01-01T10:15:00Z,UA-1545-2013-01-01-EWR,EWR,IAH,N14228,227,1400",
            id="in winter New York is five hours behind",
        ),
        pytest.param(
            "2013,7,31,2250,2259,-9,2355,15,-20,B6,1816,N298JB,JFK,SYR,43,209,22,59,2013-08-01T02:00:00Z",
            "flight,B6,2013-08-01T02:59:00Z,B6-1816-2013-07-31-JFK,JFK,SYR,N298JB,43,209",
            id="a July evening is August in UTC; the key keeps the local date",
        ),
        pytest.param(
            "2013,1,2,NA,1545,NA,NA,1910,NA,AA,133,NA,JFK,LAX,NA,2475,15,5,2013-01-02T20:00:00Z",
            "flight,AA,2013-01-02T20:05:00Z,AA-133-2013-01-02-JFK,JFK,LAX,,,2475",
            id="a canceled flight has no aircraft and no minutes",
        ),
    ],
)
def test_a_flight_becomes_an_event(flight: str, event: str) -> None:
    assert list(prepare.usage_rows(io.StringIO(f"{HEADER}\n{flight}\n"))) == [event.split(",")]


def test_the_files_are_the_same_bytes_everywhere(archive: Path, tmp_path: Path) -> None:
    quiet = Console(file=io.StringIO())
    customers, catalogue, usage = prepare.prepare(tmp_path, cache=archive.parent, console=quiet)
    assert source.sha256_of(usage) == prepare.USAGE_SHA256
    assert len(customers.read_text("utf-8").splitlines()) == 16
    kinds = [next(iter(json.loads(line))) for line in catalogue.read_text("utf-8").splitlines()]
    assert kinds == ["meter"] * 5 + ["plan"] + ["subscription"] * 16
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "catalogue.jsonl",
        "customers.jsonl",
        "usage.csv",
    ]

    written_at = usage.stat().st_mtime_ns
    prepare.prepare(tmp_path, cache=archive.parent, console=quiet)
    assert usage.stat().st_mtime_ns == written_at, "a file that is right isn't written again"

    with usage.open("a") as stream:
        stream.write("flight,UA\n")
    prepare.prepare(tmp_path, cache=archive.parent, console=quiet)
    assert source.sha256_of(usage) == prepare.USAGE_SHA256, "a spoilt file is written anew"

    with usage.open(newline="") as stream:
        keys = {row["key"] for row in csv.DictReader(stream)}
    assert len(keys) == prepare.FLIGHTS


def test_every_word_of_the_price_list_is_in_both_languages() -> None:
    named = [*price_list.METERS, *price_list.PRICES]
    texts = [document[key] for document in named for key in ("name", "unit_name") if key in document]
    assert len(texts) == 5 + 2 * 6
    assert all(set(text) == {"en", "zh-Hans"} and all(text.values()) for text in texts)


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The mark that a package's setup.py leaves when it runs; pip finds that package and nothing else."""
    mark = tmp_path / "setup.py ran"
    files = {
        "setup.py": f"open({str(mark)!r}, 'w').close()\nfrom setuptools import setup\nsetup(name='trap')\n",
        "PKG-INFO": "Metadata-Version: 2.1\nName: trap\nVersion: 1.0\n",
    }
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    with tarfile.open(shelf / "trap-1.0.tar.gz", "w:gz") as package:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"trap-1.0/{name}")
            entry.size = len(text.encode())
            package.addfile(entry, io.BytesIO(text.encode()))
    digest = hashlib.sha256((shelf / "trap-1.0.tar.gz").read_bytes()).hexdigest()
    for name, value in {"PACKAGE": "trap", "VERSION": "1.0", "ARCHIVE": "trap-1.0.tar.gz"}.items():
        monkeypatch.setattr(source, name, value)
    monkeypatch.setattr(source, "ARCHIVE_SHA256", digest)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", shelf.as_uri())
    return mark


def test_fetching_runs_none_of_the_packages_code(trap: Path, tmp_path: Path) -> None:
    archive = source.fetch(tmp_path / "cache")
    assert source.sha256_of(archive) == source.ARCHIVE_SHA256
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["trap-1.0.tar.gz"]
    assert not trap.exists()


def test_another_archive_than_the_pinned_one_is_refused_and_leaves_nothing(
    trap: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "ARCHIVE_SHA256", "0" * 64)
    with pytest.raises(source.ArchiveUnavailable, match=r"(?s)HASH.*bring trap-1\.0\.tar\.gz .* to .*cache"):
        source.fetch(tmp_path / "cache")
    assert not any((tmp_path / "cache").iterdir())
    assert not trap.exists()


def test_without_a_network_the_message_says_what_to_bring(
    trap: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "VERSION", "2.0")
    with pytest.raises(source.ArchiveUnavailable, match="Without a network, bring"):
        source.fetch(tmp_path / "cache")
