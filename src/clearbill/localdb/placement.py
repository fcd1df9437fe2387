"""Where things lie: the data folder's insides, the cluster, and the private folder of the socket.

Inside a data folder:

    cluster/           PostgreSQL's own folder (PGDATA), of the server's user, 0700
    postgres.log       the server's log, `.1` to `.3` the ones before
    localdb.lock       held while somebody starts or stops
    localdb.leases     who uses it

Root with a data folder that no unprivileged user can reach, and without user namespaces, gets its cluster
and a copy of the programs in a fresh /var/lib/clearbill-XXXXXXXX (not /var/tmp: that is swept by age);
`cluster` is then a link to it.

The socket's path may have 107 bytes, so the socket lives in a short folder of its own in /tmp, named by user
and a hash of the data folder. Whatever is found there must be ours and closed to all others: in /tmp anybody
could have made it first. $XDG_RUNTIME_DIR is not used: it vanishes with the login session, under a server
that goes on.
"""

import hashlib
import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from clearbill.localdb import binaries as programs
from clearbill.localdb import runas
from clearbill.localdb.binaries import Binaries
from clearbill.localdb.errors import (
    OWN_SERVER_HINT,
    ClusterMissing,
    ClusterNotOurs,
    DataFolderRefused,
    RootRefused,
    RuntimeFolderRefused,
    SocketPathTooLong,
)
from clearbill.localdb.runas import RunAs

PORT = 5432
SOCKET_PATH_MAX_BYTES = 107
RUNTIME_PARENT = Path("/tmp")  # noqa: S108 what is found in there is verified, see above
RELOCATED_PARENT = Path("/var/lib")
RELOCATED_PREFIX = "clearbill-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Everything a start needs to know about where and as whom."""

    data_dir: Path
    cluster: Path
    binaries: Binaries
    run_as: RunAs

    @property
    def cluster_name(self) -> str:
        """Stands in the titles of the server's processes."""
        return f"clearbill-{_hash_of(self.data_dir)}"


def prepare_data_dir(data_dir: Path) -> Path:
    """Makes the data folder when missing; folders found are left as they are."""
    target = Path(os.path.abspath(data_dir))
    try:
        missing = [folder for folder in (target, *target.parents) if not folder.exists()]
        for folder in reversed(missing):
            make_folder(folder, mode=0o711 if runas.is_root() else 0o700)
        if not target.is_dir():
            raise DataFolderRefused(f"{target} is a file. Set CLEARBILL_DATA_DIR to a folder.")
    except OSError as problem:
        raise DataFolderRefused(
            f"The data folder {target} can't be made: {problem.strerror}. Set CLEARBILL_DATA_DIR to a folder that you own."
        ) from None
    return target.resolve()


def make_folder(folder: Path, *, mode: int) -> None:
    """mkdir with exactly this mode, whatever the umask; a folder that exists is not touched."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        return
    folder.chmod(mode)


def cluster_path(data_dir: Path) -> Path:
    """The cluster's real place. A link that leads nowhere is refused: starting anew would hide a loss."""
    link = data_dir / "cluster"
    if link.is_symlink() and not link.exists():
        raise ClusterMissing(
            f"{link} leads to {link.resolve()}, which is gone. Put the database back there, or remove the "
            "link to begin with an empty one."
        )
    return link.resolve()


def decide(data_dir: Path, *, folder: Path | None) -> Placement:
    """Finds user and place for the cluster, existing or new; see `runas.py` for the order."""
    binaries = programs.find(folder)
    cluster = cluster_path(data_dir)
    exists = cluster.exists()
    candidates = runas.for_owner(cluster.stat().st_uid, cluster=cluster) if exists else runas.for_new_cluster(data_dir)
    for run_as in candidates:
        if runas.works(run_as, binaries=binaries, folder=cluster if exists else data_dir):
            return Placement(data_dir=data_dir, cluster=cluster, binaries=binaries, run_as=run_as)
    if not runas.is_root():
        raise ClusterNotOurs(f"You can't enter {cluster if exists else data_dir}. Choose a data folder that you own.")
    return _decide_with_copies(data_dir, cluster=cluster, exists=exists, binaries=binaries)


def socket_dir_for(data_dir: Path, *, run_as: RunAs, runtime_dir: Path | None) -> Path:
    """Makes, or verifies, the private folder of the socket and returns it. No server of ours may run.

    What a crash left of a folder chosen by ourselves goes first. A server of another user gets a folder of
    its own inside ours, which nobody but us could have put there.
    """
    outer = runtime_dir if runtime_dir is not None else default_runtime_dir(data_dir)
    outer = Path(os.path.abspath(outer))
    if "," in str(outer):
        raise RuntimeFolderRefused(
            f"The runtime folder {outer} has a comma, which separates hosts in a database URL. Give another."
        )
    if runtime_dir is None:
        remove_runtime_dir(data_dir)
    if not outer.exists():
        make_folder(outer, mode=0o711 if run_as.is_other_user else 0o700)
    if not run_as.is_other_user:
        _verify(outer, uid=os.geteuid(), forbidden=0o077)
        return checked_length(outer)
    _verify(outer, uid=os.geteuid(), forbidden=0o022)
    inner = outer / "pg"
    make_folder(inner, mode=0o700)
    if inner.lstat().st_uid == os.geteuid():
        os.chown(inner, run_as.uid, run_as.gid, follow_symlinks=False)
    _verify(inner, uid=run_as.uid, forbidden=0o077)
    if not runas.can_enter(run_as, folder=inner):
        raise RuntimeFolderRefused(
            f"The server's user can't reach {inner}. Give a runtime folder outside closed folders, or none."
        )
    return checked_length(inner)


