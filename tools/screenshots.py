"""`make screenshots`: every page, wide and phone-wide, light and dark, in both languages, to be looked at.

Into `.clearbill/screenshots`, or the folder of `--out=FOLDER`. Fails when a page answers with an error, reports one, is
wider than its window, cuts text off, or has a target too small for a finger. `--readme` makes the picture of the README
anew and nothing else. What there is to see is in `screenshots_world.py`, what is done on a page first in
`screenshots_scenes.py`.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from browser import find_or_get_browser
from photographer import FLAGS, LANGUAGES, SIZES, Shot, pages_from, photograph, visit
from playwright.sync_api import Browser, Page, sync_playwright
from rich.console import Console
from rich.progress import Progress
from screenshots_scenes import enter_portal, scenes_of_console, scenes_of_portal, scenes_signed_out, sign_in, to_empty
from screenshots_world import make_world
from steps import PYTHON, ROOT, stop_tidily

OUT = ROOT / ".clearbill" / "screenshots"
WORLD = ROOT / ".clearbill" / "screenshots-world"
PICTURE = ROOT / "docs" / "pictures" / "console-invoice.png"
READY_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """Pages that one signs in to in the same way: those that links lead to from ``starts``, and scenes."""

    name: str
    enter: Callable[[Page], None]
    starts: Sequence[str] = ()
    under: str = "/nowhere/"
    scenes: Callable[[Sequence[Shot]], Sequence[Shot]] = lambda shots: ()
    prefix: str = ""


def main(arguments: list[str]) -> int:
    chosen = options(arguments)
    found = find_or_get_browser()
    if found.reason:
        print(f"No Chromium: {found.reason}")
        return 1
    with a_world_to_see() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found.path, headless=True, args=FLAGS)
        if chosen.readme:
            picture_of_readme(browser, url)
            return 0
        wrong = photograph_all(browser, url, out=chosen.out)
        browser.close()
    for each in wrong:
        print(each)
    print(f"{len(wrong)} problems. The pictures are in {chosen.out}")
    return 1 if wrong else 0


def options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make screenshots", description=str(__doc__).partition("\n")[0])
    parser.add_argument("--out", type=Path, default=OUT, help="where the pictures go")
    parser.add_argument("--readme", action="store_true", help="only the picture of the README")
    return parser.parse_args(arguments)


@contextmanager
def a_world_to_see() -> Iterator[str]:
    """The world in a database of its own, behind a web server; yields its address."""
    from clearbill import localdb

    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with localdb.lease(WORLD) as server:
        localdb.drop_database(server, "screenshots")
        localdb.create_database(server, "screenshots")
        os.environ |= {
            "CLEARBILL_OWNER_URL": server.owner_url_for("screenshots"),
            "CLEARBILL_DATABASE_URL": server.app_url_for("screenshots"),
            "CLEARBILL_PUBLIC_URL": url,
            "CLEARBILL_PORT": str(port),
            "DJANGO_SETTINGS_MODULE": "clearbill.conf.settings",
        }
        make_world()
        served = ["uvicorn", "clearbill.conf.asgi:application", "--port", str(port), "--log-level", "error"]
        with open(WORLD / "web.log", "wb") as log:
            web = subprocess.Popen([PYTHON, "-m", *served], cwd=ROOT, stdout=log, stderr=log)
        try:
            wait_until_ready(f"{url}/readyz", web)
            yield url
        finally:
            web.terminate()
            web.wait(timeout=20)


def areas() -> list[Area]:
    forms = ["/accounts/login/", "/accounts/password/reset/"]
    own = ["/accounts/password/change/", "/accounts/2fa/", "/accounts/sessions/"]
    return [
        Area(name="signed out", enter=lambda page: None, starts=forms, scenes=scenes_signed_out),
        Area(name="console", enter=sign_in, starts=["/console/"], under="/console/", scenes=scenes_of_console),
        Area(name="empty", enter=to_empty, starts=["/console/"], under="/console/", prefix="empty."),
        Area(name="account", enter=sign_in, starts=own, under="/accounts/2fa/"),
        Area(name="portal", enter=enter_portal, starts=["/portal/"], under="/portal/", scenes=scenes_of_portal),
    ]


def photograph_all(browser: Browser, url: str, *, out: Path) -> list[str]:
    wrong: list[str] = []
    with Progress(console=Console()) as bar:
        for area in areas():
            shots: list[Shot] = []
            task = bar.add_task(area.name, total=None)
            for size in SIZES:
                with visit(browser, url, size=size, sign_in=area.enter) as visitor:
                    shots = shots or shots_of(area, visitor.page)
                    bar.update(task, total=len(shots) * len(SIZES) * len(LANGUAGES))
                    visitor.problems.clear()
                    wrong += photograph(visitor, shots, out=out, tell=lambda task=task: bar.advance(task))
    return wrong


def shots_of(area: Area, page: Page) -> list[Shot]:
    found = pages_from(page, starts=area.starts, under=area.under)
    named = [Shot(name=area.prefix + each.name, address=each.address) for each in found]
    return [*named, *area.scenes(found)]


def picture_of_readme(browser: Browser, url: str) -> None:
    with visit(browser, url, size="wide", sign_in=sign_in) as visitor:
        page = visitor.page
        page.goto("/console/invoices/?q=SKY-000188")
        page.get_by_role("link", name="SKY-000188").first.click()
        page.locator("tbody", has_text="Minutes in the air").locator("summary").first.click()
        whole = {"x": 0, "y": 0, "width": 1440, "height": 1180}
        page.screenshot(path=PICTURE, clip=whole, full_page=True)  # type: ignore[arg-type]
    print(PICTURE.relative_to(ROOT))


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_until_ready(url: str, web: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        if web.poll() is not None:
            raise SystemExit("The web server ended.")
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own address
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise SystemExit(f"The web server wasn't ready in {READY_S} s.")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    stop_tidily(main)
