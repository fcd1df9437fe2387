"""The documents say what is there: settings, commands, policies, make targets, links."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from clearbill.cli.main import COMMANDS
from clearbill.conf.config import PREFIX, Configuration
from clearbill.core.policy import CHOICES, DEFAULTS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")


def names(page: Path) -> str:
    return str(page.relative_to(ROOT))


def test_there_are_pages() -> None:
    assert {"README.md", "README.zh-Hans.md", "CHANGELOG.md", "docs/README.md"} <= {names(page) for page in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_every_link_inside_the_repository_leads_somewhere(page: Path) -> None:
    targets = [link.partition("#")[0] for link in LINK.findall(page.read_text(encoding="utf-8"))]
    inside = [target for target in targets if target and not re.match(r"[a-z]+:", target)]
    assert [target for target in inside if not (page.parent / target).exists()] == []


def test_every_setting_is_explained_and_no_other() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    explained = re.findall(rf"^\| `{PREFIX}([A-Z_]+)` \|", text, re.MULTILINE)
    assert sorted(explained) == sorted(name.upper() for name in Configuration.__dataclass_fields__)


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
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    wanted = re.findall(r"(?:`|\$ |^    )make ([a-z]+)", text, re.MULTILINE)
    commands = re.findall(r"(?:`|\$ |^    )clearbill ([a-z-]+)", text, re.MULTILINE)
    assert [each for each in wanted if each not in targets] == []
    assert [each for each in commands if each not in COMMANDS] == []


def test_every_decision_is_in_the_index() -> None:
    index = (ROOT / "docs" / "adr" / "README.md").read_text(encoding="utf-8")
    decisions = sorted(page.name for page in (ROOT / "docs" / "adr").glob("[0-9]*.md"))
    assert re.findall(r"\]\((\d{4}-[^)]+)\)", index) == decisions


def test_every_page_of_the_docs_is_in_their_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = sorted(page.name for page in (ROOT / "docs").glob("*.md") if page.name != "README.md")
    assert [page for page in pages if f"]({page})" not in index] == []
