"""The house rules, applied to everything that stands in it. `docs/style.md` says why they are there."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from pathlib import Path

import pytest
from sentences import MARKERS, refusals

from tests.architecture import rules

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / "clearbill"
NOT_OURS = {".hypothesis", ".git", ".venv", ".clearbill", "__pycache__", "build", "dist"}
TEXTS = {"", ".cfg", ".css", ".csv", ".html", ".in", ".js", ".json", ".md", ".po", ".py", ".sh", ".sql"}
TEXTS |= {".svg", ".toml", ".txt", ".typ", ".yaml", ".yml"}

MODULE_LINES, MODULE_LIMIT = 300, 500
FUNCTION_LINES, FUNCTION_LIMIT = 40, 70
BAD_NAMES = re.compile(r"(^|_)(utils?|helpers?|managers?|services?|base|common)$")
# A database backend of Django's is found by this name.
NAMED_BY_DJANGO = {SRC / "scope" / "backend" / "base.py"}
# The instant is read where a request, a command or a waking job comes in, and passed on from there.
READS_THE_CLOCK = ("scope/clock.py", "web/", "cli/", "outbox/jobs")
MONEY_ROOMS = ("core", "billing", "ledger", "pricing")

Rule = Callable[[ast.Module], Iterator[str]]


@cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(), filename=str(file))


@cache
def python_files() -> tuple[Path, ...]:
    files = tuple(file for file in sorted(SRC.rglob("*.py")) if "migrations" not in file.parts)
    assert len(files) > 20, "the sources have moved away from these rules"
    return files


def files_in(*rooms: str) -> list[Path]:
    files = [file for file in python_files() if file.relative_to(SRC).parts[0] in rooms]
    assert files, f"no room of {rooms} has a module"
    return files


def written_files() -> list[Path]:
    """What is or could be committed; found without git, which need not be there."""
    return [
        file
        for file in sorted(ROOT.rglob("*"))
        if file.suffix in TEXTS and file.is_file() and is_ours(file.relative_to(ROOT))
    ]


def is_ours(path: Path) -> bool:
    cache_folder = any(part.endswith(("_cache", ".egg-info")) for part in path.parts)
    return not (NOT_OURS & set(path.parts) or cache_folder or path.name.startswith((".env", ".coverage")))


def breaches(rule: Rule, files: Iterable[Path]) -> list[str]:
    return [f"{file.relative_to(ROOT)}:{breach}" for file in files for breach in rule(tree_of(file))]


def breaches_in_texts(rule: Callable[[str], Iterator[str]], files: Iterable[Path]) -> list[str]:
    return [f"{file.relative_to(ROOT)}:{breach}" for file in files for breach in rule(file.read_text())]


def test_rooms_import_only_what_lies_below_them() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout


def test_no_module_is_longer_than_a_person_reads() -> None:
    lengths = {file: len(file.read_text().splitlines()) for file in python_files()}
    for file, length in lengths.items():
        if MODULE_LINES < length <= MODULE_LIMIT:
            warnings.warn(f"{file.relative_to(ROOT)} has {length} lines", stacklevel=1)
    assert [f"{file}: {length}" for file, length in lengths.items() if length > MODULE_LIMIT] == []


def test_no_function_is_longer_than_a_screen() -> None:
    for breach in breaches(partial(rules.long_functions, limit=FUNCTION_LINES), python_files()):
        warnings.warn(breach, stacklevel=1)
    assert breaches(partial(rules.long_functions, limit=FUNCTION_LIMIT), python_files()) == []


def test_money_is_never_a_float() -> None:
    assert breaches(rules.floats, files_in(*MONEY_ROOMS)) == []


def test_the_clock_is_read_only_where_a_request_comes_in() -> None:
    below = [file for file in python_files() if not at_the_edge(file)]
    assert breaches(rules.clock_reads, below) == []


def at_the_edge(file: Path) -> bool:
    return file.relative_to(SRC).as_posix().startswith(READS_THE_CLOCK)


def test_no_column_fills_itself_with_the_time() -> None:
    migrations = SRC.rglob("migrations/*.py")
    assert breaches(rules.clock_defaults, [*python_files(), *migrations]) == []


def test_no_error_is_swallowed() -> None:
    ours = [*python_files(), *(ROOT / "tools").glob("*.py"), *(ROOT / "tests").rglob("*.py")]
    assert breaches(rules.swallowed_errors, ours) == []


def test_core_says_what_its_public_names_are_for() -> None:
    assert breaches(rules.missing_docstrings, files_in("core")) == []


def test_every_module_says_what_lives_in_it() -> None:
    assert breaches(rules.missing_module_docstring, python_files()) == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    named = [*python_files(), *(ROOT / "tools").glob("*.py"), *(ROOT / "tests").rglob("*.py")]
    vague = [file for file in named if BAD_NAMES.search(file.stem) and file not in NAMED_BY_DJANGO]
    assert vague == []


def test_every_refusal_can_be_translated() -> None:
    kinds = refusals(list(python_files()))
    assert "Unacceptable" in kinds
    assert breaches(partial(rules.unworded_refusals, refusals=kinds), python_files()) == []
    assert breaches(partial(rules.formatted_sentences, markers=set(MARKERS)), python_files()) == []


def test_pages_hold_nothing_that_the_content_security_policy_blocks() -> None:
    pages = [file for file in SRC.rglob("*.html") if "mail" not in file.relative_to(SRC).parts]
    assert pages
    assert breaches_in_texts(rules.blocked_by_csp, pages) == []
    assert breaches(rules.blocked_by_csp_in_code, files_in("web")) == []


def test_nothing_names_a_package_index_or_somebodys_machine() -> None:
    files = written_files()
    assert ROOT / "pyproject.toml" in files
    assert breaches_in_texts(rules.places_of_ours, files) == []


def test_nothing_is_left_to_do_without_an_issue() -> None:
    assert breaches_in_texts(rules.left_to_do, [*python_files(), *SRC.rglob("*.html")]) == []


@pytest.mark.parametrize("name", ["run", "dev", "lock"])
def test_every_dependency_is_locked_with_its_hash(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    assert "==" in text
    assert list(rules.unlocked_requirements(text)) == []


def test_the_readme_begins_with_the_two_commands() -> None:
    first_screen = "\n".join((ROOT / "README.md").read_text().splitlines()[:40])
    assert "make run" in first_screen
    assert "make test" in first_screen


def test_every_test_asserts_something() -> None:
    tests = sorted((ROOT / "tests").rglob("test_*.py"))
    assert Path(__file__).resolve() in tests
    assert breaches(rules.tests_without_assertion, tests) == []
