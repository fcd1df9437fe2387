"""``clearbill import``: the command; what it does is in ``imports``."""

from __future__ import annotations

from pathlib import Path

import click

from clearbill.cli.chosen import chosen_seller

KINDS = ("customers", "catalogue", "subscriptions", "usage")


@click.command("import")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--seller", help="Id or name of the seller; needed when there are several.")
@click.option("--again", is_flag=True, help="Begin anew with a file that was imported before; harmless.")
def command(kind: str, file: Path, seller: str | None, again: bool) -> None:
    """Import FILE (CSV or JSON lines). Nothing is lost or counted twice when it's run again.

    Refused rows go to FILE.rejected.csv, with their line and the reason; then the exit code is 1.
    """
    from rich.console import Console

    from clearbill.cli.imports import run_import
    from clearbill.scope.clock import clock_of, wall_clock

    chosen = chosen_seller(seller)
    at = wall_clock() if kind == "usage" else clock_of(chosen)
    done = run_import(kind, file, seller_id=chosen.id, at=at, console=Console(stderr=True), again=again)
    if done.done_before:
        click.echo("This file was imported before. --again begins anew.")
    click.echo(f"{done.rows} rows: {done.accepted} accepted, {done.duplicate} known already, {done.rejected} refused.")
    if done.rejected_path is not None:
        click.echo(f"Refused rows, with the reason of each: {done.rejected_path}", err=True)
        raise SystemExit(1)
