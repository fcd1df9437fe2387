"""After `kill -9` of the server or of its users, and after whatever else a crash leaves behind."""

import os
import signal
import subprocess
import time

import psycopg
import pytest

from clearbill import localdb
from clearbill.localdb import leases, processes

pytestmark = pytest.mark.database

BUSY = "DO $$ BEGIN LOOP END LOOP; END $$"


def wait_until_dead(pid: int) -> None:
    assert processes.wait_for_end([pid], timeout_s=10)


def test_a_killed_server_is_started_again_and_has_what_was_committed(data_dir, ask):
    with localdb.lease(data_dir) as server:
        ask(server.owner_url, "CREATE TABLE kept AS SELECT 42 AS answer")
        os.kill(server.pid, signal.SIGKILL)
        wait_until_dead(server.pid)
        assert localdb.status(data_dir).pid is None
        with localdb.lease(data_dir) as again:
            assert again.pid != server.pid
            assert ask(again.owner_url, "SELECT answer FROM kept") == 42


def test_a_server_killed_under_its_users_is_revived_for_all_of_them_at_the_same_place(data_dir, holder, ask):
    with localdb.lease(data_dir) as server:
        other = holder(data_dir)
        assert other.postmaster() == server.pid
        assert not server.revive()
        ask(server.owner_url, "CREATE TABLE kept AS SELECT 42 AS answer")
        os.kill(server.pid, signal.SIGKILL)
        wait_until_dead(server.pid)
        assert not server.is_running()
        assert server.revive()
        assert ask(server.owner_url, "SELECT answer FROM kept") == 42
        assert len(localdb.status(data_dir).holders) == 2
        other.leave()
    assert localdb.status(data_dir).pid is None


def test_a_server_stopped_by_force_stays_stopped(data_dir):
    with localdb.lease(data_dir) as server:
        localdb.stop(data_dir, force=True)
        assert not server.revive()
        assert not server.is_running()


def test_a_session_that_outlives_a_killed_server_is_ended(data_dir, ask):
    """A busy session doesn't notice that the postmaster died, and its memory blocks a new one."""
    with localdb.lease(data_dir) as server:
        connection = psycopg.connect(server.owner_url, autocommit=True)
        backend = connection.info.backend_pid
        connection.pgconn.send_query(BUSY.encode())
        time.sleep(0.2)
        os.kill(server.pid, signal.SIGKILL)
        wait_until_dead(server.pid)
        assert processes.is_alive(backend)
        with localdb.lease(data_dir) as again:
            assert not processes.is_alive(backend)
            assert ask(again.owner_url, "SELECT 1") == 1
        connection.close()


def test_the_server_of_a_killed_holder_is_attached_to_and_then_stopped(data_dir, holder):
    killed = holder(data_dir)
    pid = killed.postmaster()
    killed.kill()
    assert localdb.status(data_dir).pid == pid
    assert localdb.status(data_dir).holders == ()
    with localdb.lease(data_dir) as server:
        assert server.pid == pid
    assert localdb.status(data_dir).pid is None


def test_a_killed_holder_keeps_nothing_alive(data_dir, holder):
    with localdb.lease(data_dir):
        killed = holder(data_dir)
        killed.postmaster()
        killed.kill()
    assert localdb.status(data_dir).pid is None


@pytest.mark.parametrize("delay_s", [0.05, 0.15, 0.3, 0.5, 0.8])
def test_a_supervisor_killed_at_any_moment_of_a_first_start_leaves_no_trap(new_dir, holder, ask, delay_s):
    starting = holder(new_dir)
    time.sleep(delay_s)
    starting.kill()
    with localdb.lease(new_dir) as server:
        assert ask(server.app_url, "SELECT 1") == 1
    assert localdb.status(new_dir).pid is None


