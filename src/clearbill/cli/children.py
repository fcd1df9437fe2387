"""Processes that belong to ``clearbill run``: started, watched, started again when they die, and stopped in order.

A child holds the reading end of a pipe whose other end only its parent has. When the parent is gone, however it went,
the pipe ends and the child stops itself.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

STOP_LIMIT_S = 15
ORPHAN_LIMIT_S = 20
FAST_DEATH_S = 15
MAX_FAST_DEATHS = 5
MAX_PAUSE_S = 15


@dataclass(slots=True, kw_only=True)
class Child:
    """A command of ``clearbill`` that must keep running, and how it fares."""

    name: str
    command: tuple[str, ...]
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0
    start_again_s: float = 0
    fast_deaths: int = 0


class ChildrenKeepDying(Exception):
    """One of them died several times right after its start; the message names it."""


def start(child: Child) -> None:
    """Start it in a session of its own: Ctrl-C reaches only the parent, which then stops all in order."""
    child.process = subprocess.Popen(
        [sys.executable, "-m", "clearbill.cli.main", *child.command, "--with-parent"],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    child.started_s = time.monotonic()


def look_after(children: Sequence[Child], *, tell: Callable[[str], None]) -> None:
    """One look: whoever died is started again after a pause that grows. Raises ChildrenKeepDying."""
    now = time.monotonic()
    for child in children:
        if child.process is None:
            if now >= child.start_again_s:
                start(child)
            continue
        code = child.process.poll()
        if code is None:
            continue
        child.fast_deaths = child.fast_deaths + 1 if now - child.started_s < FAST_DEATH_S else 1
        if child.fast_deaths >= MAX_FAST_DEATHS:
            raise ChildrenKeepDying(f"{child.name} ended {child.fast_deaths} times right after its start; giving up.")
        pause_s = min(2 ** (child.fast_deaths - 1), MAX_PAUSE_S)
        tell(f"{child.name} ended ({_told(code)}). Starting it again in {pause_s} s.")
        _close(child.process)
        child.process, child.start_again_s = None, now + pause_s


def stop_all(children: Sequence[Child], *, hurry: threading.Event) -> None:
    """Stop them one after another; what doesn't end in time, or when ``hurry`` is set, is killed."""
    for child in children:
        if child.process is not None:
            _stop(child.process, hurry=hurry)
            child.process = None


def end_with_parent() -> None:
    """In a child: stop this process as soon as its parent is gone."""
    threading.Thread(target=_wait_for_end, name="parent", daemon=True).start()


def _wait_for_end() -> None:
    while os.read(0, 64):
        continue  # nobody writes; only the end counts
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(ORPHAN_LIMIT_S)
    os._exit(1)


def _stop(process: subprocess.Popen[bytes], *, hurry: threading.Event) -> None:
    if process.poll() is None:
        process.terminate()
        until = time.monotonic() + STOP_LIMIT_S
        while process.poll() is None and time.monotonic() < until and not hurry.is_set():
            time.sleep(0.02)
    if process.poll() is None:
        process.kill()
        process.wait()
    _close(process)


def _close(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()


def _told(code: int) -> str:
    return f"by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
