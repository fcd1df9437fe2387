"""``clearbill run`` on a folder of its own: all of it starts, what dies comes back, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError

import psutil
import pytest

from clearbill.cli import children
from clearbill.cli.children import Child, ChildrenKeepDying, look_after, stop_all
from clearbill.cli.run import check_ports
from clearbill.cli.stops import Stopped
from clearbill.conf.config import Configuration

LIMIT_S = 60


@dataclass(slots=True)
class Run:
    """A started ``clearbill run``."""

    process: subprocess.Popen[str]
    ports: dict[str, int]
    log: Path
    data: Path

    def children(self) -> dict[str, psutil.Process]:
        found = {}
        for each in psutil.Process(self.process.pid).children():
            words = _words(each)
            if "clearbill.cli.main" in words:
                found[words[words.index("clearbill.cli.main") + 1]] = each
        return found

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports['port']}/readyz", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []


def wait_for(condition: Callable[[], object]) -> None:
    until = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.1)


def knocks_until_throttled(run: Run) -> int:
    """The last status of many tries with a made-up invitation."""
    status = 0
    for number in range(25):
        request = urllib.request.Request(
            f"http://127.0.0.1:{run.ports['port']}/accounts/invitation/none/",
            headers={"X-Forwarded-For": f"192.0.2.{number}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                status = answer.status
        except HTTPError as refused:
            status = refused.code
    return status


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Run]:
    probes = [socket.socket() for _ in range(4)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    names = ("port", "smtp_port", "mailbox_port", "sandbox_port")
    ports = dict(zip(names, (each.getsockname()[1] for each in probes), strict=True))
    for probe in probes:
        probe.close()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CLEARBILL_", "DJANGO_"))}
    settings = {f"CLEARBILL_{name.upper()}": str(port) for name, port in ports.items()}
    log = tmp_path / "log"
    tmp_path.chmod(0o711)
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "clearbill.cli.main", "run", "--no-demo"],
            cwd=tmp_path,
            env=kept | settings | {"CLEARBILL_DATA_DIR": str(tmp_path / "data")},
            stdout=out,
            stderr=subprocess.STDOUT,
            text=True,
        )
    run = Run(process, ports, log, tmp_path / "data")
    wait_for(lambda: "Clearbill is running" in log.read_text() or process.poll() is not None)
    yield run
    if process.poll() is None:
        process.kill()
    from clearbill import localdb

    localdb.stop(tmp_path / "data", force=True)


@pytest.mark.database
@pytest.mark.timeout(180)
def test_all_starts_what_dies_comes_back_and_ctrl_c_leaves_nothing(running: Run) -> None:
    text = running.log.read_text()
    assert running.process.poll() is None, text
    assert f"http://127.0.0.1:{running.ports['port']}/console/" in text  # the port that's really served
    assert running.answers()
    before = running.children()
    assert set(before) == {"web", "worker", "mailbox", "sandbox"}

    assert knocks_until_throttled(running) == 429  # though each says that it's forwarded for somebody else

    before["worker"].kill()
    wait_for(lambda: running.children().get("worker", before["worker"]).pid != before["worker"].pid)
    assert "worker ended (by SIGKILL). Starting it again" in running.log.read_text()

    family = psutil.Process(running.process.pid).children(recursive=True)
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(timeout=LIMIT_S) == 0
    assert not [each for each in family if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
    assert not running.answers()
    assert running.log.read_text().rstrip().endswith("Stopped.")
    assert "Traceback" not in running.log.read_text()


@pytest.mark.database
@pytest.mark.timeout(180)
def test_a_killed_database_comes_back_and_web_and_worker_with_it(running: Run) -> None:
    from clearbill import localdb

    before, data = running.children(), running.data
    killed = localdb.status(data).pid
    assert killed is not None
    os.kill(killed, signal.SIGKILL)

    wait_for(lambda: (localdb.status(data).pid or killed) != killed)
    wait_for(running.answers)
    text = running.log.read_text()
    assert "was started again" in text
    assert {name: each.pid for name, each in running.children().items()} == {
        name: each.pid for name, each in before.items()
    }, text


@pytest.mark.database
@pytest.mark.timeout(180)
def test_children_end_when_their_parent_is_killed(running: Run) -> None:
    family = list(running.children().values())
    assert len(family) == 4, running.log.read_text()

    running.process.kill()
    running.process.wait(timeout=LIMIT_S)

    wait_for(lambda: not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in family))


def test_a_port_that_is_taken_is_named_with_its_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clearbill.cli.run.PORT_PATIENCE_S", 0)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(Stopped) as stopped:
            check_ports(Configuration(port=port))

    assert f"Port {port} of 127.0.0.1 is in use by another program." in stopped.value.message
    assert "CLEARBILL_PORT" in stopped.value.message
    assert stopped.value.exit_code == 2


def test_one_port_for_two_things_is_refused() -> None:
    with pytest.raises(Stopped) as stopped:
        check_ports(Configuration(smtp_port=8000))

    assert "CLEARBILL_SMTP_PORT and CLEARBILL_PORT are both 8000" in stopped.value.message


def test_production_needs_no_mail_box() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port, free = other.getsockname()[1], socket.socket()
        free.bind(("127.0.0.1", 0))
        served = free.getsockname()[1]
        free.close()

        assert check_ports(Configuration(environment="production", port=served, mailbox_port=port)) is None


def test_a_child_that_dies_at_once_every_time_stops_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "MAX_PAUSE_S", 0)
    said: list[str] = []
    child = Child(name="web", command=("no-such-command",))
    with pytest.raises(ChildrenKeepDying) as problem:
        while True:
            look_after([child], tell=said.append)
            time.sleep(0.02)

    assert "web ended 5 times right after its start" in str(problem.value)
    assert len(said) == children.MAX_FAST_DEATHS - 1
    assert "exit code 2" in said[0]


def test_a_child_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "STOP_LIMIT_S", 0.2)
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", deaf], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()

    stop_all([Child(name="deaf", command=(), process=process)], hurry=threading.Event())

    assert process.returncode == -signal.SIGKILL