def test_a_stale_number_that_another_program_now_has_does_not_stop_the_start(data_dir, ask):
    with localdb.lease(data_dir) as server:
        os.kill(server.pid, signal.SIGKILL)
        wait_until_dead(server.pid)
        stranger = subprocess.Popen(["sleep", "60"], **as_owner_of(data_dir))
        try:
            replace_pid(data_dir, stranger.pid)
            assert localdb.status(data_dir).pid is None
            with localdb.lease(data_dir) as again:
                assert ask(again.app_url, "SELECT 1") == 1
            assert stranger.poll() is None
        finally:
            stranger.kill()
            stranger.wait()


def test_a_stale_number_that_another_cluster_now_has_is_not_taken_for_ours(open_folder, ask):
    ours, other = open_folder / "ours", open_folder / "other"
    with localdb.lease(other) as stranger, localdb.lease(ours) as server:
        os.kill(server.pid, signal.SIGKILL)
        wait_until_dead(server.pid)
        replace_pid(ours, stranger.pid)
        with localdb.lease(ours) as again:
            assert again.pid != stranger.pid
            assert ask(again.app_url, "SELECT 1") == 1
        assert ask(stranger.app_url, "SELECT 1") == 1


def test_an_empty_pid_file_does_not_stop_the_start(data_dir, ask):
    with localdb.lease(data_dir):
        pass
    (data_dir / "cluster" / "postmaster.pid").write_text("")
    with localdb.lease(data_dir) as server:
        assert ask(server.app_url, "SELECT 1") == 1


def test_a_stale_socket_does_not_stop_the_start(data_dir, ask):
    with localdb.lease(data_dir) as server:
        os.kill(server.pid, signal.SIGKILL)
        wait_until_dead(server.pid)
        lock = server.socket_dir / ".s.PGSQL.5432.lock"
        assert lock.exists()
        lines = lock.read_text().splitlines(keepends=True)
        lock.write_text("".join([f"{os.getpid()}\n", *lines[1:]]))
        with localdb.lease(data_dir) as again:
            assert ask(again.app_url, "SELECT 1") == 1


def test_a_half_made_cluster_is_thrown_away(new_dir, ask):
    new_dir.mkdir(mode=0o711)
    partial = new_dir / "cluster.partial-x"
    partial.mkdir()
    (partial / "PG_VERSION").write_text("18\n")
    with localdb.lease(new_dir) as server:
        assert ask(server.app_url, "SELECT 1") == 1
    assert not partial.exists()


def test_a_hung_server_that_nobody_uses_is_replaced(data_dir, ask, monkeypatch):
    monkeypatch.setattr("clearbill.localdb.postmaster.ANSWER_TIMEOUT_S", 0.3)
    monkeypatch.setattr("clearbill.localdb.postmaster.STOP_TIMEOUT_S", 0.3)
    monkeypatch.setattr("clearbill.localdb.postmaster.KILL_TIMEOUT_S", 0.3)
    hung = localdb.start(data_dir, standing=True)
    leases.clear(hung.data_dir)
    (hung.socket_dir / ".s.PGSQL.5432").unlink()
    with localdb.lease(data_dir) as server:
        assert server.pid != hung.pid
        assert ask(server.app_url, "SELECT 1") == 1


def test_a_lease_whose_number_another_process_now_has_counts_for_nothing(tmp_path):
    (tmp_path / "localdb.leases").write_text(f"aa {os.getpid()} some-boot:1\nbroken line here too\nbb\n")
    assert leases.live(tmp_path) == []
    mine = leases.take(tmp_path)
    assert leases.live(tmp_path) == [mine]
    leases.give_back(tmp_path, token=mine.token)
    assert leases.live(tmp_path) == []


def replace_pid(data_dir, pid: int) -> None:
    path = data_dir / "cluster" / "postmaster.pid"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([f"{pid}\n", *lines[1:]]))


def as_owner_of(data_dir) -> dict[str, int]:
    """Root can become the owner; then the stranger is one that the server may signal, the worst case."""
    owner = (data_dir / "cluster").stat().st_uid
    return {"user": owner} if os.geteuid() == 0 else {}
