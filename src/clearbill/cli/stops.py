"""How a command ends when something isn't as it must be: one sentence on stderr, no traceback, and an exit code."""

from __future__ import annotations

from typing import IO, Any

import click

FAILURE = 1
WRONG_INPUT = 2


class Stopped(click.ClickException):
    """A command can't go on; the message says why and what to do."""

    exit_code = WRONG_INPUT

    def show(self, file: IO[Any] | None = None) -> None:
        """The sentence as it is."""
        click.echo(self.message, err=True, file=file)


class Failed(Stopped):
    """What was asked for is in order, and yet it can't be done."""

    exit_code = FAILURE
