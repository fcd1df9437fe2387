"""``clearbill verify``: recompute final invoices from what was recorded with them, and compare every amount."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from clearbill.cli.chosen import chosen_sellers
from clearbill.cli.stops import Stopped

if TYPE_CHECKING:
    from clearbill.billing.queries.verify import Verified
    from clearbill.sellers.models import Seller

MAX_SHOWN = 20


@click.command("verify")
@click.argument("numbers", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All invoices.")
@click.option("--seller", help="Id or name of one seller; all of them without it.")
def command(numbers: tuple[str, ...], every: bool, seller: str | None) -> None:
    """Recompute the invoices NUMBERS, or --all; the exit code is 1 when one comes out differently."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    if bool(numbers) == every:
        raise Stopped("Name the invoices to verify, or say --all.")
    sellers = chosen_sellers(seller)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    verified: set[str] = set()
    wrong = done = 0
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("Verifying", total=len(numbers) or _count(sellers))
        for each in _verified(sellers, numbers):
            done += 1
            verified.add(each.number)
            bar.advance(task)
            if each.difference is not None:
                wrong += 1
                if wrong <= MAX_SHOWN:
                    bar.console.print(_told(each), markup=False, soft_wrap=True)
    missing = sorted(set(numbers) - verified)
    if missing:
        raise Stopped(f"There is no invoice {', '.join(missing)}.")
    click.echo(f"{done} invoices verified, {wrong} of them differ.")
    if wrong:
        raise SystemExit(1)


def _count(sellers: list[Seller]) -> int:
    from clearbill.billing.queries.verify import count_invoices
    from clearbill.scope.seller import seller_scope

    total = 0
    for each in sellers:
        with seller_scope(each.id):
            total += count_invoices()
    return total


def _verified(sellers: list[Seller], numbers: tuple[str, ...]) -> Iterator[Verified]:
    from clearbill.billing.queries.verify import verify_all, verify_numbers
    from clearbill.scope.seller import seller_scope

    for each in sellers:
        with seller_scope(each.id):
            yield from verify_numbers(list(numbers)) if numbers else verify_all()


def _told(verified: Verified) -> str:
    found = verified.difference
    assert found is not None
    return f"{found.number}: {found.where}\n  stored      {found.stored}\n  recomputed  {found.recomputed}"
