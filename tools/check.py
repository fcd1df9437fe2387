"""`make check`: everything that can be wrong without running the program, in under a minute."""

from __future__ import annotations

import os

from steps import BIN, PYTHON, Step, run_steps, stop_tidily

SETTINGS = ("--settings", "clearbill.conf.settings")
MIGRATIONS = ("-m", "django", "makemigrations", "--check", "--dry-run", *SETTINGS)
SHORT = "--output-format=concise"

STEPS = [
    Step(name="lint", command=(str(BIN / "ruff"), "check", SHORT, "."), quiet=True),
    Step(name="format", command=(str(BIN / "ruff"), "format", "--check", SHORT, "."), quiet=True),
    Step(name="types", command=(str(BIN / "mypy"),), quiet=True),
    Step(name="import contracts", command=(str(BIN / "lint-imports"),), quiet=True),
    Step(name="migrations", command=(PYTHON, *MIGRATIONS), quiet=True),
    Step(name="catalogues", command=(PYTHON, "tools/catalogues.py", "check"), quiet=True),
]


def main(arguments: list[str]) -> int:
    chosen = [step for step in STEPS if not arguments or step.name in arguments]
    if not chosen:
        print("No such step. There are:", ", ".join(step.name for step in STEPS))
        return 2
    return run_steps(chosen, environment=os.environ)


if __name__ == "__main__":
    stop_tidily(main)