def default_runtime_dir(data_dir: Path) -> Path:
    return RUNTIME_PARENT / f"clearbill-{os.geteuid()}-{_hash_of(data_dir)}"


def remove_runtime_dir(data_dir: Path) -> None:
    """Takes away the folder that `socket_dir_for` chose by itself, when no server is in it."""
    ours = default_runtime_dir(data_dir)
    if not _is_ours(ours):
        return
    for folder in (ours / "pg", ours):
        if folder.is_dir():
            for left in (socket_path(folder), lock_path(folder)):
                left.unlink(missing_ok=True)
            if not any(folder.iterdir()):
                folder.rmdir()


def open_own(path: Path, *, flags: int) -> int:
    """Opens a file of the data folder, made when missing, closed to others, of the folder's owner.

    So an ordinary user's files stay his when root has used his database in between.
    """
    flags |= os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        try:
            return _open_new(path, flags=flags)
        except FileExistsError:
            return os.open(path, flags)
    except PermissionError:
        raise ClusterNotOurs(
            f"You may not write {path}. Start as the user who made the data folder (root, when root made "
            "it), or use another data folder."
        ) from None
    except OSError as problem:
        raise DataFolderRefused(f"{path} can't be written: {problem.strerror}.") from None


def socket_path(socket_dir: Path) -> Path:
    return socket_dir / f".s.PGSQL.{PORT}"


def lock_path(socket_dir: Path) -> Path:
    return socket_dir / f".s.PGSQL.{PORT}.lock"


def checked_length(socket_dir: Path) -> Path:
    if not _fits(socket_dir):
        raise SocketPathTooLong(
            f"The socket's path {socket_path(socket_dir)} is longer than {SOCKET_PATH_MAX_BYTES} bytes, the "
            "most that the system allows. Give a shorter runtime folder, or none."
        )
    return socket_dir


def _open_new(path: Path, *, flags: int) -> int:
    descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
    if runas.is_root():
        owner = path.parent.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor


def _decide_with_copies(data_dir: Path, *, cluster: Path, exists: bool, binaries: Binaries) -> Placement:
    """Root's last way: programs, and a new cluster, where an unprivileged user can reach them."""
    if exists:
        candidates = runas.for_owner(cluster.stat().st_uid, cluster=cluster)
        home = cluster.parent
        relocated = home.parent == RELOCATED_PARENT and home.name.startswith(RELOCATED_PREFIX)
        if not relocated:
            raise _root_refusal(cluster)
    else:
        candidates = runas.unprivileged_users(data_dir)
        home = Path(tempfile.mkdtemp(prefix=RELOCATED_PREFIX, dir=RELOCATED_PARENT))
        home.chmod(0o711)
    copied = programs.copy_into(binaries, home=home)
    for run_as in candidates:
        if runas.works(run_as, binaries=copied, folder=home):
            return Placement(data_dir=data_dir, cluster=home / "cluster", binaries=copied, run_as=run_as)
    if not exists:
        shutil.rmtree(home)
    raise _root_refusal(cluster)


def _root_refusal(cluster: Path) -> RootRefused:
    return RootRefused(
        f"PostgreSQL doesn't run as root, and here root can't become another user who reaches {cluster} and "
        "the programs (tried: setpriv to an unprivileged user, unshare --user). Run this as an ordinary "
        f"user, or {OWN_SERVER_HINT}."
    )


def _verify(folder: Path, *, uid: int, forbidden: int) -> None:
    try:
        found = folder.lstat()
    except FileNotFoundError:
        raise RuntimeFolderRefused(f"The runtime folder {folder} could not be made; give another one.")
    mode = stat.S_IMODE(found.st_mode)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or mode & forbidden:
        raise RuntimeFolderRefused(
            f"The runtime folder {folder} must be a folder of user {uid} that is closed to others; it "
            f"belongs to {found.st_uid} with mode {mode:04o}. Remove it, or give another runtime folder."
        )


def _is_ours(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()


def _fits(socket_dir: Path) -> bool:
    return len(os.fsencode(socket_path(socket_dir))) <= SOCKET_PATH_MAX_BYTES


def _hash_of(data_dir: Path) -> str:
    return hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
