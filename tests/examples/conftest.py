"""The flights, fetched once. Without them the tests skip and say why, except in CI, where they fail."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from examples.airlines import oracle, source


@pytest.fixture(scope="session")
def archive() -> Path:
    try:
        return source.fetch()
    except source.ArchiveUnavailable as problem:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(problem))


@pytest.fixture(scope="session")
def flights(archive: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB with the table ``flight``."""
    with oracle.open_flights_table(archive) as database:
        yield database


@pytest.fixture(scope="session")
def owed(flights: duckdb.DuckDBPyConnection) -> oracle.Bills:
    """What every airline owes for every month, from the CSV alone."""
    return oracle.bills(flights)
