"""`make screenshots`: the example's pages, wide and phone-wide, light and dark, in both languages, to be looked at.

Into `.clearbill/screenshots`. Fails when a page answers with an error, reports one, or is wider than its window.
`ARGS=--readme` makes the picture of the README anew and nothing else.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from browser import find_or_get_browser
from photographer import FLAGS, LOOKS, pages_from, photograph, visit
from playwright.sync_api import Browser, Page, sync_playwright
from rich.console import Console
from rich.progress import Progress
from steps import PYTHON, ROOT, stop_tidily

OUT = ROOT / ".clearbill" / "screenshots"
WORLD = ROOT / ".clearbill" / "screenshots-world"
PICTURE = ROOT / "docs" / "pictures" / "console-invoice.png"
READY_S = 30


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--readme"]):
        print("There is only --readme.")
        return 2
    found = find_or_get_browser()
    if found.reason:
        print(f"No Chromium: {found.reason}")
        return 1
    with a_year_of_bills() as (url, portal), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found.path, headless=True, args=FLAGS)
        if arguments:
            picture_of_readme(browser, url)
            return 0
        wrong = photograph_all(browser, url, portal=portal)
        browser.close()
    for each in wrong:
        print(each)
    print(f"{len(wrong)} problems. The pictures are in {OUT}")
    return 1 if wrong else 0


@contextmanager
def a_year_of_bills() -> Iterator[tuple[str, Callable[[], str]]]:
    """The example in a database of its own behind a web server; yields its address, and links into the portal."""
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
        play_example()
        command = [
            PYTHON,
            "-m",
            "uvicorn",
            "clearbill.conf.asgi:application",
            "--port",
            str(port),
            "--log-level",
            "error",
        ]
        web = subprocess.Popen(command, cwd=ROOT)
        try:
            wait_until_ready(f"{url}/readyz", web)
            yield url, portal_link
        finally:
            web.terminate()
            web.wait(timeout=20)


def play_example() -> None:
    import django

    django.setup()
    from clearbill.cli import example
    from clearbill.cli.migrate import migrate

    migrate()
    example.play(console=Console(), with_pdfs=False)


def portal_link() -> str:
    """The address of a new link for the last customer. In a process of its own: the browser keeps a loop in this one."""
    code = "import screenshots; print(screenshots.new_link())"
    done = subprocess.run([PYTHON, "-c", code], cwd=ROOT / "tools", capture_output=True, text=True, check=True)
    return done.stdout.strip()


def new_link() -> str:
    import django

    django.setup()
    from django.urls import reverse

    from clearbill.cli.example import NAME
    from clearbill.customers.links import make_sign_in_link
    from clearbill.customers.queries import customers_page
    from clearbill.scope.clock import wall_clock
    from clearbill.scope.seller import seller_scope
    from clearbill.sellers.queries import all_sellers

    seller = next(each for each in all_sellers() if each.name == NAME)
    with seller_scope(seller.id):
        secret = make_sign_in_link(customers_page(limit=1)[0].id, at=wall_clock())
    return reverse("portal:enter", args=[secret])


def photograph_all(browser: Browser, url: str, *, portal: Callable[[], str]) -> list[str]:
    wrong: list[str] = []
    areas = (
        ("signed-out", lambda page: None, ["/accounts/login/", "/accounts/password/reset/"], "/nowhere/"),
        ("console", sign_in, ["/console/"], "/console/"),
        ("account", sign_in, ["/accounts/password/change/", "/accounts/2fa/"], "/accounts/2fa/"),
        ("portal", lambda page: enter_portal(page, portal()), ["/portal/"], "/portal/"),
    )
    with Progress(console=Console()) as bar:
        for name, enter, starts, under in areas:
            with visit(browser, url, sign_in=enter) as visitor:
                first = [visitor.page.url.removeprefix(url)] if name == "portal" else starts
                kinds = pages_from(visitor, starts=first, under=under)
                task = bar.add_task(name, total=len(kinds) * len(LOOKS))
                for look in LOOKS:
                    wrong += photograph(
                        visitor, kinds, look=look, folder=OUT / look.name, tell=lambda task=task: bar.advance(task)
                    )
    return wrong


def sign_in(page: Page) -> None:
    from clearbill.cli.example import OWNER, PASSWORD

    page.goto("/accounts/login/")
    page.fill("input[name=login]", OWNER)
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/console/**")


def enter_portal(page: Page, link: str) -> None:
    page.goto(link)
    page.locator("main form button").last.click()
    page.wait_for_load_state()


def picture_of_readme(browser: Browser, url: str) -> None:
    with visit(browser, url, sign_in=sign_in) as visitor:
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
