"""The server process of one cluster: found, started, stopped. Call all of it with the lock held.

The postmaster runs in a session of its own, so that Ctrl-C in a terminal reaches the supervisor alone, which
then shuts down in order. `postmaster.pid` is believed only as far as the process it names is a PostgreSQL
server of this very cluster: after a `kill -9` or a restart of a container that number may be anybody's.
The file itself is left to PostgreSQL, whose own check of shared memory needs it and is the last guard
against two servers in one cluster.
"""

import os
import signal
import time
from pathlib import Path

from clearbill.localdb import cluster as clusters
from clearbill.localdb import databases, processes
from clearbill.localdb.errors import ClusterBusy, StartFailed, StopFailed
from clearbill.localdb.placement import Placement, lock_path, open_own, socket_path
from clearbill.localdb.processes import PostmasterFile

START_TIMEOUT_S = 600.0  # crash recovery of up to max_wal_size on a slow disk
ANSWER_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 120.0
KILL_TIMEOUT_S = 10.0
LOG_KEPT = 3
LOG_ROTATES_AT_BYTES = 4_000_000


def running(cluster: Path) -> PostmasterFile | None:
    """The live postmaster of this cluster, or None."""
    found = processes.read_postmaster_file(cluster)
    if found is None or not found.pid or not processes.is_alive(found.pid):
        return None
    return found if processes.is_postmaster_of(found.pid, cluster=cluster) else None


def answers(cluster: Path, *, pid: int, socket_dir: Path) -> bool:
    """Waits until the server takes connections; False when it dies or doesn't in the time that is due.

    One that starts or recovers is given long, one that says it is ready only shortly.
    """
    start = time.monotonic()
    short_deadline: float | None = None
    while processes.is_alive(pid):
        if databases.takes_connections(socket_dir):
            return True
        now = time.monotonic()
        found = processes.read_postmaster_file(cluster)
        says = found.status if found is not None and found.pid == pid else ""  # else a crashed one's last words
        if short_deadline is None and says in {"ready", "stopping"}:
            short_deadline = now + ANSWER_TIMEOUT_S
        if now > start + START_TIMEOUT_S or (short_deadline is not None and now > short_deadline):
            return False
        time.sleep(0.02)
    return False


def launch(placement: Placement, *, socket_dir: Path) -> int:
    """Starts the server and waits until it takes connections; its number is returned."""
    processes.end_leftovers(placement.cluster_name)
    stale_pid = _stale_pid(placement.cluster)
    _clear_socket(placement.cluster, socket_dir=socket_dir)
    log = placement.data_dir / "postgres.log"
    _rotate(log)
    pid = _spawn(placement, socket_dir=socket_dir, log=log, stale_pid=stale_pid)
    try:
        answering = answers(placement.cluster, pid=pid, socket_dir=socket_dir)
    except BaseException:
        stop(placement.cluster, pid=pid)
        raise
    if not answering:
        stop(placement.cluster, pid=pid)
        raise StartFailed(
            f"PostgreSQL did not start in {placement.cluster}. The end of {log}:\n{_tail(log)}\n"
            "Correct what it names and start again."
        )
    return pid


def stop(cluster: Path, *, pid: int) -> None:
    """Fast shutdown: sessions end, a checkpoint is written. Harder when that takes too long."""
    steps = (
        (signal.SIGINT, STOP_TIMEOUT_S),
        (signal.SIGQUIT, KILL_TIMEOUT_S),
        (signal.SIGKILL, KILL_TIMEOUT_S),
    )
    for urge, timeout_s in steps:
        if not processes.is_alive(pid):
            return
        processes.send(pid, urge)
        if processes.wait_for_end([pid], timeout_s=timeout_s):
            return
    raise StopFailed(f"The server process {pid} of {cluster} doesn't end. End it by hand, then start again.")


def _spawn(placement: Placement, *, socket_dir: Path, log: Path, stale_pid: int) -> int:
    command = [
        *placement.run_as.prefix,
        placement.binaries.postgres,
        "-D",
        str(placement.cluster),
        *clusters.runtime_options(socket_dir, cluster_name=placement.cluster_name),
    ]
    environment = clusters.server_environment()
    if stale_pid:
        environment["PG_GRANDPARENT_PID"] = str(stale_pid)
    descriptor = open_own(log, flags=os.O_WRONLY | os.O_APPEND)
    try:
        pid = os.posix_spawnp(
            command[0],
            command,
            environment,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, descriptor, 1),
                (os.POSIX_SPAWN_DUP2, descriptor, 2),
            ],
            setsid=True,
            setsigmask=[],
            setsigdef=[signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGPIPE, signal.SIGHUP],
        )
    finally:
        os.close(descriptor)
    processes.spawned.add(pid)
    return pid


def _stale_pid(cluster: Path) -> int:
    """The number in a `postmaster.pid` that a crash left, 0 when there is none.

    PostgreSQL takes any living process under that number for a server, unless it is told that this is one of
    its own ancestors (PG_GRANDPARENT_PID, made for pg_ctl); then it looks at the shared memory and goes on.
    An empty file, which it refuses, holds nothing to look at and is taken away.
    """
    found = processes.read_postmaster_file(cluster)
    if found is None:
        return 0
    if not found.pid:
        (cluster / "postmaster.pid").unlink()
    return found.pid


def _clear_socket(cluster: Path, *, socket_dir: Path) -> None:
    """Takes away a socket that a crash left. The lock is held and no server of this cluster lives."""
    lock = lock_path(socket_dir)
    if lock.exists():
        _refuse_other_clusters_socket(lock, cluster=cluster)
        lock.unlink()
    socket_path(socket_dir).unlink(missing_ok=True)


def _refuse_other_clusters_socket(lock: Path, *, cluster: Path) -> None:
    lines = [*lock.read_text().splitlines(), "", ""]
    pid, owner = lines[0].strip(), lines[1].strip()
    if not pid.isdigit() or owner == str(cluster) or not processes.is_alive(int(pid)):
        return
    if processes.is_postmaster_of(int(pid), cluster=Path(owner)):
        raise ClusterBusy(
            f"The runtime folder {lock.parent} is used by the database in {owner}. Give another runtime folder."
        )


def _rotate(log: Path) -> None:
    if not log.exists() or log.stat().st_size < LOG_ROTATES_AT_BYTES:
        return
    for number in range(LOG_KEPT, 0, -1):
        older = log.with_name(f"{log.name}.{number}")
        newer = log if number == 1 else log.with_name(f"{log.name}.{number - 1}")
        if newer.exists():
            newer.replace(older)


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-12:])
