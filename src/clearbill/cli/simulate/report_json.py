"""The document of a played scenario: every key always present, all lists and members in the order of ``docs/scenarios.md``.

Amounts are decimal strings in major units, quantities have no trailing zeros, instants are UTC. Two runs of a file give
the same bytes.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from clearbill.billing.models import CreditNote, Invoice, InvoiceLine
from clearbill.billing.queries.invoices import InvoiceFilter, credit_notes, document_of, invoices, lines_of
from clearbill.billing.queries.subscriptions import subscription_by_id
from clearbill.cli.simulate.engine import MAX_INVOICES
from clearbill.cli.simulate.play import Played
from clearbill.cli.simulate.scenario import Scenario
from clearbill.core.money import format_minor, plain
from clearbill.core.posting import CUSTOMER_CREDIT, RECEIVABLE
from clearbill.ledger.queries import customer_balances, journal
from clearbill.mail.queries import messages
from clearbill.scope.seller import seller_scope

MESSAGES_PAGE = 500
Document = dict[str, Any]


def document(scenario: Scenario, played: Played) -> Document:
    """What a customer, an accountant and a debt collector would have seen."""
    with seller_scope(played.seller_id):
        rows = list(reversed(invoices(InvoiceFilter(), at=scenario.until, limit=MAX_INVOICES)))
        order = {row.id: number for number, row in enumerate(rows, 1)}
        names = {row_id: name for name, row_id in played.subscriptions.items()}
        notes = sorted(credit_notes(limit=MAX_INVOICES), key=lambda note: (note.issued_at, note.sequence))
        return {
            "invoices": [_invoice(row, order=order[row.id], names=names) for row in rows],
            "credit_notes": [_credit_note(note, order=order[note.invoice_id]) for note in notes],
            "payments": [],
            "refunds": [],
            "disputes": [],
            "messages": _messages(played),
            "cases": [],
            "subscriptions": _subscriptions(scenario, played),
            "balances": _balances(scenario, played),
            "journal": _journal(),
            "refusals": [{"at": instant_text(each.at), "do": each.verb, "code": each.code} for each in played.refusals],
        }


def pretty(found: Document) -> str:
    """The document as one file."""
    return json.dumps(found, ensure_ascii=False, indent=2)


def one_line(found: Document) -> str:
    """The document as one line."""
    return json.dumps(found, ensure_ascii=False)


def instant_text(at: datetime) -> str:
    """RFC 3339, UTC."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _invoice(row: Invoice, *, order: int, names: dict[Any, str]) -> Document:
    currency = row.currency
    account_credit = row.credit_minor
    return {
        "order": order,
        "number": row.number,
        "customer": row.customer.external_id,
        "status": row.state.status,
        "reason": row.reason,
        "issued_at": instant_text(row.issued_at),
        "due_at": instant_text(row.due_at),
        "currency": currency,
        "lines": [_line(line, currency=currency, names=names) for line in lines_of(row.id)],
        "taxes": [
            {"code": tax["code"], "rate": tax["rate"], "base": tax["base"], "amount": tax["amount"]}
            for tax in document_of(row)["taxes"]
        ],
        "subtotal": format_minor(row.subtotal_minor, currency),
        "discount": format_minor(row.discount_minor, currency),
        "tax": format_minor(row.tax_minor, currency),
        "total": format_minor(row.total_minor, currency),
        "prepaid_credit": format_minor(0, currency),
        "account_credit": format_minor(account_credit, currency),
        "amount_due": format_minor(row.total_minor - account_credit, currency),
        "amount_paid": format_minor(row.state.paid_minor, currency),
    }


def _line(line: InvoiceLine, *, currency: str, names: dict[Any, str]) -> Document:
    group = json.loads(line.group)
    return {
        "line": line.line,
        "price": line.price.code if line.price else None,
        "subscription": names.get(line.subscription_id),
        "kind": line.kind,
        **({"group": group} if group else {}),
        "period": _period(line.period_start, line.period_end),
        "quantity": plain(line.quantity),
        "amount": format_minor(line.amount_minor, currency),
        "discount": format_minor(line.discount_minor, currency),
        "tax": format_minor(line.tax_minor, currency),
        "working": [_step(step) for step in json.loads(line.working)],
        "text": line.text,
    }


def _step(step: dict[str, str]) -> dict[str, str]:
    """A step begins with its name and ends with its amount."""
    inner = {name: value for name, value in sorted(step.items()) if name not in ("step", "amount")}
    return {"step": step["step"], **inner, **({"amount": step["amount"]} if "amount" in step else {})}


def _credit_note(note: CreditNote, *, order: int) -> Document:
    found, currency = document_of(note), note.currency
    return {
        "number": note.number,
        "invoice": order,
        "customer": note.customer.external_id,
        "currency": currency,
        "issued_at": instant_text(note.issued_at),
        "lines": [{name: line[name] for name in ("line", "amount", "discount", "tax")} for line in found["lines"]],
        "subtotal": format_minor(note.subtotal_minor, currency),
        "tax": format_minor(note.tax_minor, currency),
        "total": format_minor(note.total_minor, currency),
        "credited": format_minor(note.credited_minor, currency),
        "refunded": format_minor(note.refunded_minor, currency),
    }


def _subscriptions(scenario: Scenario, played: Played) -> list[Document]:
    found = []
    for name in scenario.subscriptions:
        if name in played.subscriptions:
            row = subscription_by_id(played.subscriptions[name])
            found.append(
                {
                    "id": name,
                    "state": row.state,
                    "plan": row.plan_version.plan.code,
                    "period": _period(row.period_start, row.period_end),
                    "access": "full",
                }
            )
    return found


def _balances(scenario: Scenario, played: Played) -> Document:
    receivable, credit = customer_balances(RECEIVABLE), customer_balances(CUSTOMER_CREDIT)
    found: Document = {}
    for name, row_id in played.customers.items():
        used = {currency for customer, currency in (*receivable, *credit) if customer == row_id}
        found[name] = {
            currency: {
                "receivable": format_minor(receivable.get((row_id, currency), 0), currency),
                "account_credit": format_minor(-credit.get((row_id, currency), 0), currency),
                "prepaid_credit": format_minor(0, currency),
            }
            for currency in sorted(used | {str(scenario.customers[name]["currency"])})
        }
    return found


def _messages(played: Played) -> list[Document]:
    names = {row_id: name for name, row_id in played.customers.items()}
    rows = messages(limit=MESSAGES_PAGE)
    while len(page := messages(limit=MESSAGES_PAGE, before=rows[-1].id) if rows else []):
        rows += page
    return [
        {
            "at": instant_text(row.at),
            "customer": names.get(row.customer_id),
            "kind": row.kind,
            "subject": row.subject,
            "channel": row.channel,
        }
        for row in reversed(rows)
    ]


def _journal() -> list[Document]:
    return [
        {
            "at": instant_text(row.at),
            "fact": row.fact,
            "ref": row.ref,
            "currency": row.currency,
            "entries": [
                {"account": account, side: format_minor(minor, row.currency)} for account, side, minor in row.entries
            ],
        }
        for row in journal(limit=None, oldest_first=True)
    ]


def _period(start: datetime, end: datetime) -> Document:
    return {"start": instant_text(start), "end": instant_text(end)}
