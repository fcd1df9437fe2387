"""Holds the engine's invoices against the oracle's bills. Reads both as data; works nothing out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from examples.airlines.oracle import Bill, Bills

NEW_YORK = ZoneInfo("America/New_York")

Invoice = Mapping[str, Any]


def differences(invoices: Iterable[Invoice], owed: Bills) -> list[str]:
    """Where invoices (in the JSON shape of ``clearbill simulate``) and ``owed`` disagree, a line each.

    An invoice's month is that of its lines' periods in New York. Lines of zero are not compared: an airline
    that didn't fly may have such lines or none.
    """
    found: list[str] = []
    seen: set[tuple[str, str]] = set()
    for invoice in invoices:
        key = (invoice["customer"], "+".join(sorted({_local_month(line) for line in invoice["lines"]})))
        where = f"{key[0]} {key[1]} ({invoice['number']})"
        if key in seen:
            found.append(f"{where}: billed a second time")
        elif key not in owed:
            found.append(f"{where}: no bill was expected")
        else:
            found += _bill_differences(where, bill_of(invoice), owed[key])
        seen.add(key)
    return found + [f"{carrier} {month}: no invoice" for carrier, month in sorted(owed.keys() - seen)]


def bill_of(invoice: Invoice) -> Bill:
    """The invoice in the oracle's terms. ``group`` may be ``"EWR"`` or ``{"origin": "EWR"}``."""
    lines: dict[str, int] = {}
    for line in invoice["lines"]:
        group = line.get("group") or ()
        names = group.values() if isinstance(group, Mapping) else [group] if isinstance(group, str) else group
        name = "/".join([line["price"], *names])
        lines[name] = lines.get(name, 0) + _cents(line["amount"])
    return {"lines": lines, "tax": _cents(invoice["tax"]), "total": _cents(invoice["total"])}


def _bill_differences(where: str, billed: Bill, owed: Bill) -> list[str]:
    names = sorted(owed["lines"].keys() | billed["lines"].keys())
    rows = [(name, billed["lines"].get(name, 0), owed["lines"].get(name, 0)) for name in names]
    rows += [("tax", billed["tax"], owed["tax"]), ("total", billed["total"], owed["total"])]
    return [f"{where}, {name}: billed {got} cents, owed {want}" for name, got, want in rows if got != want]


def _cents(amount: str) -> int:
    whole, _, part = amount.partition(".")
    if len(part) != 2:
        raise ValueError(f"“{amount}” isn't an amount in dollars and cents")
    return int(whole + part)


def _local_month(line: Mapping[str, Any]) -> str:
    return datetime.fromisoformat(line["period"]["start"]).astimezone(NEW_YORK).strftime("%Y-%m")
