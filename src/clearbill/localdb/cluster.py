"""Making a cluster: initdb, its settings, and who may connect. Roles and databases are in `databases.py`.

A cluster appears under its name only when it is complete: initdb works in a `cluster.partial-*` of its own,
which a later start throws away when a crash left one behind, together with an initdb still at work in it.

`postgresql.conf` is written once and is the operator's from then on, for memory and the like. What the
supervisor relies on (socket, no network) is given on the command line at every start, and what keeps money
safe (fsync and so on) is asserted at every start instead of set, so that a change is refused, not hidden.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from clearbill.localdb import processes
from clearbill.localdb.binaries import Binaries
from clearbill.localdb.errors import StartFailed, VersionMismatch
from clearbill.localdb.placement import PORT, Placement

SUPERUSER = "postgres"
PARTIAL_PREFIX = "cluster.partial-"
BUILTIN_LOCALE_SINCE = 17

SETTINGS = """\
# Written once by Clearbill's embedded database, for a small machine. Change memory and the like as you see
# fit and restart. fsync, full_page_writes and synchronous_commit must stay on: the start refuses otherwise.
max_connections = 100
shared_buffers = 256MB
max_wal_size = 2GB
checkpoint_timeout = 15min
wal_compression = pglz
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
datestyle = 'iso, ymd'
default_text_search_config = 'pg_catalog.simple'
log_line_prefix = '%m [%p] %q%u@%d '
logging_collector = off
"""

ACCESS = """\
# The socket lies in a folder that only the server's own user (and root) can enter. There is no network.
local all all trust
"""


def server_environment() -> dict[str, str]:
    """A clean environment: no PG* variable of the caller reaches initdb or the server."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LD_LIBRARY_PATH", "TMPDIR"}}
    return {"PATH": os.defpath, **kept, "LC_ALL": "C", "TZ": "UTC"}


def ensure_cluster(placement: Placement) -> None:
    """Makes the cluster when there is none; refuses one of another major version."""
    if not placement.cluster.exists():
        _create(placement)
        return
    assert_version(placement.cluster, binaries=placement.binaries)


def assert_version(cluster: Path, *, binaries: Binaries) -> None:
    version = (cluster / "PG_VERSION").read_text().strip()
    if version != str(binaries.major):
        raise VersionMismatch(
            f"The database in {cluster} was made by PostgreSQL {version}, the programs here are "
            f"{binaries.version}. Use programs of version {version}, or dump it with those and "
            "restore it into a new data folder."
        )


def runtime_options(socket_dir: Path, *, cluster_name: str) -> list[str]:
    """The settings that the supervisor depends on; they win over every file."""
    options = {
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": f'"{socket_dir}"',
        "unix_socket_permissions": "0700",
        "external_pid_file": "",
        "cluster_name": cluster_name,
    }
    return [word for name, value in options.items() for word in ("-c", f"{name}={value}")]


def _create(placement: Placement) -> None:
    _remove_partial(placement.cluster.parent)
    partial = Path(tempfile.mkdtemp(prefix=PARTIAL_PREFIX, dir=placement.cluster.parent))
    if placement.run_as.is_other_user:
        os.chown(partial, placement.run_as.uid, placement.run_as.gid)
    _run_initdb(placement, partial=partial)
    _write_as_owner(placement, partial / "postgresql.conf", SETTINGS)
    _write_as_owner(placement, partial / "pg_hba.conf", ACCESS)
    partial.rename(placement.cluster)
    link = placement.data_dir / "cluster"
    if link != placement.cluster:
        link.symlink_to(placement.cluster)


def _remove_partial(folder: Path) -> None:
    for left in folder.glob(f"{PARTIAL_PREFIX}*"):
        processes.end_those_with(f"--pgdata={left}")
        shutil.rmtree(left, ignore_errors=True)  # its initdb's last child may still write; next time


def _run_initdb(placement: Placement, *, partial: Path) -> None:
    command = [
        *placement.run_as.prefix,
        placement.binaries.initdb,
        f"--pgdata={partial}",
        f"--username={SUPERUSER}",
        "--auth=trust",
        "--data-checksums",
        "--encoding=UTF8",
        *_locale_options(placement.binaries.major),
        "--no-instructions",
    ]
    answer = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env=server_environment(),
        start_new_session=True,
    )
    if answer.returncode != 0:
        raise StartFailed(
            f"initdb could not make a database in {placement.cluster}: {answer.stderr.strip()} "
            "Free what it names (disk space, rights of the folder) and start again."
        )


def _locale_options(major: int) -> list[str]:
    """Sorting by code point and Unicode letters, the same on every machine; before 17 by the C library."""
    if major >= BUILTIN_LOCALE_SINCE:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return ["--locale=C.UTF-8", "--lc-messages=C"]


def _write_as_owner(placement: Placement, path: Path, text: str) -> None:
    """Writes as the server's user: root following a link in another user's folder would write anywhere."""
    subprocess.run(
        [*placement.run_as.prefix, "sh", "-c", 'cat > "$1"', "sh", str(path)],
        input=text,
        text=True,
        check=True,
        cwd="/",
    )
