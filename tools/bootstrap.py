"""Makes `.venv` ready: the environment, the locked packages and the `clearbill` command.

Standard library only, because nothing else exists yet. A stamp for each list of packages says what was
installed last; a warm start reads the stamps and leaves. An interrupted installation is picked up where
it stopped. What the packages are is decided in `requirements/`, not here.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LISTS = ("run", "dev")
# Settings of the person's own pip that would lead packages past .venv.
REDIRECTIONS = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT")

# The sh line lets the command start from a folder whose path is too long for a #! line.
COMMAND = """\
#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
import sys

from clearbill.cli.main import main

sys.exit(main())
"""

NO_VENV = """\
This Python cannot make virtual environments: {python} has no `venv` or `ensurepip`.
  Debian, Ubuntu:  apt-get install python{version}-venv
Then run the same command again."""

# The first hint with a sign in pip's last lines is shown; an unreachable index also says "No matching
# distribution", so it comes before that.
HINTS = (
    (
        ("do not match the hashes", "DO NOT MATCH THE HASHES"),
        "A downloaded package is not the one that was locked; it was not installed. Either the package\n"
        "index or something between you and it changed the file. Do not work around this.",
    ),
    (
        ("No space left",),
        "The disk is full. The packages need about 600 MB below {venv}.",
    ),
    (
        (
            "NewConnectionError",
            "name resolution",
            "timed out",
            "ProxyError",
            "SSLError",
            "Connection refused",
        ),
        "The package index could not be reached. The first start needs the network once.\n"
        "Behind a proxy set HTTPS_PROXY; with a mirror of your own set PIP_INDEX_URL.\n"
        "What was downloaded already is kept: run the same command again.",
    ),
    (
        ("No matching distribution",),
        "The package index has no build of that package for {system} {machine} with Python {version}.\n"
        "Another Python may do:  make run PYTHON=python3.12",
    ),
)


def main(arguments: list[str]) -> int:
    wanted = [name for name in LISTS if name in arguments]
    if not wanted or len(wanted) != len(arguments):
        print(f"usage: bootstrap.py {' '.join(f'[{name}]' for name in LISTS)}", file=sys.stderr)
        return 2
    if is_ready(wanted):
        return 0
    with one_at_a_time():
        if is_ready(wanted):
            return 0
        if not is_sound():
            make_environment()
        mend_environment()
        for name in wanted:
            if not is_current(name):
                install(name)
        write_command()
    return 0


def is_ready(wanted: list[str]) -> bool:
    return PYTHON.exists() and (VENV / "bin" / "clearbill").exists() and all(map(is_current, wanted))


def is_current(name: str) -> bool:
    try:
        return json.loads(stamp_of(name).read_text()) == fingerprint(name)
    except (OSError, ValueError):
        return False


def stamp_of(name: str) -> Path:
    return VENV / f".installed-{name}.json"


def fingerprint(name: str) -> dict[str, str]:
    """What an installation depends on. The folder is part of it: an environment can't be moved."""
    return {
        "packages": digest(requirements_of(name)),
        "bootstrap": digest(Path(__file__)),
        "python": "{}.{}".format(*sys.version_info[:2]),
        "machine": platform.machine(),
        "folder": str(ROOT),
    }


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def requirements_of(name: str) -> Path:
    return ROOT / "requirements" / f"{name}.txt"


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two commands started together must not install into the same folder."""
    folder = ROOT / ".clearbill"
    folder.mkdir(exist_ok=True)
    with (folder / "bootstrap.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another command is preparing .venv; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def is_sound() -> bool:
    """Whether `.venv` exists, was made here by the same Python, and has a pip that starts."""
    for name in LISTS:
        if stamp_of(name).exists() and not made_here(stamp_of(name)):
            return False
    try:
        answer = subprocess.run(
            [PYTHON, "-I", "-c", "import sys, pip; print('{}.{}'.format(*sys.version_info[:2]), sys.prefix)"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return False
    return answer.stdout.split(maxsplit=1) == [fingerprint("run")["python"], f"{VENV}\n"]


def made_here(stamp: Path) -> bool:
    try:
        known = json.loads(stamp.read_text())
    except ValueError:
        return False
    return all(known.get(key) == fingerprint("run")[key] for key in ("python", "machine", "folder"))


def make_environment() -> None:
    say(f"making .venv with Python {platform.python_version()}")
    # Started from inside an environment, the interpreter behind it makes the new one.
    interpreter = getattr(sys, "_base_executable", None) or sys.executable
    if VENV.is_symlink() or VENV.is_file():
        raise SystemExit(f"{VENV} is not a folder of ours; move it away and run the same command again.")
    if VENV.exists():
        shutil.rmtree(VENV)
    made = subprocess.run([interpreter, "-I", "-m", "venv", VENV], capture_output=True, text=True)
    if made.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        version = "{}.{}".format(*sys.version_info[:2])
        reason = made.stdout + made.stderr
        if "ensurepip" in reason or "No module named venv" in reason:
            reason = NO_VENV.format(python=interpreter, version=version)
        raise SystemExit(reason)


def mend_environment() -> None:
    """Removes what an interrupted pip left half done, so that pip installs it again.

    pip writes INSTALLER when all files of a package are in place; a package without it is incomplete,
    yet pip would take it for installed. Folders that begin with ~ are old versions being removed.
    """
    for packages in VENV.glob("lib/python*/site-packages"):
        for record in packages.glob("*.dist-info"):
            if not (record / "INSTALLER").exists():
                shutil.rmtree(record)
        for left_over in packages.glob("~*"):
            shutil.rmtree(left_over) if left_over.is_dir() else left_over.unlink()


def install(name: str) -> None:
    requirements = requirements_of(name)
    pinned = [line for line in requirements.read_text().splitlines() if "==" in line and line[0].isalnum()]
    say(f"installing requirements/{name}.txt: at most {len(pinned)} packages, each checked against its hash")
    stamp_of(name).unlink(missing_ok=True)
    command = [PYTHON, "-I", "-m", "pip", "install", "--require-hashes", "--no-deps"]
    command += ["--disable-pip-version-check", "--no-input", "--progress-bar", "off", "-r", requirements]
    environment = {key: value for key, value in os.environ.items() if key not in REDIRECTIONS}
    pip = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        errors="replace",
    )
    output = list(show_progress(pip, total=len(pinned)))
    if pip.wait():
        raise SystemExit(explain_failure(output))
    stamp_of(name).write_text(json.dumps(fingerprint(name)))


def show_progress(pip: subprocess.Popen[str], *, total: int) -> Iterator[str]:
    """Passes pip's lines on; a terminal sees one line that counts the packages."""
    terminal = sys.stdout.isatty()
    count = 0
    assert pip.stdout is not None
    for line in pip.stdout:
        yield line
        if not terminal:
            continue
        if line.startswith(("Collecting ", "Requirement already satisfied")):
            count += 1
            package = line.removeprefix("Collecting ").split("==")[0] if line[0] == "C" else ""
            print(f"\r\033[K  {count}/{total} {package.strip()}", end="", flush=True)
        elif line.startswith("Installing collected"):
            print("\r\033[K  unpacking", end="", flush=True)
    if terminal:
        print("\r\033[K", end="", flush=True)


def explain_failure(output: list[str]) -> str:
    text = "".join(output[-20:])
    told = "".join(line for line in output if line.startswith("ERROR")) or text
    facts = {"system": platform.system(), "machine": platform.machine(), "venv": VENV}
    for signs, hint in HINTS:
        if any(sign in text for sign in signs):
            return f"{told}\n{hint.format(version=platform.python_version(), **facts)}"
    return f"{text}\nThe packages could not be installed; the lines above are pip's."


def write_command() -> None:
    """Puts the project itself in place: `src` on the path and `.venv/bin/clearbill`."""
    for packages in VENV.glob("lib/python*/site-packages"):
        (packages / "clearbill.pth").write_text(f"{ROOT / 'src'}\n")
    command = VENV / "bin" / "clearbill"
    command.write_text(COMMAND.format(python=PYTHON))
    command.chmod(0o755)


def say(sentence: str) -> None:
    print(f"clearbill: {sentence}", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("\nStopped. Run the same command again to go on.", file=sys.stderr)
        sys.exit(130)
