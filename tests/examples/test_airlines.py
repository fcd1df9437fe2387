"""The engine's year of bills against the oracle's, to the cent; proof that the comparison would notice."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from examples.airlines.comparison import Invoice, differences
from examples.airlines.oracle import Bills
from examples.airlines.price_list import PRICES

SHOWN_DIFFERENCES = 20


def assert_equal_to_the_cent(invoices: Iterable[Invoice], owed: Bills) -> None:
    """Every airline's every month is billed once, each line, the tax and the total as owed."""
    found = differences(invoices, owed)
    assert not found, f"{len(found)} differences:\n" + "\n".join(found[:SHOWN_DIFFERENCES])


def as_invoices(owed: Bills) -> list[dict[str, Any]]:
    """Bills in the JSON shape of ``clearbill simulate``, as a faultless engine would have written them."""
    return [
        {
            "customer": carrier,
            "number": f"SKY-{seq:06}",
            "lines": [_line(name, cents, month) for name, cents in bill["lines"].items()],
            "tax": _dollars(bill["tax"]),
            "total": _dollars(bill["total"]),
        }
        for seq, ((carrier, month), bill) in enumerate(sorted(owed.items()), start=1)
    ]


def _line(name: str, cents: int, month: str) -> dict[str, Any]:
    price, _, group = name.partition("/")
    # 05:00 UTC is midnight in New York in winter and one o'clock in summer: the same month either way.
    line = {"price": price, "amount": _dollars(cents), "period": {"start": f"{month}-01T05:00:00Z"}}
    return line | ({"group": {"origin": group}} if group else {})


def _dollars(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


def test_the_price_list_and_the_oracle_have_the_same_prices(owed: Bills) -> None:
    names = {name.partition("/")[0] for bill in owed.values() for name in bill["lines"]}
    assert names == {price["code"] for price in PRICES}


def test_right_invoices_show_no_difference(owed: Bills) -> None:
    assert_equal_to_the_cent(as_invoices(owed), owed)


def test_lines_of_zero_may_be_left_out(owed: Bills) -> None:
    invoices = as_invoices(owed)
    for invoice in invoices:
        invoice["lines"] = [line for line in invoice["lines"] if line["amount"] != "0.00"]
    assert_equal_to_the_cent(invoices, owed)


def _one_cent_more_on_a_line(invoices: list[dict[str, Any]]) -> None:
    invoices[0]["lines"][0]["amount"] = "999999.99"


def _group_swapped(invoices: list[dict[str, Any]]) -> None:
    next(line for line in invoices[0]["lines"] if "group" in line)["group"] = {"origin": "CDG"}


def _other_tax(invoices: list[dict[str, Any]]) -> None:
    invoices[0]["tax"] = "0.01"


def _other_total(invoices: list[dict[str, Any]]) -> None:
    invoices[0]["total"] = "0.01"


def _invoice_lost(invoices: list[dict[str, Any]]) -> None:
    del invoices[0]


def _invoice_twice(invoices: list[dict[str, Any]]) -> None:
    invoices.append(invoices[0])


def _invoice_of_nobody(invoices: list[dict[str, Any]]) -> None:
    invoices.append(invoices[0] | {"customer": "XX"})


def _line_of_another_month(invoices: list[dict[str, Any]]) -> None:
    invoices[0]["lines"][0]["period"] = {"start": "2013-02-01T04:59:59Z"}
    invoices[0]["lines"][1]["period"] = {"start": "2013-02-01T05:00:00Z"}


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_one_cent_more_on_a_line, "billed 99999999 cents"),
        (_group_swapped, "departures/CDG: billed"),
        (_other_tax, "tax: billed 1 cents"),
        (_other_total, "total: billed 1 cents"),
        (_invoice_lost, "9E 2013-01: no invoice"),
        (_invoice_twice, "9E 2013-01 (SKY-000001): billed a second time"),
        (_invoice_of_nobody, "XX 2013-01 (SKY-000001): no bill was expected"),
        (_line_of_another_month, "9E 2013-01+2013-02 (SKY-000001): no bill was expected"),
    ],
)
def test_a_wrong_invoice_is_named(owed: Bills, spoil: Callable[[list[dict[str, Any]]], None], says: str) -> None:
    invoices = as_invoices(owed)
    spoil(invoices)
    assert any(says in difference for difference in differences(invoices, owed))
