"""Folders for real clusters, and other processes that use them."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from clearbill import localdb

HOLDER = """
import sys
from pathlib import Path
from clearbill import localdb
with localdb.lease(Path(sys.argv[1])) as server:
    print(server.pid, flush=True)
    sys.stdin.readline()
"""

SOURCE = Path(localdb.__file__).parents[2]


class Holder:
    """Another process that holds a lease until it is told to leave, or killed."""

    def __init__(self, data_dir: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(data_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(SOURCE), *sys.path])},
        )

    def postmaster(self) -> int:
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())

    def leave(self) -> None:
        self.process.communicate("\n", timeout=60)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate(timeout=60)


@pytest.fixture
def holder() -> Iterator[Callable[[Path], Holder]]:
    made: list[Holder] = []

    def make(data_dir: Path) -> Holder:
        made.append(Holder(data_dir))
        return made[-1]

    yield make
    for one in made:
        if one.process.poll() is None:
            one.kill()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    yield from make_open_folder()


@pytest.fixture(scope="module")
def shared_open_folder() -> Iterator[Path]:
    yield from make_open_folder()


def make_open_folder() -> Iterator[Path]:
    """A folder that an unprivileged user may walk through; pytest's own are closed."""
    folder = Path(tempfile.mkdtemp(prefix="localdb-test-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def new_dir(open_folder: Path) -> Iterator[Path]:
    """A data folder that isn't there yet."""
    folder = open_folder / "db"
    yield folder
    localdb.stop(folder, force=True)


@pytest.fixture(scope="session")
def seed() -> Iterator[Path]:
    for folder in make_open_folder():
        with localdb.lease(folder / "db"):
            pass
        yield folder / "db" / "cluster"


@pytest.fixture
def data_dir(new_dir: Path, seed: Path) -> Path:
    """A data folder whose cluster has been started and stopped before: a copy, because initdb takes longer."""
    new_dir.mkdir()
    new_dir.chmod(0o711)
    subprocess.run(["cp", "-a", str(seed), str(new_dir / "cluster")], check=True)
    return new_dir


@pytest.fixture
def ask() -> Callable[..., object]:
    """Runs one statement under a URL and returns the first value, if any."""

    def run(url: str, statement: str) -> object:
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None

    return run


@pytest.fixture
def superuser_url() -> Callable[[localdb.Server], str]:
    return lambda server: server.owner_url.replace("clearbill_owner@/clearbill?", "postgres@/clearbill?")
