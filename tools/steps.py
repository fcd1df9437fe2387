"""Runs named commands one after another, prints how long each took, and tells at the end which failed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
PYTHON = str(BIN / "python")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One command, or one function that returns what is wrong as a sentence, or nothing."""

    name: str
    command: tuple[str, ...] = ()
    check: Callable[[], str | None] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    quiet: bool = False
    """Show the output only when the step fails."""


def run_steps(steps: list[Step], *, environment: Mapping[str, str]) -> int:
    """Runs all steps, also after a failure, so that one run shows everything that is wrong."""
    began = time.monotonic()
    failed = [step.name for step in steps if not passes(step, environment=environment)]
    took = time.monotonic() - began
    print(f"\n{len(steps) - len(failed)} of {len(steps)} steps passed in {took:.0f} s", flush=True)
    for name in failed:
        print(f"FAILED  {name}", flush=True)
    return 1 if failed else 0


def passes(step: Step, *, environment: Mapping[str, str]) -> bool:
    if not step.quiet:
        print(f"── {step.name}", flush=True)
    began = time.monotonic()
    if step.check is not None:
        problem = step.check()
    else:
        problem = problem_of_command(step, environment={**environment, **step.environment})
    if problem:
        print(problem.rstrip(), flush=True)
    verdict = "FAILED" if problem else "ok"
    print(f"{verdict:<6} {time.monotonic() - began:6.1f} s  {step.name}", flush=True)
    return not problem


def problem_of_command(step: Step, *, environment: Mapping[str, str]) -> str | None:
    done = subprocess.run(
        step.command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE if step.quiet else None,
        stderr=subprocess.STDOUT if step.quiet else None,
        text=True,
        errors="replace",
    )
    if done.returncode == 0:
        return None
    return (done.stdout or "") + f"`{' '.join(step.command)}` ended with {done.returncode}"


def stop_tidily(main: Callable[[list[str]], int]) -> None:
    """Ends the program with what `main` returns; Ctrl-C ends it without a traceback."""
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        sys.exit(130)
