"""``clearbill``: the commands, each loaded when it's called, so that ``clearbill --help`` answers at once.

A wrong setting, a refusal and a database that can't be had end a command with one sentence and exit code 2; a file that
the system doesn't give, with exit code 1.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from copy import copy
from importlib import import_module
from typing import Any, NamedTuple

import click

from clearbill import __version__
from clearbill.cli.stops import FAILURE, WRONG_INPUT
from clearbill.conf.config import ConfigurationError
from clearbill.core.errors import Refusal


class Place(NamedTuple):
    """Where a command is, what it does in one line, and whether it needs the database."""

    target: str
    purpose: str
    database: bool = True


COMMANDS = {
    "run": Place(
        "clearbill.cli.run:command",
        "Start everything: database, web, worker, mail box, sandbox gateway.",
        database=False,
    ),
    "web": Place("clearbill.cli.web:command", "Start the web server alone."),
    "worker": Place("clearbill.cli.worker:command", "Start a worker with its scheduler alone."),
    "migrate": Place("clearbill.cli.migrate:command", "Bring the database up to this version."),
    "check": Place("clearbill.cli.check:command", "Say what is missing for production."),
    "create-owner": Place("clearbill.cli.create_owner:command", "Make a company and its first person."),
    "import": Place("clearbill.cli.import_command:command", "Import customers, catalogue, subscriptions or usage."),
    "bill": Place("clearbill.cli.bill:command", "Bill what is due now."),
    "verify": Place("clearbill.cli.verify:command", "Recompute invoices and compare every amount."),
    "simulate": Place(
        "clearbill.cli.simulate.command:command", "Play a scenario and print what comes out.", database=False
    ),
    "example": Place("clearbill.cli.example_command:command", "Bill 16 airlines for a year of real flights."),
    "mailbox": Place("clearbill.cli.mailbox:command", "Start the mail box for development alone.", database=False),
    "sandbox": Place("clearbill.cli.sandbox:command", "Start the sandbox gateway alone.", database=False),
}


class _Commands(click.Group):
    """Knows the commands' names without importing them."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        place = COMMANDS.get(name)
        return None if place is None else load(place)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, place.purpose) for name, place in COMMANDS.items()])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="clearbill")
def commands() -> None:
    """The billing desk of a SaaS company: meters, bills, collects, explains and supports."""


def main() -> None:
    """The program's entry."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clearbill.conf.settings")
    try:
        commands(prog_name="clearbill")
    except ConfigurationError as problem:
        click.echo(str(problem), err=True)
    except Refusal as refusal:
        click.echo(refusal.sentence, err=True)
    except OSError as problem:
        if problem.filename is None or problem.strerror is None:
            raise  # nothing that a person could set right by looking at a file
        click.echo(f"{os.fsdecode(problem.filename)}: {problem.strerror}.", err=True)
        sys.exit(FAILURE)
    else:
        return
    sys.exit(WRONG_INPUT)


def load(place: Place) -> click.Command:
    """The command itself; the database is opened around it when it's called, not when its help is shown."""
    module, _, name = place.target.partition(":")
    command: click.Command = copy(getattr(import_module(module), name))
    if place.database and command.callback is not None:
        command.callback = _with_database(command.callback)
    return command


def _with_database(callback: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(callback)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        from clearbill.cli.database import open_database

        with open_database():
            return callback(*arguments, **options)

    return wrapped


if __name__ == "__main__":
    main()
