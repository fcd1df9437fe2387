"""`make test` and `make nightly`: which tests run how, and what counts as having been run.

Arguments after the mode go to pytest as they are, and then only pytest runs, without the coverage gate.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from browser import find_or_get_browser
from steps import PYTHON, ROOT, Step, run_steps, stop_tidily

REPORTS = ROOT / ".clearbill" / "reports"
COVERAGE = REPORTS / "core.coverage"
CORE_COVERAGE_PERCENT = 95
# The promise is 5 s; a loaded machine gets as much again before it is called a failure.
CORE_LIMIT_S = 10
OLDEST_POSTGRESQL = Path("/usr/lib/postgresql/15/bin")
OLDEST = {"CLEARBILL_TEST_PG_BIN": str(OLDEST_POSTGRESQL)}
# The rooms whose statements and walls could differ between versions of PostgreSQL; `make nightly` takes them all.
NEAR_SQL = tuple(f"tests/{room}" for room in ("scope", "sellers", "customers", "pricing", "mail", "billing"))
WORKERS = max(2, min(4, os.cpu_count() or 2))
SPREAD = ("-n", str(WORKERS), "--dist", "loadfile")

PYTEST = ("-m", "pytest", "-q")
COVERED = ("-m", "coverage", "run", "--branch", f"--data-file={COVERAGE}", *PYTEST)
GATE = ("-m", "coverage", "report", f"--data-file={COVERAGE}", f"--fail-under={CORE_COVERAGE_PERCENT}")


def main(arguments: list[str]) -> int:
    mode, *passed_on = arguments or ["all"]
    shutil.rmtree(REPORTS, ignore_errors=True)
    REPORTS.mkdir(parents=True)
    in_ci = os.environ.get("CI", "").lower() in ("1", "true", "yes")
    browser = find_or_get_browser()
    environment = {**os.environ, **browser.environment}
    if browser.reason:
        print(f"browser tests: skipped, no Chromium: {browser.reason}", flush=True)
        if in_ci:
            return 1
    if passed_on:
        command = [PYTHON, *PYTEST, *passed_on]
        return subprocess.run(command, cwd=ROOT, env=environment).returncode
    steps = {"all": steps_of_all, "nightly": steps_of_nightly}[mode]()
    if in_ci:
        steps.append(Step(name="every folder of tests ran", check=folder_without_tests))
    return run_steps(steps, environment=environment)


def steps_of_all() -> list[Step]:
    if not (OLDEST_POSTGRESQL / "postgres").exists():
        print("No PostgreSQL 15 here: the database tests run on the embedded one only.", flush=True)
        return steps_on_embedded()
    command = (PYTHON, *PYTEST, *NEAR_SQL, "-m", "database and not slow", *SPREAD, *report("near_sql"))
    return [*steps_on_embedded(), Step(name="tests near SQL, on PostgreSQL 15", command=command, environment=OLDEST)]


def steps_on_embedded() -> list[Step]:
    covered = (*COVERED, "tests/core", *report("core_covered"))
    rest = ("tests", "--ignore=tests/core", "-m", "not slow", *SPREAD)
    return [
        Step(name="core tests, without a database", command=(PYTHON, *PYTEST, "tests/core", *report("core"))),
        Step(name="core tests are quick", check=core_too_slow),
        Step(name="core tests again, measuring coverage", command=(PYTHON, *covered), quiet=True),
        Step(name=f"branch coverage of core: at least {CORE_COVERAGE_PERCENT} %", command=(PYTHON, *GATE)),
        Step(name="all other tests", command=(PYTHON, *PYTEST, *rest, *report("rest"))),
    ]


def steps_of_nightly() -> list[Step]:
    """The slow tests on the embedded PostgreSQL; all that need a database on the oldest supported one."""
    database = (*PYTEST, "tests", "-m", "database", *SPREAD, *report("postgresql15"))
    return [
        *steps_on_embedded(),
        Step(name="slow tests", command=(PYTHON, *PYTEST, "tests", "-m", "slow", *report("slow"))),
        Step(name="PostgreSQL 15 is here", check=oldest_postgresql_missing),
        Step(name="database tests on PostgreSQL 15", command=(PYTHON, *database), environment=OLDEST),
    ]


def report(name: str) -> tuple[str, ...]:
    return (f"--junitxml={REPORTS / name}.xml", "-o", "junit_family=xunit2")


def core_too_slow() -> str | None:
    if not (REPORTS / "core.xml").exists():
        return "The core tests left no report."
    suite = parsed(REPORTS / "core.xml").find("testsuite")
    took = suite.get("time", "0") if suite is not None else "0"
    print(f"{took} s", flush=True)
    if float(took) > CORE_LIMIT_S:
        return f"The core tests took {took} s; they promise 5 s and must not pass {CORE_LIMIT_S} s."
    return None


def folder_without_tests() -> str | None:
    """A folder with test files of which none passed: they were skipped, deselected or never found."""
    folders = {file.parent for file in (ROOT / "tests").rglob("test_*.py")}
    ran = {case.rpartition(".")[0] for case in passed_cases()}
    silent = [
        str(folder.relative_to(ROOT))
        for folder in sorted(folders)
        if ".".join(folder.relative_to(ROOT).parts) not in ran
    ]
    if not folders:
        return "There is no test at all."
    if silent:
        return "No test passed in: " + ", ".join(silent)
    return None


def passed_cases() -> set[str]:
    """The modules, with dots, of all tests that ran to a good end; a class is taken off the name."""
    modules = set()
    for file in REPORTS.glob("*.xml"):
        for case in parsed(file).iter("testcase"):
            if not {child.tag for child in case} & {"skipped", "failure", "error"}:
                name = case.get("classname", "")
                modules.add(name if name.rpartition(".")[2].startswith("test_") else name.rpartition(".")[0])
    return modules


def parsed(file: Path) -> ElementTree.Element:
    return ElementTree.parse(file).getroot()  # noqa: S314 - pytest wrote it a moment ago


def oldest_postgresql_missing() -> str | None:
    if not (OLDEST_POSTGRESQL / "postgres").exists() and os.geteuid() == 0 and shutil.which("apt-get"):
        print("installing Debian's postgresql-15", flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["apt-get", "update", "-q"], ["apt-get", "install", "-y", "-q", "postgresql-15"]):
            subprocess.run(command, env=environment, capture_output=True)
    if (OLDEST_POSTGRESQL / "postgres").exists():
        return None
    return f"{OLDEST_POSTGRESQL} has no PostgreSQL. On Debian 12:  apt-get install postgresql-15"


if __name__ == "__main__":
    stop_tidily(main)
