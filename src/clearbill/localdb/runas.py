"""As whom the server runs: PostgreSQL refuses root, so root must become somebody else.

The order, first that works, tried out rather than guessed:

1. An ordinary user runs the server as himself; one without a name (containers are given such numbers) is called
   `nobody` in a user namespace, because PostgreSQL insists on a name.
2. Root with `setpriv` becomes an existing unprivileged user: the owner of the folder that holds the data
   (so a checkout used with `sudo` stays its owner's), else `postgres`, else `nobody`. It works when that
   user can reach the programs and the data folder.
3. Root with `unshare --user` keeps its identity on disk but holds no privilege in the parent namespace: the
   server sees itself as `nobody`. It works where user namespaces are allowed, and needs no folder opened:
   a checkout in /root (mode 0700) runs like this.

Where none works for the folders as they are, `placement.py` tries the second again with a home under
/var/lib. The owner of an existing cluster decides for all later starts. No user is ever added, and nothing
about folders that we didn't make is changed.
"""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from clearbill.localdb.binaries import Binaries
from clearbill.localdb.errors import ClusterNotOurs

REACH = 'cd "$1" && test -r "$2" && "$3" --version >/dev/null'


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAs:
    """Words to put before a command, and who owns the server's files then."""

    prefix: tuple[str, ...]
    uid: int
    gid: int

    @property
    def is_other_user(self) -> bool:
        return self.uid != os.geteuid()


def myself() -> RunAs:
    return RunAs(prefix=(), uid=os.geteuid(), gid=os.getegid())


def is_root() -> bool:
    return os.geteuid() == 0


def ordinary() -> list[RunAs]:
    """How somebody who isn't root runs a server of his own."""
    if _entry_of(os.geteuid()) is not None:
        return [myself()]
    return [RunAs(prefix=_in_namespace().prefix, uid=os.geteuid(), gid=os.getegid()), myself()]


def for_owner(uid: int, *, cluster: Path) -> list[RunAs]:
    """How to run a cluster that exists: only as its owner, whoever else could be had."""
    if not is_root():
        if uid != os.geteuid():
            raise ClusterNotOurs(
                f"The database in {cluster} belongs to user {_name(uid)}, you are {_name(os.geteuid())}. "
                "Start it as the user who made it (root, when root made it), or use another data folder."
            )
        return ordinary()
    if uid == 0:
        return [_in_namespace()]
    return [_with_setpriv(uid, gid=cluster.stat().st_gid)]


def for_new_cluster(data_dir: Path) -> list[RunAs]:
    """The candidates for a new cluster, best first."""
    if not is_root():
        return ordinary()
    return [*unprivileged_users(data_dir), _in_namespace()]


def unprivileged_users(data_dir: Path) -> list[RunAs]:
    entries = [_entry_of_owner(data_dir), _entry_named("postgres"), _entry_named("nobody")]
    return [_with_setpriv(entry.pw_uid, gid=entry.pw_gid) for entry in entries if entry is not None]


def works(run_as: RunAs, *, binaries: Binaries, folder: Path) -> bool:
    """Tries it out: enter the folder, read the catalogue's source, run the server program."""
    script = ["sh", "-c", REACH, "sh", str(folder), _share_file(binaries), binaries.postgres]
    return _succeeds([*run_as.prefix, *script])


def can_enter(run_as: RunAs, *, folder: Path) -> bool:
    return _succeeds([*run_as.prefix, "sh", "-c", 'cd "$1"', "sh", str(folder)])


def _succeeds(command: list[str]) -> bool:
    if shutil.which(command[0]) is None:
        return False
    try:
        answer = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, check=False, cwd="/", timeout=30
        )
    except subprocess.TimeoutExpired:
        return False
    return answer.returncode == 0


def _share_file(binaries: Binaries) -> str:
    """`postgres.bki` lies in ../share here and in /usr/share/postgresql/15 on Debian."""
    beside = binaries.folder.parent / "share" / "postgres.bki"
    return str(beside if beside.exists() else binaries.initdb)


def _with_setpriv(uid: int, *, gid: int) -> RunAs:
    prefix = ("setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--inh-caps=-all", "--")
    return RunAs(prefix=prefix, uid=uid, gid=gid)


def _in_namespace() -> RunAs:
    nobody = _entry_named("nobody")
    uid, gid = (nobody.pw_uid, nobody.pw_gid) if nobody is not None else (65534, 65534)
    prefix = ("unshare", "--user", f"--map-user={uid}", f"--map-group={gid}", "--")
    return RunAs(prefix=prefix, uid=0, gid=0)


def _entry_of_owner(folder: Path) -> pwd.struct_passwd | None:
    """The nearest owner other than root, upward: folders that root has just made say nothing."""
    owners = (place.stat().st_uid for place in (folder, *folder.parents))
    owner = next((uid for uid in owners if uid != 0), 0)
    return _entry_of(owner) if owner else None


def _entry_of(uid: int) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        return None


def _entry_named(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _name(uid: int) -> str:
    entry = _entry_of(uid)
    return str(uid) if entry is None else entry.pw_name
