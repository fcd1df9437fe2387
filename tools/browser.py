"""Finds a Chromium for the browser tests, or gets one, or says why there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from steps import BIN, ROOT

SYSTEM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DOWNLOADS = ROOT / ".clearbill" / "browsers"


@dataclass(frozen=True, kw_only=True)
class Browser:
    """`path` is empty when there is none; `reason` then says why in one line."""

    path: str = ""
    reason: str = ""

    @property
    def environment(self) -> dict[str, str]:
        return {"TEST_BROWSER": self.path, "TEST_BROWSER_MISSING": self.reason}


def find_or_get_browser() -> Browser:
    """An installed Chromium; else the distribution's when root may install it; else Playwright's own."""
    named = os.environ.get("TEST_BROWSER")
    if named:
        return named_browser(named)
    reasons = []
    for way in (installed_browser, downloaded_browser, install_from_distribution, download_browser):
        path, reason = way()
        if path and starts(path):
            return Browser(path=path)
        if path or reason:
            reasons.append(reason or f"{path} does not start")
    return Browser(reason="; ".join(reasons))


def named_browser(path: str) -> Browser:
    if starts(path):
        return Browser(path=path)
    return Browser(reason=f"TEST_BROWSER={path} does not start")


def installed_browser() -> tuple[str, str]:
    found = [path for name in SYSTEM_NAMES if (path := shutil.which(name))]
    return (found[0], "") if found else ("", "")


def downloaded_browser() -> tuple[str, str]:
    found = sorted(DOWNLOADS.glob("chromium*/**/chrome"), key=os.path.getmtime) + sorted(
        DOWNLOADS.glob("chromium*/**/MacOS/Chromium"), key=os.path.getmtime
    )
    return (str(found[-1]), "") if found else ("", "")


def install_from_distribution() -> tuple[str, str]:
    """Debian's package, which brings its libraries along. Ubuntu's of that name is a snap: not for root."""
    if os.geteuid() != 0 or not shutil.which("apt-get") or "ID=debian" not in release_lines():
        return "", ""
    print("browser tests: installing Debian's chromium", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", "chromium"]
    for command in (["apt-get", "update", "-q"], install):
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode:
            return "", f"`{' '.join(command)}` failed: {last_line(done.stdout + done.stderr)}"
    return shutil.which("chromium") or "", "apt-get installed chromium, but it is not on the path"


def release_lines() -> list[str]:
    file = Path("/etc/os-release")
    return file.read_text().splitlines() if file.exists() else []


def download_browser() -> tuple[str, str]:
    print("browser tests: downloading Playwright's Chromium", flush=True)
    environment = {**os.environ, "PLAYWRIGHT_BROWSERS_PATH": str(DOWNLOADS)}
    command = [BIN / "playwright", "install", "chromium"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        return "", f"`playwright install chromium` failed: {last_line(done.stdout + done.stderr)}"
    path, _ = downloaded_browser()
    if path and not starts(path):
        return "", f"{path} lacks system libraries; as root: .venv/bin/playwright install-deps chromium"
    return path, "Playwright downloaded no Chromium that can be found"


def starts(path: str) -> bool:
    try:
        return subprocess.run([path, "--version"], capture_output=True, timeout=30).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def last_line(output: str) -> str:
    lines = [line.strip(" ╔║╚═") for line in output.splitlines()]
    return next((line for line in reversed(lines) if line), "no output")
