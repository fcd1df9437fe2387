"""The engine bills a year of real flights, and every cent of it is what plain SQL says, outside of the engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from examples.airlines.comparison import differences
from examples.airlines.oracle import Bills

LONGEST_BILL_RUNS_S = 15.0  # the promise is 5 s on an idle machine; a test shares its cores


@pytest.fixture
def played(database: str, archive: Path) -> Any:
    """The example, played in a database of its own; without PDFs, which have tests of their own."""
    from clearbill.cli.example import play

    return play(console=Console(quiet=True), with_pdfs=False)


def invoices_of(seller_id: Any) -> list[dict[str, Any]]:
    """All invoices in the shape of ``clearbill simulate``, straight from the rows."""
    from clearbill.billing.queries.invoices import InvoiceFilter, invoices, lines_of
    from clearbill.core.money import format_minor
    from clearbill.scope.clock import wall_clock
    from clearbill.scope.seller import seller_scope

    with seller_scope(seller_id):
        return [
            {
                "customer": row.customer.external_id,
                "number": row.number,
                "tax": format_minor(row.tax_minor, "USD"),
                "total": format_minor(row.total_minor, "USD"),
                "lines": [
                    {
                        "price": line.price.code,
                        "group": json.loads(line.group),
                        "amount": format_minor(line.amount_minor, "USD"),
                        "period": {"start": line.period_start.isoformat()},
                    }
                    for line in lines_of(row.id)
                ],
            }
            for row in invoices(InvoiceFilter(), at=wall_clock(), limit=1000)
        ]


def test_a_year_of_airlines_is_billed_to_the_cent_and_a_second_play_changes_nothing(played: Any, owed: Bills) -> None:
    from clearbill.billing.queries.verify import verify_all
    from clearbill.cli.example import play
    from clearbill.ledger.queries import balances
    from clearbill.scope.seller import seller_scope

    billed = invoices_of(played.seller_id)
    assert len(billed) == 192
    assert differences(billed, owed) == []
    assert played.usage_rows == 336_776
    assert played.seconds["12 bill runs"] < LONGEST_BILL_RUNS_S

    play(console=Console(quiet=True), with_pdfs=False)

    assert invoices_of(played.seller_id) == billed
    with seller_scope(played.seller_id):
        assert [each.number for each in verify_all() if each.difference] == []
        owing = balances()
    assert owing[("receivable", "USD")] == sum(bill["total"] for bill in owed.values())
    assert sum(owing.values()) == 0
