"""Starting, sharing between processes, stopping."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from clearbill import localdb
from clearbill.localdb.errors import ClusterInUse, NotRunning, UnsafeSettings, VersionMismatch

pytestmark = pytest.mark.database

DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")
needs_15 = pytest.mark.skipif(not DEBIAN_15.is_dir(), reason="PostgreSQL 15 isn't installed")


def test_a_first_start_makes_a_durable_cluster_without_network(new_dir, ask, superuser_url):
    expected = {
        "data_checksums": "on",
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "listen_addresses": "",
        "server_encoding": "UTF8",
        "wal_compression": "pglz",
        "jit": "off",
        "shared_buffers": "256MB",
        "TimeZone": "UTC",
    }
    with localdb.lease(new_dir) as server:
        found = {name: ask(superuser_url(server), f"SHOW {name}") for name in expected}
        locale = ask(
            server.app_url,
            "SELECT datlocprovider::text || ' ' || datlocale FROM pg_database WHERE datname = 'clearbill'",
        )
        assert found == expected
        assert locale == "b C.UTF-8"
        assert os.getsid(server.pid) == server.pid, "Ctrl-C in the terminal must not reach the server"


def test_what_is_committed_is_there_after_a_stop_and_a_start(data_dir, ask):
    with localdb.lease(data_dir) as server:
        ask(server.owner_url, "CREATE TABLE kept AS SELECT 42 AS answer")
        first = server.pid
    assert localdb.status(data_dir).pid is None
    with localdb.lease(data_dir) as server:
        assert server.pid != first
        assert ask(server.owner_url, "SELECT answer FROM kept") == 42


def test_the_last_of_two_processes_stops_the_server(data_dir, holder):
    other = holder(data_dir)
    pid = other.postmaster()
    with localdb.lease(data_dir) as server:
        assert server.pid == pid
        other.leave()
        assert localdb.status(data_dir).pid == pid
    assert localdb.status(data_dir).pid is None


def test_processes_that_start_at_the_same_time_share_one_server(new_dir, holder):
    holders = [holder(new_dir) for _ in range(4)]
    assert len({one.postmaster() for one in holders}) == 1
    for one in holders:
        one.leave()
    assert localdb.status(new_dir).pid is None


def test_leaving_twice_does_not_take_the_server_from_others(data_dir):
    first = localdb.start(data_dir)
    with localdb.lease(data_dir) as second:
        first.stop()
        first.stop()
        assert localdb.status(data_dir).pid == second.pid
    assert localdb.status(data_dir).pid is None


def test_an_error_inside_the_lease_stops_the_server_and_goes_on(data_dir):
    with pytest.raises(ZeroDivisionError), localdb.lease(data_dir):
        raise ZeroDivisionError
    assert localdb.status(data_dir).pid is None


def test_stop_refuses_while_a_process_uses_it_unless_forced(data_dir, holder):
    holder(data_dir).postmaster()
    with pytest.raises(ClusterInUse, match="--force"):
        localdb.stop(data_dir)
    assert localdb.stop(data_dir, force=True)
    assert not localdb.stop(data_dir)


def test_a_standing_server_outlives_the_leases(data_dir):
    standing = localdb.start(data_dir, standing=True)
    with localdb.lease(data_dir) as server:
        assert server.pid == standing.pid
    assert localdb.status(data_dir).pid == standing.pid
    assert localdb.stop(data_dir)
    assert localdb.status(data_dir).pid is None


def test_two_data_folders_have_two_servers(open_folder, ask):
    with localdb.lease(open_folder / "run") as one, localdb.lease(open_folder / "test") as two:
        ask(one.owner_url, "CREATE TABLE only_here ()")
        assert ask(two.owner_url, "SELECT to_regclass('only_here')") is None


def test_a_cluster_that_could_lose_money_is_refused(data_dir):
    with localdb.lease(data_dir):
        pass
    path = data_dir / "cluster" / "postgresql.conf"
    good = path.read_text()
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        path.write_text(f"{good}{name} = off\n")
        with pytest.raises(UnsafeSettings, match=name):
            localdb.start(data_dir)
        assert localdb.status(data_dir).pid is None, "a refused server must not go on running"
    path.write_text(good)
    with localdb.lease(data_dir):
        pass


def test_attaching_to_a_server_whose_safety_was_switched_off_is_refused(data_dir, ask, superuser_url):
    with localdb.lease(data_dir) as server:
        ask(superuser_url(server), "ALTER SYSTEM SET fsync = off")
        ask(superuser_url(server), "SELECT pg_reload_conf()")
        wait_for(lambda: ask(superuser_url(server), "SHOW fsync") == "off")
        with pytest.raises(UnsafeSettings, match="fsync"):
            localdb.start(data_dir)
        assert localdb.status(data_dir).pid == server.pid, "it belongs to its other users"


def test_urls_of_a_stopped_database_are_refused(new_dir):
    with pytest.raises(NotRunning, match="localdb start"):
        localdb.owner_url(new_dir)


def test_a_refused_connection_says_so_after_the_stop(data_dir):
    with localdb.lease(data_dir) as server:
        url = server.app_url
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


@needs_15
def test_debians_15_works_with_the_locale_of_the_c_library(new_dir, ask):
    with localdb.lease(new_dir, binaries=DEBIAN_15) as server:
        assert str(ask(server.app_url, "SHOW server_version")).startswith("15.")
        collation = "SELECT datcollate FROM pg_database WHERE datname = 'clearbill'"
        assert ask(server.app_url, collation) == "C.UTF-8"
        assert ask(server.app_url, "SHOW data_checksums") == "on"


@needs_15
def test_programs_of_another_major_version_are_refused(data_dir):
    with localdb.lease(data_dir), pytest.raises(VersionMismatch, match="made by PostgreSQL 18"):
        localdb.start(data_dir, binaries=DEBIAN_15)
    with pytest.raises(VersionMismatch, match="made by PostgreSQL 18"):
        localdb.start(data_dir, binaries=DEBIAN_15)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
