"""``clearbill bill``: do what is due now, without waiting for a worker. Mail goes out when a worker runs."""

from __future__ import annotations

from datetime import datetime

import click

from clearbill.cli.chosen import Instant, chosen_seller, chosen_sellers


@click.command("bill")
@click.option("--seller", help="Id or name of one seller; all of them without it.")
@click.option("--until", type=Instant(), help="Moves the clock of a test seller to this instant, and bills up to it.")
def command(seller: str | None, until: datetime | None) -> None:
    """Bill everything that's due."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from clearbill.billing.actions.tick import move_clock, tick
    from clearbill.scope.clock import clock_of

    sellers = chosen_sellers(seller) if until is None else [chosen_seller(seller)]
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed}"), TimeElapsedColumn())
    invoices = parked = 0
    with Progress(*columns, console=Console(stderr=True)) as bar:
        for each in sellers:
            task = bar.add_task(f"Billing {each.name} ({'test' if each.is_test else 'live'})", total=None)

            def advance(done: int, task: object = task) -> None:
                bar.advance(task, done)  # type: ignore[arg-type]

            if until is None:
                report = tick(each.id, at=clock_of(each), progress=advance)
            else:
                report = move_clock(each.id, to=until, actor="cli", progress=advance)
            invoices += report.invoices
            parked += report.parked
    click.echo(f"{invoices} invoices made final.")
    if parked:
        click.echo(f"{parked} customers couldn't be billed and wait for a person: see the console.", err=True)
        raise SystemExit(1)
