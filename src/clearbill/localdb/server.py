"""Starting, sharing and stopping: who comes first starts the server, who leaves last stops it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from clearbill.localdb import binaries as programs
from clearbill.localdb import cluster as clusters
from clearbill.localdb import databases, leases, placement, postmaster
from clearbill.localdb.errors import ClusterBusy, ClusterInUse, DatabaseNameRefused, NotRunning
from clearbill.localdb.processes import PostmasterFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running embedded database, and this holder's lease of it."""

    data_dir: Path
    socket_dir: Path
    pid: int
    lease_token: str
    runtime_dir: Path | None = None
    binaries: Path | None = None

    @property
    def owner_url(self) -> str:
        return self.owner_url_for(databases.DATABASE)

    @property
    def app_url(self) -> str:
        return self.app_url_for(databases.DATABASE)

    def owner_url_for(self, database: str) -> str:
        return databases.url(self.socket_dir, role=databases.OWNER_ROLE, database=database)

    def app_url_for(self, database: str) -> str:
        return databases.url(self.socket_dir, role=databases.APP_ROLE, database=database)

    def is_running(self) -> bool:
        """Looks without a lock."""
        return postmaster.running(placement.cluster_path(self.data_dir)) is not None

    def revive(self) -> bool:
        """Starts the server again when it died under its users; returns whether it had.

        Everybody's lease stays, and so does the socket's path: who connects anew finds it. A server that was
        stopped by force, which ends all leases, stays stopped.
        """
        with leases.locked(self.data_dir):
            if self.is_running() or all(lease.token != self.lease_token for lease in leases.live(self.data_dir)):
                return False
            _launch(self.data_dir, runtime_dir=self.runtime_dir, binaries=self.binaries)
            return True

    def stop(self) -> None:
        """Gives the lease back; the last to leave shuts the server down. A second call does nothing."""
        with leases.locked(self.data_dir):
            leases.give_back(self.data_dir, token=self.lease_token)
            if not leases.live(self.data_dir):
                _shut_down(self.data_dir)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What an operator asks: does it run, where, who uses it."""

    data_dir: Path
    cluster: Path
    pid: int | None
    socket_dir: Path | None
    holders: tuple[str, ...]


def start(
    data_dir: Path, *, runtime_dir: Path | None = None, binaries: Path | None = None, standing: bool = False
) -> Server:
    """Starts the cluster of this folder, making it when there is none, or attaches to it when it runs.

    The caller holds a lease until `Server.stop()`. A `standing` lease belongs to no process and ends with
    `stop(data_dir)`. A running server is attached to where it is: `runtime_dir` counts only for a start, of
    `binaries` then only the major version. Raises subclasses of LocalDatabaseError.
    """
    home = placement.prepare_data_dir(data_dir)
    with leases.locked(home):
        found = _attachable(home)
        if found is not None:
            if binaries is not None:
                clusters.assert_version(placement.cluster_path(home), binaries=programs.find(binaries))
            pid, socket_dir, started = found.pid, Path(found.socket_dir), False
        else:
            pid, socket_dir = _launch(home, runtime_dir=runtime_dir, binaries=binaries)
            started = True
        try:
            databases.assert_safe_settings(socket_dir)
            databases.ensure_roles(socket_dir)
            lease = leases.take(home, standing=standing)
        except BaseException:
            if started:
                _shut_down(home)
            raise
    return Server(
        data_dir=home,
        socket_dir=socket_dir,
        pid=pid,
        lease_token=lease.token,
        runtime_dir=runtime_dir,
        binaries=binaries,
    )


@contextmanager
def lease(data_dir: Path, *, runtime_dir: Path | None = None, binaries: Path | None = None) -> Iterator[Server]:
    """Uses the cluster for the length of a `with`, together with whoever else does."""
    server = start(data_dir, runtime_dir=runtime_dir, binaries=binaries)
    try:
        yield server
    finally:
        server.stop()


def stop(data_dir: Path, *, force: bool = False) -> bool:
    """Ends a standing lease and the server. Refuses while processes use it, unless forced.

    Returns whether a server was running.
    """
    if not data_dir.is_dir():
        return False
    home = data_dir.resolve()
    with leases.locked(home):
        users = [lease for lease in leases.live(home) if lease.identity != leases.STANDING]
        if users and not force:
            raise ClusterInUse(
                f"The database in {home} is used by process {', '.join(str(user.pid) for user in users)}. "
                "End it first, or stop with --force."
            )
        leases.clear(home)
        return _shut_down(home)


def status(data_dir: Path) -> Status:
    """Looks without a lock and without changing anything."""
    home = data_dir.resolve()
    cluster = placement.cluster_path(home)
    found = postmaster.running(cluster)
    holders = tuple(
        lease.identity if lease.identity == leases.STANDING else f"process {lease.pid}" for lease in leases.live(home)
    )
    return Status(
        data_dir=home,
        cluster=cluster,
        pid=found.pid if found else None,
        socket_dir=Path(found.socket_dir) if found and found.socket_dir else None,
        holders=holders,
    )


def owner_url(data_dir: Path, *, database: str = databases.DATABASE) -> str:
    return databases.url(_running_socket_dir(data_dir), role=databases.OWNER_ROLE, database=database)


def app_url(data_dir: Path, *, database: str = databases.DATABASE) -> str:
    return databases.url(_running_socket_dir(data_dir), role=databases.APP_ROLE, database=database)


def create_database(server: Server, name: str, *, template: str | None = None) -> None:
    """Creates a database owned by `clearbill_owner`, empty or cloned from a template that is not in use."""
    databases.create(server.socket_dir, name=name, template=template)


def drop_database(server: Server, name: str) -> None:
    """Drops a database and ends its sessions; nothing happens when there is none."""
    if name == databases.DATABASE:
        raise DatabaseNameRefused(f"{name!r} is the books themselves. To begin anew, stop and remove the data folder.")
    databases.drop(server.socket_dir, name=name)


def database_exists(server: Server, name: str) -> bool:
    return databases.exists(server.socket_dir, name=name)


def _attachable(home: Path) -> PostmasterFile | None:
    """The running server when it answers.

    One that doesn't is stopped, provided nobody uses it: it was left by a supervisor that died on the way.
    """
    cluster = placement.cluster_path(home)
    found = postmaster.running(cluster)
    if found is None:
        return None
    if found.socket_dir and postmaster.answers(cluster, pid=found.pid, socket_dir=Path(found.socket_dir)):
        return found
    if leases.live(home):
        raise ClusterBusy(
            f"The server {found.pid} in {cluster} is used by others but doesn't answer. Look into "
            f"{home / 'postgres.log'}; stop it with `python -m clearbill.localdb stop --force --data {home}`."
        )
    postmaster.stop(cluster, pid=found.pid)
    return None


def _launch(home: Path, *, runtime_dir: Path | None, binaries: Path | None) -> tuple[int, Path]:
    place = placement.decide(home, folder=binaries)
    clusters.ensure_cluster(place)
    socket_dir = placement.socket_dir_for(home, run_as=place.run_as, runtime_dir=runtime_dir)
    try:
        return postmaster.launch(place, socket_dir=socket_dir), socket_dir
    except BaseException:
        placement.remove_runtime_dir(home)
        raise


def _shut_down(home: Path) -> bool:
    cluster = placement.cluster_path(home)
    found = postmaster.running(cluster)
    if found is not None:
        postmaster.stop(cluster, pid=found.pid)
    placement.remove_runtime_dir(home)
    return found is not None


def _running_socket_dir(data_dir: Path) -> Path:
    found = status(data_dir)
    if found.socket_dir is None:
        raise NotRunning(
            f"No embedded database runs in {found.data_dir}. Start it with `make run` or "
            f"`python -m clearbill.localdb start --data {found.data_dir}`."
        )
    return found.socket_dir
