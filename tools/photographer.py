"""Walks through a site's pages with a browser, photographs each kind of page once, and notes what's wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, Response

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
REFUSED = "Failed to load resource: the server responded with a status of 4"
_ID = re.compile(r"[a-z]{3}_[0-9a-z]{26}")
# addresses that answer with a file, or that sign out
_SKIPPED = re.compile(r"/(pdf|logout|sign-out|export)/?$|\.csv$|/docs$|openapi\.json$")

FAULTS = """
(width) => {
  const seen = (each) => each.checkVisibility({visibilityProperty: true}) && each.getClientRects().length > 0;
  const name = (each) => `${each.tagName.toLowerCase()} “${(each.textContent || each.name || "").trim().slice(0, 40)}”`;
  const found = [];
  const wide = Math.max(innerWidth, document.documentElement.scrollWidth);
  if (wide > width) found.push(`is ${wide} pixels wide in a window of ${width}`);
  const ids = [...document.querySelectorAll("[id]")].map((each) => each.id);
  for (const id of new Set(ids.filter((each, index) => ids.indexOf(each) !== index))) found.push(`has the id ${id} twice`);
  for (const axis of document.querySelectorAll(".chart-x")) {
    const labels = [...axis.children].filter((each) => each.textContent && seen(each)).map((each) => {
      const range = document.createRange();
      range.selectNodeContents(each);
      return range.getBoundingClientRect();
    });
    if (labels.some((each, index) => index && each.left < labels[index - 1].right + 4)) found.push("has labels that touch");
  }
  for (const each of document.querySelectorAll("button, .button, th, td, dd, .status, .badge, h1, h2")) {
    const clips = getComputedStyle(each).overflowX !== "visible" && !each.matches(".visually-hidden");
    if (seen(each) && clips && each.scrollWidth > each.clientWidth + 1) found.push(`cuts ${name(each)} off`);
  }
  if (width < 500) {
    const inputs = "select, textarea, input:not([type=hidden], [type=checkbox], [type=radio])";
    const targets = `button, .button, summary, nav a, ${inputs}`;
    for (const each of document.querySelectorAll(targets)) {
      const box = each.getBoundingClientRect();
      if (seen(each) && box.height < 43.5) {
        found.push(`has a target of ${Math.round(box.height)} pixels: ${name(each)}`);
      }
    }
  }
  return found;
}
"""
"""What can be measured: width, double ids, chart labels that touch, cut text, and targets too small for a finger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """A page to photograph; ``act`` does something on it first, ``status`` is what it should answer."""

    name: str
    address: str
    act: Callable[[Page], None] | None = None
    status: int = 200


@dataclass(slots=True, kw_only=True)
class Visit:
    """A signed-in page of one size and the errors that it reported."""

    page: Page
    size: str
    problems: list[str] = field(default_factory=list)


@contextmanager
def visit(browser: Browser, url: str, *, size: str, sign_in: Callable[[Page], None]) -> Iterator[Visit]:
    """A context of its own, signed in; a phone is touched with fingers."""
    width, height = SIZES[size]
    is_phone = size == "phone"
    context = browser.new_context(
        base_url=url,
        viewport={"width": width, "height": height},
        locale="en-GB",
        has_touch=is_phone,
        is_mobile=is_phone,
        reduced_motion="reduce",
    )
    page = context.new_page()
    found = Visit(page=page, size=size)
    page.on("console", lambda message: found.problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: found.problems.append(str(error)))
    sign_in(page)
    try:
        yield found
    finally:
        context.close()


def pages_from(page: Page, *, starts: Sequence[str], under: str) -> list[Shot]:
    """The addresses below ``under`` that links lead to, one for each kind: a kind is the address with its ids left out."""
    kinds: dict[str, str] = {}
    waiting = list(starts)
    while waiting and len(kinds) < MAX_PAGES:
        address = waiting.pop(0)
        kind = kind_of(address)
        if kind in kinds or _SKIPPED.search(urlsplit(address).path):
            continue
        kinds[kind] = address
        page.goto(address)
        links = page.eval_on_selector_all("a[href]", "all => all.map(each => each.getAttribute('href'))")
        waiting += [link for link in links if link.startswith(under) and kind_of(link) not in kinds]
    return [Shot(name=kind, address=address) for kind, address in kinds.items()]


def kind_of(address: str) -> str:
    """A file name for the kind of page behind ``address``; what only filters or pages a list is the same kind."""
    path = _ID.sub("one", urlsplit(address).path).strip("/").replace("/", ".")
    return path or "home"


def photograph(visitor: Visit, shots: Sequence[Shot], *, out: Path, tell: Callable[[], None]) -> list[str]:
    """Photograph each page in both languages, light and dark; returns what is wrong, a sentence each."""
    wrong = []
    for shot in shots:
        for language, code in LANGUAGES.items():
            visitor.problems.clear()
            joint = "&" if "?" in shot.address else "?"
            answer = visitor.page.goto(f"{shot.address}{joint}lang={code}")
            found = _answered(answer, shot)
            if shot.act is not None and not found:
                shot.act(visitor.page)
                visitor.page.evaluate("scrollTo(0, 0)")
            found += [*_told(visitor.problems, shot), *visitor.page.evaluate(FAULTS, SIZES[visitor.size][0])]
            wrong += [f"{visitor.size} {language} {shot.name}: {each}" for each in dict.fromkeys(found)]
            for scheme in SCHEMES:
                visitor.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
                folder = out / f"{visitor.size}-{scheme}-{language}"
                folder.mkdir(parents=True, exist_ok=True)
                visitor.page.screenshot(path=folder / f"{shot.name}.png", full_page=True)
            tell()
    return wrong


def _answered(answer: Response | None, shot: Shot) -> list[str]:
    status = answer.status if answer else 0
    return [] if status == shot.status else [f"answered {status}, not {shot.status}"]


def _told(problems: Sequence[str], shot: Shot) -> list[str]:
    """What the browser reported, but for its word that a page meant to be refused was."""
    may_refuse = shot.status != 200 or shot.act is not None
    return [each for each in problems if not (may_refuse and each.startswith(REFUSED))]
