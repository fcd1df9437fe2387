"""What a person names on the command line: a seller, an instant."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from clearbill.cli.stops import Stopped

if TYPE_CHECKING:
    from clearbill.sellers.models import Seller


class Instant(click.ParamType):
    """An instant with its offset, such as 2025-02-01T00:00Z; without one it could mean several."""

    name = "instant"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The instant of a text."""
        if isinstance(value, datetime):
            return value
        try:
            found = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"“{value}” is not an instant; write it like 2025-02-01T00:00Z.", param, ctx)
        if found.tzinfo is None:
            self.fail(f"“{value}” has no offset; write it like 2025-02-01T00:00Z or …+08:00.", param, ctx)
        return found


def chosen_sellers(wanted: str | None) -> list[Seller]:
    """The seller of this id or name; all of them when none is named. Raises Stopped when nobody is meant."""
    from clearbill.scope.ids import show_id
    from clearbill.sellers.queries import all_sellers

    _refuse_unmigrated()
    sellers = all_sellers()
    if not sellers:
        raise Stopped("There is no seller yet. Make one with `clearbill create-owner`.")
    if wanted is None:
        return sellers
    found = [seller for seller in sellers if wanted in (show_id("seller", seller.id), str(seller.id), seller.name)]
    if not found:
        raise Stopped(f"There is no seller “{wanted}”. There are:\n{_listed(sellers)}")
    return found


def chosen_seller(wanted: str | None) -> Seller:
    """The one seller that's meant. Raises Stopped when it could be several."""
    found = chosen_sellers(wanted)
    if len(found) > 1:
        raise Stopped(f"Several sellers could be meant; name one by its id with --seller. There are:\n{_listed(found)}")
    return found[0]


def _listed(sellers: list[Seller]) -> str:
    from clearbill.scope.ids import show_id

    return "\n".join(
        f"  {show_id('seller', seller.id)}  {seller.name} ({'test' if seller.is_test else 'live'})"
        for seller in sellers
    )


def _refuse_unmigrated() -> None:
    """Raises Stopped when the database has no tables of ours yet."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('sellers_seller') IS NULL")
        if cursor.fetchone()[0]:
            raise Stopped(
                "The database isn't set up yet. Run “clearbill migrate”, or “clearbill run” for a first look."
            )
