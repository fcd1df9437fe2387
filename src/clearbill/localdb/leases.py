"""Who uses the cluster now: a lock around starting and stopping, and a list of lease holders.

The list is a text file of lines `token pid identity`. A lease whose process is dead counts for nothing, so a
killed holder never keeps the server alive for ever. An operator's `start` holds a standing lease, which has
no process and ends with `stop`.
"""

import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from clearbill.localdb import placement, processes
from clearbill.localdb.errors import LockTimeout

STANDING = "standing"
LOCK_TIMEOUT_S = 660.0  # longer than the longest crash recovery that `postmaster.py` waits for


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    token: str
    pid: int
    identity: str

    @property
    def is_live(self) -> bool:
        return self.identity == STANDING or processes.start_identity(self.pid) == self.identity


@contextmanager
def locked(data_dir: Path, *, timeout_s: float = LOCK_TIMEOUT_S) -> Iterator[None]:
    """Holds the cluster's own lock. The kernel frees it when the holder dies, however it dies."""
    descriptor = placement.open_own(data_dir / "localdb.lock", flags=os.O_RDWR)
    try:
        _acquire(descriptor, data_dir, timeout_s=timeout_s)
        yield
    finally:
        os.close(descriptor)


def take(data_dir: Path, *, standing: bool = False) -> Lease:
    """Adds a lease of this process. Call with the lock held."""
    identity = STANDING if standing else processes.start_identity(os.getpid())
    if identity is None:
        raise LockTimeout("This process can't see itself in /proc; mount /proc and start again.")
    lease = Lease(token=secrets.token_hex(8), pid=0 if standing else os.getpid(), identity=identity)
    _write(data_dir, [*live(data_dir), lease])
    return lease


def give_back(data_dir: Path, *, token: str) -> None:
    """Removes a lease, and all dead ones. Call with the lock held."""
    _write(data_dir, [lease for lease in live(data_dir) if lease.token != token])


def clear(data_dir: Path) -> None:
    _write(data_dir, [])


def live(data_dir: Path) -> list[Lease]:
    try:
        lines = _list_path(data_dir).read_text().splitlines()
    except FileNotFoundError:
        return []
    found = [_parse(line) for line in lines]
    return [lease for lease in found if lease is not None and lease.is_live]


def _acquire(descriptor: int, data_dir: Path, *, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise LockTimeout(
                    f"Another process has been starting or stopping the database in {data_dir} for more than "
                    f"{timeout_s:.0f} seconds. Find it with `fuser {data_dir / 'localdb.lock'}`, end it, "
                    "and start again."
                )
        time.sleep(0.02)


def _parse(line: str) -> Lease | None:
    """A line damaged by a crash is nobody's lease."""
    words = line.split()
    if len(words) != 3 or not words[1].isdigit():
        return None
    return Lease(token=words[0], pid=int(words[1]), identity=words[2])


def _write(data_dir: Path, leases: list[Lease]) -> None:
    text = "".join(f"{lease.token} {lease.pid} {lease.identity}\n" for lease in leases)
    beside = _list_path(data_dir).with_suffix(".new")
    with os.fdopen(placement.open_own(beside, flags=os.O_WRONLY | os.O_TRUNC), "w") as file:
        file.write(text)
    beside.replace(_list_path(data_dir))


def _list_path(data_dir: Path) -> Path:
    return data_dir / "localdb.leases"
