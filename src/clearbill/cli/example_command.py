"""``clearbill example``: the command; what it does is in ``example``."""

from __future__ import annotations

import click

from clearbill.cli.stops import Stopped


@click.command("example")
@click.option("--without-pdfs", is_flag=True, help="Make the bills, not their PDFs.")
def command(without_pdfs: bool) -> None:
    """Bill 16 airlines for the year 2013 from 336,776 real flights."""
    from django.conf import settings
    from rich.console import Console

    from clearbill.cli.example import ExampleUnavailable, play, summary
    from clearbill.cli.migrate import migrate

    console = Console()
    migrate()
    try:
        played = play(console=console, with_pdfs=not without_pdfs)
    except ExampleUnavailable as problem:
        raise Stopped(str(problem)) from None
    summary(played, console=console, public_url=settings.CLEARBILL.public_url)
