"""Walks through a site's pages with a browser, photographs each kind of page once, and notes what's wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, Response

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
SIZES = {"wide": (1440, 900), "phone": (390, 844)}
SCHEMES = ("light", "dark")
LANGUAGES = {"en": "en", "zh-Hans": "zh-hans"}
MAX_PAGES = 200
_ID = re.compile(r"[a-z]{3}_[0-9a-z]{26}")
# addresses that answer with a file, or that sign out
_SKIPPED = re.compile(r"/(pdf|logout|sign-out|export)/?$|\.csv$|/docs$|openapi\.json$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One way of looking at a page."""

    size: str
    scheme: str
    language: str

    @property
    def name(self) -> str:
        return f"{self.size}-{self.scheme}-{self.language}"


LOOKS = [
    Look(size=size, scheme=scheme, language=language) for size, scheme, language in product(SIZES, SCHEMES, LANGUAGES)
]


@dataclass(slots=True, kw_only=True)
class Visit:
    """A signed-in context and the errors that its pages reported."""

    context: BrowserContext
    page: Page
    problems: list[str] = field(default_factory=list)


@contextmanager
def visit(browser: Browser, url: str, *, sign_in: Callable[[Page], None]) -> Iterator[Visit]:
    """A context of its own, signed in."""
    context = browser.new_context(base_url=url, viewport={"width": 1440, "height": 900}, locale="en-GB")
    page = context.new_page()
    found = Visit(context=context, page=page)
    page.on("console", lambda message: found.problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: found.problems.append(str(error)))
    sign_in(page)
    try:
        yield found
    finally:
        context.close()


def pages_from(visitor: Visit, *, starts: Sequence[str], under: str) -> dict[str, str]:
    """The addresses below ``under`` that links lead to, one for each kind: a kind is the address with its ids left out."""
    kinds: dict[str, str] = {}
    waiting = list(starts)
    while waiting and len(kinds) < MAX_PAGES:
        address = waiting.pop(0)
        kind = kind_of(address)
        if kind in kinds or _SKIPPED.search(urlsplit(address).path):
            continue
        kinds[kind] = address
        visitor.page.goto(address)
        links = visitor.page.eval_on_selector_all("a[href]", "all => all.map(each => each.getAttribute('href'))")
        waiting += [link for link in links if link.startswith(under) and kind_of(link) not in kinds]
    return kinds


def kind_of(address: str) -> str:
    """A file name for the kind of page behind ``address``; what only filters or pages a list is the same kind."""
    path = _ID.sub("one", urlsplit(address).path).strip("/").replace("/", ".")
    return path or "home"


def photograph(
    visitor: Visit, kinds: dict[str, str], *, look: Look, folder: Path, tell: Callable[[], None]
) -> list[str]:
    """Photograph each page in one look; returns what is wrong, a sentence each."""
    width, height = SIZES[look.size]
    visitor.page.set_viewport_size({"width": width, "height": height})
    visitor.page.emulate_media(color_scheme=look.scheme)  # type: ignore[arg-type]
    folder.mkdir(parents=True, exist_ok=True)
    wrong = []
    for kind, address in kinds.items():
        visitor.problems.clear()
        joint = "&" if "?" in address else "?"
        answer = visitor.page.goto(f"{address}{joint}lang={LANGUAGES[look.language]}")
        wrong += [f"{look.name} {kind}: {problem}" for problem in _problems(visitor, answer)]
        visitor.page.screenshot(path=folder / f"{kind}.png", full_page=True)
        tell()
    return wrong


def _problems(visitor: Visit, answer: Response | None) -> list[str]:
    found = list(visitor.problems)
    if answer is None or not answer.ok:
        found.append(f"answered {answer.status if answer else 'nothing'}")
    inner, scroll = visitor.page.evaluate("[window.innerWidth, document.documentElement.scrollWidth]")
    if scroll > inner:
        found.append(f"is {scroll} pixels wide in a window of {inner}")
    return found
