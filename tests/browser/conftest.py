"""A web process of its own on loopback, over a world in its own database, and Chromium in front of it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.worlds import make_customer, make_meter, make_plan, make_seller, run_until, subscribe, use

ROOT = Path(__file__).resolve().parents[2]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PASSWORD = "correct-horse-battery"
READY_S = 30


@dataclass(frozen=True, slots=True)
class Site:
    """Where the server answers, who may sign in, and what there is to see."""

    url: str
    email: str
    password: str
    seller: Any
    customer: Any


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for one file of tests: Playwright's loop must be gone before others in this process make theirs."""
    path = os.environ.get("TEST_BROWSER") or next(
        (each for each in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if Path(each).exists()), ""
    )
    reason = os.environ.get("TEST_BROWSER_MISSING", "")
    if reason:
        pytest.skip(reason)
    # Playwright keeps a loop in this thread; these tests read the database beside it, one statement at a time
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path or None, headless=True, args=FLAGS)
        yield chromium
        chromium.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def site(database: str, databases: Any, tmp_path: Path) -> Iterator[Site]:
    """A seller with a customer and three bills, and a web server over it."""
    seller = a_world()
    email = an_owner(seller)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "src"),
        "CLEARBILL_DATABASE_URL": databases.server.app_url_for(database),
        "CLEARBILL_PUBLIC_URL": url,
        "CLEARBILL_PORT": str(port),
    }
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "clearbill.conf.asgi:application",
        "--port",
        str(port),
        "--log-level",
        "error",
    ]
    with open(tmp_path / "web.log", "wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=tmp_path)
        try:
            wait_for(f"{url}/readyz", process)
            yield Site(url=url, email=email, password=PASSWORD, seller=seller, customer=seller.customer)
        finally:
            process.terminate()
            process.wait(timeout=15)


@dataclass(frozen=True, slots=True)
class Acme:
    """The world's seller and its customer; looks like ``tests.worlds.World``."""

    seller: Any
    at: datetime
    customer: Any

    @property
    def id(self) -> Any:
        return self.seller.id


def a_world() -> Acme:
    world = make_seller()
    make_meter(world, "calls", name={"en": "API calls", "zh-Hans": "接口调用"})
    make_plan(
        world,
        prices=[
            {
                "code": "fee",
                "model": "flat",
                "amount": "29.00",
                "bill": "in_advance",
                "name": {"en": "Base fee", "zh-Hans": "基本费"},
            },
            {
                "code": "calls",
                "model": "graduated",
                "meter": "calls",
                "name": {"en": "API calls", "zh-Hans": "接口调用"},
                "tiers": [{"up_to": 2, "unit_amount": "0.50"}, {"unit_amount": "0.255"}],
            },
        ],
        name={"en": "Pro", "zh-Hans": "专业版"},
    )
    customer = make_customer(world)
    subscribe(world, customer)
    for day in (11, 12, 13):
        use(world, "acme", "calls", f"2025-01-{day}T10:00")
    run_until(world, "2025-03-15T00:00")
    return Acme(seller=world.seller, at=datetime(2025, 3, 15, tzinfo=UTC), customer=customer)


def an_owner(world: Acme) -> str:
    from clearbill.sellers.actions import add_member, create_user

    email = "owner@acme.example"
    user_id = create_user(email, at=world.at, password=PASSWORD, name="")
    add_member(world.id, user_id=user_id, role="owner", granter="owner", actor="test", at=world.at)
    return email


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        assert process.poll() is None, "the web process ended"
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise AssertionError(f"{url} wasn't ready in {READY_S} s")


def is_problem(message: ConsoleMessage) -> bool:
    refused = message.text.startswith("Failed to load resource") and "status of 4" in message.text
    of_the_page = message.page is not None and message.location.get("url") == message.page.url
    return message.type == "error" and not (refused and of_the_page)


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    """A page that fails the test when the console shows an error (a breach of the CSP among them).

    That a page itself was refused (4xx) is for the test to judge; of what it loads nothing may be missing.
    """
    context = browser.new_context(base_url=site.url, locale="en-GB", viewport={"width": 1280, "height": 900})
    found = context.new_page()
    problems: list[str] = []
    found.on("console", lambda message: problems.append(message.text) if is_problem(message) else None)
    found.on("pageerror", lambda error: problems.append(str(error)))
    yield found
    context.close()
    assert problems == []


@pytest.fixture
def signed_in(page: Page, site: Site) -> Page:
    """The page, after the owner signed in."""
    page.goto("/accounts/login/")
    page.fill("input[name=login]", site.email)
    page.fill("input[name=password]", site.password)
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/console/**")
    return page
