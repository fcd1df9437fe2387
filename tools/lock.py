"""`make lock`: turns `requirements/*.in` into `*.txt` with versions and hashes, for every platform.

The resolver lives in an environment of its own, because it is no part of Clearbill. It is locked too:
`lock.txt` installs the resolver that writes the next `lock.txt`.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

from steps import ROOT, stop_tidily

TOOLS = ROOT / ".clearbill" / "tools"
# Order matters: dev.in is held to the versions of run.txt.
LISTS = ("run", "dev", "lock")


def main(arguments: list[str]) -> int:
    """Arguments go to the resolver: `--upgrade`, or `--upgrade-package NAME`."""
    install_resolver()
    for name in LISTS:
        lock(name, arguments=arguments)
    return 0


def install_resolver() -> None:
    if not (TOOLS / "bin" / "python").exists():
        venv.create(TOOLS, with_pip=True)
    install = [TOOLS / "bin" / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*install, "--require-hashes", "-r", "requirements/lock.txt"], cwd=ROOT, check=True)


def lock(name: str, *, arguments: list[str]) -> None:
    """The result names no package index: whoever installs decides where from."""
    wanted, locked = Path("requirements", f"{name}.in"), Path("requirements", f"{name}.txt")
    command = [TOOLS / "bin" / "uv", "pip", "compile", "-q", "--python-version", "3.11", "--universal"]
    command += ["--generate-hashes", "--no-emit-index-url", "--no-header", *arguments]
    done = subprocess.run([*command, wanted, "-o", locked], cwd=ROOT)
    if done.returncode:
        sys.exit(f"{wanted} could not be resolved; {locked} is as it was.")
    pins = sum("==" in line for line in (ROOT / locked).read_text().splitlines())
    print(f"{locked}: {pins} packages")


if __name__ == "__main__":
    stop_tidily(main)
