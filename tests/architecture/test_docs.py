"""The documents say what is there, and all of it: settings, commands, policies, make targets, rooms, links, files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from clearbill.cli.main import COMMANDS
from clearbill.conf.config import PREFIX, Configuration, ConfigurationError, read_configuration
from clearbill.core.policy import CHOICES, DEFAULTS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
# in `code`, after a prompt, or as a line of its own in a block; an environment or a folder may stand before it
CALL = r"(?:`|^\s*|\$ )(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?"


def names(page: Path) -> str:
    return str(page.relative_to(ROOT))


def test_there_are_pages() -> None:
    assert {"README.md", "README.zh-Hans.md", "CHANGELOG.md", "docs/README.md"} <= {names(page) for page in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_every_link_inside_the_repository_leads_somewhere(page: Path) -> None:
    targets = [link.partition("#")[0] for link in LINK.findall(page.read_text(encoding="utf-8"))]
    inside = [target for target in targets if target and not re.match(r"[a-z]+:", target)]
    assert [target for target in inside if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_every_link_to_a_heading_finds_it(page: Path) -> None:
    missing = []
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        target, sign, heading = link.partition("#")
        if sign and not re.match(r"[a-z]+:", link):
            there = page.parent / target if target else page
            missing += [] if heading in headings(there) else [link]
    assert missing == []


def headings(page: Path) -> set[str]:
    """The names that headings of a page can be linked by."""
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def test_every_setting_is_explained_and_no_other() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    explained = re.findall(rf"^\| `{PREFIX}([A-Z_]+)` \|", text, re.MULTILINE)
    assert sorted(explained) == sorted(name.upper() for name in Configuration.__dataclass_fields__)


def test_the_defaults_of_settings_are_those_of_the_code() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    told = dict(re.findall(rf"^\| `{PREFIX}([A-Z_]+)` \| ([^|]*) \|", text, re.MULTILINE))
    in_words = {"DATABASE_URL": "embedded", "OWNER_URL": "embedded", "SECRET_KEY": "a development one"}
    for name, default in told.items():
        value = getattr(Configuration(), name.lower())
        expected = ",".join(value) if isinstance(value, tuple) else str(value)
        assert default.strip().strip("`") == in_words.get(name, expected), name


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_every_setting_that_a_page_names_is_there(page: Path) -> None:
    wanted = re.findall(rf"\b{PREFIX}[A-Z][A-Z_]*[A-Z]\b", page.read_text(encoding="utf-8"))
    assert [each for each in wanted if not is_known(each)] == []


def is_known(variable: str) -> bool:
    """Whether a start with this variable complains about its value at most."""
    try:
        read_configuration({variable: "1"})
    except ConfigurationError as problem:
        return "is not a setting" not in str(problem)
    return True


def test_every_policy_is_explained_with_its_values_and_default() -> None:
    text = (ROOT / "docs" / "billing-rules.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([a-z_.]+)` \| (.+) \|$", text.partition("## 9.")[2], re.MULTILINE))
    assert sorted(rows) == sorted(DEFAULTS)
    for name, row in rows.items():
        values, _, default = row.rpartition(" | ")
        assert default.strip("`") == str(DEFAULTS[name]), name
        if name in CHOICES:
            assert re.findall("`([a-z_0-9]+)`", values) == [str(each) for each in CHOICES[name]], name


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_every_command_that_a_page_names_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert [each for each in called(text, "make") if each not in make_targets()] == []
    assert [each for each in called(text, "clearbill") if each not in COMMANDS] == []


@pytest.mark.parametrize(
    "text",
    [
        "`make run`",
        "$ make run",
        "```console\nmake run\n```",
        "    make run ARGS=1",
        "$ A_B=1 make run",
        "`make run`, and more",
    ],
)
def test_a_named_command_is_found(text: str) -> None:
    assert called(text, "make") == ["run"]
    assert called(text.replace("make", ".venv/bin/clearbill"), "clearbill") == ["run"]


def test_words_between_words_are_no_commands() -> None:
    assert called("To make bills clearbill needs a database.\nmake it so", "make") == []


def called(text: str, program: str) -> list[str]:
    """What a page tells to run: in code everywhere, and at the beginning of lines in blocks of code."""
    blocks = [*FENCED.findall(text), *re.findall(r"^(?: {4}|\$ ).+$", text, re.MULTILINE)]
    spans = re.findall(r"`[^`\n]+`", FENCED.sub("", text))
    call = re.compile(rf"{CALL}{program} ([a-z][a-z-]*)", re.MULTILINE)
    return [name for part in (*blocks, *spans) for name in call.findall(part)]


def make_targets() -> set[str]:
    """What the Makefile makes."""
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("name", ["architecture.md", "style.md", "security.md"])
def test_every_file_that_a_page_for_builders_names_is_there(name: str) -> None:
    text = FENCED.sub("", (ROOT / "docs" / name).read_text(encoding="utf-8"))
    wanted = [each for each in re.findall(r"`([\w./-]+)`", text) if re.search(r"\.(py|toml|css|json)$|/$", each)]
    assert wanted
    assert [each for each in wanted if not any(places_of(each))] == []


def places_of(name: str) -> Iterator[Path]:
    """Where a file or folder that a page names can lie: named from the top, from the package, or from a room."""
    for top in (ROOT, ROOT / "src" / "clearbill"):
        if (top / name).exists():
            yield top / name
    yield from (ROOT / "src" / "clearbill").glob(f"*/{name}")


def test_every_room_is_explained() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = text.partition("## Rooms")[2].partition("\n## ")[0]
    explained = [
        room for row in re.findall(r"^\| (`.+?) \|", table, re.MULTILINE) for room in re.findall("`(.+?)`", row)
    ]
    rooms = [each.parent.name for each in (ROOT / "src" / "clearbill").glob("*/__init__.py")]
    assert sorted(explained) == sorted(rooms)


def test_every_decision_is_in_the_index() -> None:
    index = (ROOT / "docs" / "adr" / "README.md").read_text(encoding="utf-8")
    decisions = sorted(page.name for page in (ROOT / "docs" / "adr").glob("[0-9]*.md"))
    assert re.findall(r"\]\((\d{4}-[^)]+)\)", index) == decisions


def test_every_page_of_the_docs_is_in_their_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = sorted(page.name for page in (ROOT / "docs").glob("*.md") if page.name != "README.md")
    assert [page for page in pages if f"]({page})" not in index] == []
