"""What the operating system knows about processes: alive, the same one as before, a postmaster of ours.

A process number alone proves nothing: numbers are reused, most quickly in containers. So a process is known
by number and start time, and a postmaster by its own command line. Starting and stopping live in
`postmaster.py`.
"""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

PROC = Path("/proc")
HAS_PROC = sys.platform == "linux"
POSTMASTER_NAMES = frozenset({"postgres", "postmaster"})

spawned: set[int] = set()
"""The postmasters that this very process started: only these may it bury."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostmasterFile:
    """What `postmaster.pid` says.

    `socket_dir` and `status` are empty in the first instants of a start; 0 is the pid of a damaged file.
    """

    pid: int
    socket_dir: str
    status: str


def start_identity(pid: int) -> str | None:
    """Returns a word that differs for every process that ever had this number; None when it is dead."""
    if not HAS_PROC:
        return _ps(pid, field="lstart").replace(" ", "_") or None
    fields = _stat_fields(pid)
    if fields is None or fields[0] in {"Z", "X"}:
        return None
    boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}:{fields[19]}"


def is_alive(pid: int) -> bool:
    """A zombie is dead. A dead postmaster that we started is buried on the way."""
    _reap(pid)
    return start_identity(pid) is not None


def is_postmaster_of(pid: int, *, cluster: Path) -> bool:
    """Whether the process is a server of this cluster: its command line says so, or it is inside."""
    words = command_line(pid)
    if not words or Path(words[0]).name not in POSTMASTER_NAMES:
        return False
    return ("-D", str(cluster)) in pairwise(words) or _working_folder(pid) == str(cluster)


def command_line(pid: int) -> list[str]:
    if not HAS_PROC:
        return _ps(pid, field="command").split()
    try:
        raw = (PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return []
    return [os.fsdecode(word) for word in raw.split(b"\0") if word]


def read_postmaster_file(cluster: Path) -> PostmasterFile | None:
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return None
    lines += [""] * (8 - len(lines))
    pid = int(lines[0]) if lines[0].strip().isdigit() else 0
    return PostmasterFile(pid=pid, socket_dir=lines[4].strip(), status=lines[7].strip())


def end_leftovers(cluster_name: str, *, timeout_s: float = 10.0) -> None:
    """Ends server processes that outlived a killed postmaster.

    They keep its shared memory, and a new postmaster refuses to start beside them. They are known by the
    title that PostgreSQL gives to the processes of a named cluster, which everybody may read.
    """
    title = f"postgres: {cluster_name}: "
    for urge in (signal.SIGQUIT, signal.SIGKILL):
        leftovers = [pid for pid in _all_pids() if " ".join(command_line(pid)).startswith(title)]
        for pid in leftovers:
            send(pid, urge)
        wait_for_end(leftovers, timeout_s=timeout_s / 2)


def end_those_with(word: str) -> None:
    """Kills the processes of ours that have this word on their command line."""
    found = [pid for pid in _all_pids() if word in command_line(pid)]
    for pid in found:
        send(pid, signal.SIGKILL)
    wait_for_end(found, timeout_s=5)


def wait_for_end(pids: list[int], *, timeout_s: float) -> bool:
    """Waits until all have ended; False when one still lives after the time."""
    deadline = time.monotonic() + timeout_s
    while any(is_alive(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def send(pid: int, which: signal.Signals) -> None:
    """Signals a process; one that has just ended, or is another user's, is no error."""
    try:
        os.kill(pid, which)
    except (ProcessLookupError, PermissionError):
        return


def _all_pids() -> list[int]:
    if not HAS_PROC:
        return []
    return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]


def _working_folder(pid: int) -> str:
    try:
        return os.readlink(PROC / str(pid) / "cwd")
    except OSError:
        return ""


def _reap(pid: int) -> None:
    if pid not in spawned:
        return
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def _stat_fields(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat after the name, which may itself hold blanks and brackets."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def _ps(pid: int, *, field: str) -> str:
    answer = subprocess.run(["ps", "-o", f"{field}=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return answer.stdout.strip()
