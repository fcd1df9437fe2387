"""``clearbill simulate FILE``: the command line of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from clearbill.cli.stops import WRONG_INPUT, Stopped

if TYPE_CHECKING:
    from collections.abc import Callable

    from clearbill.cli.simulate.scenario import Scenario

PLAY_FAILED = 1
INTERRUPTED = 130
_ENDINGS = (".yaml", ".yml")


@dataclass(slots=True, kw_only=True)
class _Wish:
    """What was asked for on the command line. ``in_folder`` says that documents carry their file's name."""

    output: str
    until: datetime | None
    in_folder: bool
    status: int = 0


@click.command("simulate")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--format", "output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--until", "until_text", default=None, metavar="INSTANT", help="Such as 2025-01-01T00:00:00Z.")
def command(path: Path, output: str, until_text: str | None) -> None:
    """Play the scenario in FILE, or all of a FOLDER, in a throw-away database, and show what came of it."""
    import django
    from psycopg import Error as DatabaseProblem

    from clearbill.localdb import LocalDatabaseError

    django.setup()
    wish = _Wish(output=output, until=_until(until_text), in_folder=path.is_dir())
    scenarios = {file: scenario for file in _files(path) if (scenario := _read(file, wish)) is not None}
    try:
        if scenarios:
            _play_all(scenarios, wish)
    except (LocalDatabaseError, DatabaseProblem, OSError) as problem:
        raise Stopped(str(problem).strip()) from None
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    raise SystemExit(wish.status)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.iterdir() if file.suffix in _ENDINGS and file.is_file())
    if not files:
        from django.utils.translation import gettext as _

        raise click.UsageError(_("There is no scenario (*.yaml) in {path}.").format(path=path))
    return files


def _until(text: str | None) -> datetime | None:
    if text is None:
        return None
    from clearbill.cli.simulate.parse import ScenarioError, read_instant, read_yaml

    try:
        return read_instant(read_yaml(text))
    except ScenarioError as problem:
        raise click.BadParameter(problem.message("--until"), param_hint="--until") from None


def _read(file: Path, wish: _Wish) -> Scenario | None:
    from clearbill.cli.simulate.parse import ScenarioError
    from clearbill.cli.simulate.scenario import read_file

    try:
        return read_file(file, until=wish.until)
    except ScenarioError as problem:
        click.echo(problem.message(str(file)), err=True)
    except OSError as problem:
        click.echo(f"{file}: {problem.strerror}", err=True)
    wish.status = WRONG_INPUT
    return None


def _play_all(scenarios: dict[Path, Scenario], wish: _Wish) -> None:
    from django.conf import settings

    from clearbill.cli.simulate.throwaway import throwaway_database

    with _progress(len(scenarios)) as report, throwaway_database(settings.CLEARBILL, told=report.told):
        for file, scenario in scenarios.items():
            report.begin(file.name)
            _play(file, scenario, wish, progress=report.part)


def _play(file: Path, scenario: Scenario, wish: _Wish, *, progress: Callable[[float], None]) -> None:
    from clearbill.cli.simulate import report_json, report_text
    from clearbill.cli.simulate.play import play
    from clearbill.core.errors import ClearbillError

    try:
        found = report_json.document(scenario, play(scenario, progress=progress))
    except ClearbillError as problem:
        click.echo(f"{file}: {problem}", err=True)
        wish.status = wish.status or PLAY_FAILED
        return
    if wish.output == "text":
        report_text.print_report(found, title=file.name)
    elif wish.in_folder:
        click.echo(report_json.one_line({"file": file.name, **found}))
    else:
        click.echo(report_json.pretty(found))


@dataclass(slots=True)
class _Report:
    """What the progress bar is told; without a terminal, nobody listens."""

    told: Callable[[str], None]
    begin: Callable[[str], None]
    part: Callable[[float], None]


@contextmanager
def _progress(count: int) -> Iterator[_Report]:
    """A bar on standard error over all scenarios, when that's a terminal."""
    if not sys.stderr.isatty():
        yield _Report(lambda _step: None, lambda _name: None, lambda _part: None)
        return
    from django.utils.translation import gettext as _
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:<24}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(_("Database"), total=count)
        done = -1

        def begin(name: str) -> None:
            nonlocal done
            done += 1
            bar.update(task, description=name, completed=done)

        yield _Report(
            lambda _step: bar.update(task, description=_("New database")),
            begin,
            lambda part: bar.update(task, completed=max(done, 0) + part),
        )
