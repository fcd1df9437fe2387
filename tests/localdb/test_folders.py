"""Users and folders: as whom the server runs, where its socket and its cluster lie, what is refused."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from clearbill import localdb
from clearbill.localdb import placement
from clearbill.localdb.errors import (
    BinariesMissing,
    ClusterMissing,
    ClusterNotOurs,
    RootRefused,
    RuntimeFolderRefused,
    SocketPathTooLong,
)

pytestmark = pytest.mark.database

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
NOBODY = 65534
NAMESPACES = subprocess.run(["unshare", "--user", "--map-user=65534", "true"], capture_output=True).returncode == 0


@pytest.fixture
def forbid(monkeypatch):
    """Takes programs away: the system then has no setpriv, or no unshare."""

    def take_away(*names: str) -> None:
        real = shutil.which
        monkeypatch.setattr("clearbill.localdb.runas.shutil.which", lambda name: None if name in names else real(name))

    return take_away


def test_a_runtime_folder_with_a_long_path_is_refused(new_dir, open_folder):
    long = open_folder / ("long" * 25)
    with pytest.raises(SocketPathTooLong, match="shorter"):
        localdb.start(new_dir, runtime_dir=long)


def test_a_data_folder_with_a_long_path_and_odd_letters_works(open_folder, ask):
    deep = open_folder / ("long and 'odd' $HOME, \"ü\" " * 4) / ("deep" * 20)
    with localdb.lease(deep) as server:
        assert ask(server.app_url, "SELECT 1") == 1


def test_a_given_runtime_folder_is_used_and_stays(data_dir, open_folder, ask):
    given = open_folder / "run 'x' $HOME"
    with localdb.lease(data_dir, runtime_dir=given) as server:
        assert given in (server.socket_dir, server.socket_dir.parent)
        assert ask(server.app_url, "SELECT 1") == 1
    assert given.exists()


def test_a_runtime_folder_with_a_comma_is_refused(new_dir, open_folder):
    with pytest.raises(RuntimeFolderRefused, match="comma"):
        localdb.start(new_dir, runtime_dir=open_folder / "a,b")


def test_the_default_runtime_folder_is_private_and_goes_with_the_server(data_dir):
    with localdb.lease(data_dir) as server:
        assert server.socket_dir.stat().st_mode & 0o777 == 0o700
        assert server.socket_dir.stat().st_uid == (data_dir / "cluster").stat().st_uid
    assert not placement.default_runtime_dir(data_dir).exists()


def test_a_runtime_folder_open_to_others_is_refused_and_left_as_it_is(data_dir, open_folder):
    given = open_folder / "run"
    given.mkdir()
    given.chmod(0o777)
    with pytest.raises(RuntimeFolderRefused, match="0777"):
        localdb.start(data_dir, runtime_dir=given)
    assert given.stat().st_mode & 0o777 == 0o777


def test_a_link_in_place_of_the_default_runtime_folder_is_refused(data_dir, open_folder):
    target = open_folder / "elsewhere"
    target.mkdir(mode=0o700)
    squatted = placement.default_runtime_dir(data_dir)
    squatted.symlink_to(target)
    try:
        with pytest.raises(RuntimeFolderRefused, match="Remove it"):
            localdb.start(data_dir)
        assert list(target.iterdir()) == []
    finally:
        squatted.unlink()


@as_root
def test_a_runtime_folder_of_somebody_else_is_refused(data_dir):
    squatted = placement.default_runtime_dir(data_dir)
    squatted.mkdir(mode=0o700)
    try:
        os.chown(squatted, NOBODY, NOBODY)
        with pytest.raises(RuntimeFolderRefused, match=f"belongs to {NOBODY}"):
            localdb.start(data_dir)
    finally:
        squatted.rmdir()


@as_root
def test_root_becomes_an_unprivileged_user(new_dir):
    with localdb.lease(new_dir) as server:
        assert (new_dir / "cluster").stat().st_uid != 0
        assert uid_of(server.pid) == (new_dir / "cluster").stat().st_uid


@as_root
def test_root_becomes_the_owner_of_the_checkout(open_folder):
    checkout = open_folder / "checkout"
    checkout.mkdir()
    os.chown(checkout, NOBODY, NOBODY)
    with localdb.lease(checkout / ".clearbill" / "db") as server:
        assert uid_of(server.pid) == NOBODY


@as_root
@pytest.mark.skipif(not NAMESPACES, reason="user namespaces are not allowed here")
def test_root_in_a_closed_folder_uses_a_namespace_and_opens_nothing(tmp_path, ask):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with localdb.lease(closed / "db") as server:
        assert ask(server.app_url, "SELECT 1") == 1
        assert (closed / "db" / "cluster").stat().st_uid == 0
    assert closed.stat().st_mode & 0o777 == 0o700


@as_root
def test_root_in_a_closed_folder_without_namespaces_moves_the_cluster(tmp_path, open_folder, forbid, monkeypatch, ask):
    forbid("unshare")
    monkeypatch.setattr(placement, "RELOCATED_PARENT", open_folder)
    tmp_path.chmod(0o700)
    with localdb.lease(tmp_path / "db") as server:
        ask(server.owner_url, "CREATE TABLE kept AS SELECT 42 AS answer")
        assert uid_of(server.pid) != 0
        home = (tmp_path / "db" / "cluster").resolve().parent
        assert home.parent == open_folder
    with localdb.lease(tmp_path / "db") as server:
        assert ask(server.owner_url, "SELECT answer FROM kept") == 42
    shutil.rmtree(home)
    with pytest.raises(ClusterMissing, match="remove the link"):
        localdb.start(tmp_path / "db")


@as_root
def test_root_who_can_become_nobody_is_told_what_to_do(new_dir, open_folder, forbid, monkeypatch):
    forbid("setpriv", "unshare")
    monkeypatch.setattr(placement, "RELOCATED_PARENT", open_folder)
    with pytest.raises(RootRefused, match=r"ordinary user.*CLEARBILL_OWNER_URL and CLEARBILL_DATABASE_URL"):
        localdb.start(new_dir)
    assert [entry.name for entry in open_folder.iterdir()] == ["db"], "nothing half-made is left"


@as_root
@pytest.mark.skipif(not NAMESPACES, reason="user namespaces are not allowed here")
def test_a_user_without_a_name_has_a_database_too(open_folder):
    nameless = 54321
    os.chown(open_folder, nameless, nameless)
    code = (
        "import sys, psycopg, pathlib\n"
        "from clearbill import localdb\n"
        "with localdb.lease(pathlib.Path(sys.argv[1])) as server:\n"
        "    print(psycopg.connect(server.app_url).execute('SELECT 42').fetchone()[0])\n"
    )
    who = ["setpriv", f"--reuid={nameless}", f"--regid={nameless}", "--clear-groups", "--"]
    command = [*who, sys.executable, "-c", code, str(open_folder / "db")]
    environment = {**os.environ, "PYTHONPATH": str(Path(localdb.__file__).parents[2]), "HOME": str(open_folder)}
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", env=environment)
    assert (done.stdout, done.returncode) == ("42\n", 0), done.stderr
    assert (open_folder / "db" / "cluster").stat().st_uid == nameless


def test_folders_that_exist_keep_their_modes(open_folder):
    for name, mode in (("a", 0o755), ("a/b", 0o775)):
        (open_folder / name).mkdir()
        (open_folder / name).chmod(mode)
    with localdb.lease(open_folder / "a" / "b"):
        pass
    modes = [(open_folder / name).stat().st_mode & 0o777 for name in ("a", "a/b")]
    assert modes == [0o755, 0o775]


def test_files_in_the_data_folder_are_closed_to_others(new_dir):
    with localdb.lease(new_dir):
        files = [entry for entry in new_dir.iterdir() if entry.is_file()]
        assert {entry.name for entry in files} == {"localdb.lock", "localdb.leases", "postgres.log"}
        assert {entry.stat().st_mode & 0o777 for entry in files} == {0o600}


def test_a_cluster_of_another_user_is_refused(data_dir, monkeypatch):
    with localdb.lease(data_dir):
        pass
    monkeypatch.setattr("clearbill.localdb.runas.is_root", lambda: False)
    monkeypatch.setattr("clearbill.localdb.runas.os.geteuid", lambda: 424242)
    with pytest.raises(ClusterNotOurs, match="another data folder"):
        localdb.start(data_dir)


def test_a_folder_without_programs_is_refused(new_dir, tmp_path):
    with pytest.raises(BinariesMissing, match="no postgres and no initdb"):
        localdb.start(new_dir, binaries=tmp_path)


def uid_of(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid
