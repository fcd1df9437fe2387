"""Golden scenarios: each file of ``tests/golden`` says in comments what must come out and why, as an accountant would.

``clearbill simulate tests/golden/NAME.yaml --format json > tests/golden/NAME.json`` writes a new answer; before it's kept,
every number of it that changed is worked out by hand.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from clearbill.cli.simulate.play import play
from clearbill.cli.simulate.report_json import document, pretty
from clearbill.cli.simulate.scenario import read_file

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
FILES = sorted(GOLDEN.glob("*.yaml"))
KEYS = [
    "invoices",
    "credit_notes",
    "payments",
    "refunds",
    "disputes",
    "messages",
    "cases",
    "subscriptions",
    "balances",
    "journal",
    "refusals",
]

Document = dict[str, Any]


def golden(path: Path) -> Document:
    found: Document = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    return found


def total(rows: list[Document], *names: str) -> Decimal:
    return sum((Decimal(row[names[0]]) - sum(Decimal(row[name]) for name in names[1:]) for row in rows), Decimal(0))


def test_there_are_golden_scenarios() -> None:
    assert len(FILES) >= 12
    assert sorted(path.stem for path in GOLDEN.glob("*.json")) == [path.stem for path in FILES]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_golden_scenario_gives_its_document_byte_for_byte(path: Path, database: str) -> None:
    scenario = read_file(path)
    assert pretty(document(scenario, play(scenario))) + "\n" == path.with_suffix(".json").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_sums_hold_on_every_golden_document(path: Path) -> None:
    found = golden(path)
    assert list(found) == KEYS
    for invoice in found["invoices"]:
        assert total(invoice["lines"], "amount", "discount") == Decimal(invoice["subtotal"])
        assert total(invoice["lines"], "tax") == Decimal(invoice["tax"]) == total(invoice["taxes"], "amount")
        assert Decimal(invoice["subtotal"]) + Decimal(invoice["tax"]) == Decimal(invoice["total"])
        credit = Decimal(invoice["prepaid_credit"]) + Decimal(invoice["account_credit"])
        assert Decimal(invoice["total"]) - credit == Decimal(invoice["amount_due"]) >= 0
        assert [line["line"] for line in invoice["lines"]] == list(range(1, len(invoice["lines"]) + 1))
        notes = [note for note in found["credit_notes"] if note["invoice"] == invoice["order"]]
        assert total(notes, "total") <= Decimal(invoice["total"])
        assert (invoice["status"] == "paid") == (total(notes, "total") == Decimal(invoice["total"]))
    for note in found["credit_notes"]:
        assert total(note["lines"], "amount", "discount") == Decimal(note["subtotal"])
        assert Decimal(note["subtotal"]) + Decimal(note["tax"]) == Decimal(note["total"])
        assert Decimal(note["credited"]) + Decimal(note["refunded"]) == Decimal(note["total"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_books_of_every_golden_document_balance_and_agree_with_its_invoices(path: Path) -> None:
    found = golden(path)
    accounts: dict[tuple[str, str], Decimal] = {}
    for row in found["journal"]:
        sides = [
            (entry["account"], Decimal(entry.get("debit", 0)) - Decimal(entry.get("credit", 0)))
            for entry in row["entries"]
        ]
        assert sum(amount for _account, amount in sides) == 0
        for account, amount in sides:
            key = (account, row["currency"])
            accounts[key] = accounts.get(key, Decimal(0)) + amount
    assert [row["at"] for row in found["journal"]] == sorted(row["at"] for row in found["journal"])
    for currency in {invoice["currency"] for invoice in found["invoices"]}:
        invoices = [row for row in found["invoices"] if row["currency"] == currency]
        notes = [row for row in found["credit_notes"] if row["currency"] == currency]
        open_total = total(invoices, "total") - total(notes, "total")
        of_customers = [each[currency] for each in found["balances"].values() if currency in each]
        assert accounts.get(("receivable", currency), Decimal(0)) == open_total == total(of_customers, "receivable")
        earned = sum(-amount for (account, of), amount in accounts.items() if (account, of) == ("revenue", currency))
        deferred = -accounts.get(("deferred_revenue", currency), Decimal(0))
        assert earned + deferred == total(invoices, "subtotal") - total(notes, "subtotal")
        assert deferred >= 0
