"""The frozen document: all that an invoice or credit note says, as JSON, in its language, made once at finalisation.

Page, PDF and mail are made from it and from nothing else, so what was said can't change. Its shape is written in
``docs/documents.md``. Amounts are decimal strings in major units.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import override

from clearbill.core.invoice import Credit, Invoice, Line
from clearbill.core.money import format_minor, plain
from clearbill.core.period import Period
from clearbill.core.price import Price
from clearbill.core.tax import TaxRate, TaxTotal

if TYPE_CHECKING:
    from clearbill.customers.models import Customer
    from clearbill.sellers.models import Seller

Document = dict[str, object]


def canonical(document: Mapping[str, object]) -> str:
    """One text for one document: sorted keys, no spaces."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def in_language(names: Mapping[str, str], language: str, *, otherwise: str) -> str:
    """The name in ``language``, else in English, else ``otherwise``."""
    return names.get(language) or names.get("en") or otherwise


def line_text(price: Price, group: Mapping[str, str], *, language: str) -> str:
    """What a line is called: the price's name, and its group's values."""
    name = in_language(price.name, language, otherwise=price.code)
    return f"{name} · {', '.join(group.values())}" if group else name


def group_of(line: Line, keys: Sequence[str]) -> dict[str, str]:
    """A line's group as ``{"origin": "JFK"}``; empty without one."""
    return dict(zip(keys, line.group, strict=True)) if line.group else {}


def invoice_document(
    invoice: Invoice,
    *,
    seller: Seller,
    customer: Customer,
    number: str,
    issued_at: datetime,
    due_at: datetime,
    policies: Mapping[str, object],
    zones: Sequence[str],
    groups: Sequence[Mapping[str, str]],
    labels: Mapping[str, str],
) -> Document:
    """The document of ``invoice``; ``zones`` (the lines' time zones) and ``groups`` go with its lines, by position."""
    currency = customer_currency = invoice_currency(invoice, seller)
    zone = customer.timezone or seller.timezone
    language = customer.locale
    lines = [
        _line(line, currency=customer_currency, zone=line_zone, group=group, language=language)
        for line, line_zone, group in zip(invoice.lines, zones, groups, strict=True)
    ]
    total = format_minor(invoice.total_minor, currency)
    return {
        **_head("invoice", seller=seller, customer=customer, number=number, currency=currency, issued_at=issued_at),
        "due_on": local_day(due_at, zone),
        "period": _span([line.charge.period for line in invoice.lines], zone),
        "lines": lines,
        "taxes": [_tax(tax, currency=currency, labels=labels) for tax in invoice.taxes],
        "subtotal": format_minor(invoice.subtotal_minor, currency),
        "discount": format_minor(invoice.discount_minor, currency),
        "tax": format_minor(invoice.tax_minor, currency),
        "total": total,
        "credits": format_minor(0, currency),
        "amount_due": total,
        "tax_rounding": str(policies["tax.rounding"]),
        "tax_behavior": seller.tax_behavior,
        "credits_invoice": None,
        "reason": None,
    }


def credit_note_document(
    credit: Credit,
    *,
    seller: Seller,
    customer: Customer,
    number: str,
    issued_at: datetime,
    reason: str,
    original: Mapping[str, object],
    taxes: Sequence[TaxTotal],
    labels: Mapping[str, str],
) -> Document:
    """The document of a credit note; ``original`` is the invoice's frozen document."""
    currency = str(original["currency"])
    by_number = {line["line"]: line for line in original["lines"]}  # type: ignore[attr-defined, index, union-attr]
    lines = []
    for line in credit.lines:
        billed = by_number[line.number]
        lines.append(
            {
                **billed,
                "quantity": "1",
                "unit": "",
                "unit_amount": None,
                "amount": format_minor(line.amount_minor, currency),
                "discount": format_minor(line.discount_minor, currency),
                "tax": format_minor(line.tax_minor, currency),
                "working": [],
            }
        )
    total = format_minor(credit.total_minor, currency)
    return {
        **_head(
            "credit_note",
            seller=seller,
            customer=customer,
            number=number,
            currency=currency,
            issued_at=issued_at,
        ),
        "language": original["language"],
        "due_on": None,
        "period": None,
        "lines": lines,
        "taxes": [_tax(tax, currency=currency, labels=labels) for tax in taxes],
        "subtotal": format_minor(credit.subtotal_minor, currency),
        "discount": format_minor(sum(line.discount_minor for line in credit.lines), currency),
        "tax": format_minor(credit.tax_minor, currency),
        "total": total,
        "credits": format_minor(0, currency),
        "amount_due": total,
        "tax_rounding": original["tax_rounding"],
        "tax_behavior": original["tax_behavior"],
        "credits_invoice": {"number": original["number"], "issued_on": original["issued_on"]},
        "reason": reason,
    }


def invoice_currency(invoice: Invoice, seller: Seller) -> str:
    """The currency that all lines share."""
    return invoice.lines[0].charge.price.currency if invoice.lines else seller.currency


def local_day(at: datetime, zone: str) -> str:
    """The date of an instant in a zone."""
    return at.astimezone(ZoneInfo(zone)).date().isoformat()


def inclusive(period: Period, zone: str) -> dict[str, str]:
    """A period as people write it: first and last day."""
    last = max(period.start, period.end - timedelta(microseconds=1))
    return {"start": local_day(period.start, zone), "end": local_day(last, zone)}


def _head(
    kind: str, *, seller: Seller, customer: Customer, number: str, currency: str, issued_at: datetime
) -> Document:
    with override("zh-hans" if customer.locale == "zh-Hans" else "en"):
        terms = _("Please quote the number {number} when you pay.").replace("{number}", number)
    return {
        "kind": kind,
        "language": customer.locale,
        "number": number,
        "issued_on": local_day(issued_at, customer.timezone or seller.timezone),
        "currency": currency,
        "seller": {
            "name": seller.name,
            "legal_name": seller.legal_name,
            "address": seller.address,
            "country": seller.country,
            "email": seller.email,
            "tax_ids": seller.tax_ids,
            "bank": seller.bank,
        },
        "customer": {
            "name": customer.name,
            "address": customer.address,
            "country": customer.country,
            "email": customer.email,
            "tax_ids": customer.tax_ids,
        },
        "payment_terms": terms if kind == "invoice" else None,
        "notes": [],
        "qr": None,
    }


def _line(line: Line, *, currency: str, zone: str, group: Mapping[str, str], language: str) -> Document:
    price = line.charge.price
    return {
        "line": line.number,
        "price": price.code,
        "text": line_text(price, group, language=language),
        "kind": line.charge.kind.value,
        "group": dict(group),
        "period": inclusive(line.charge.period, zone),
        "quantity": plain(line.quantity),
        "unit": in_language(price.unit_name, language, otherwise=""),
        "unit_amount": None if price.unit_amount is None else plain(price.unit_amount),
        "amount": format_minor(line.amount_minor, currency),
        "discount": format_minor(line.discount_minor, currency),
        "tax": format_minor(line.tax_minor, currency),
        "tax_rates": [{"code": rate.code, "rate": plain(rate.rate)} for rate in line.rates],
        "working": [dict(step) for step in line.working],
    }


def _tax(tax: TaxTotal, *, currency: str, labels: Mapping[str, str]) -> Document:
    return {
        "code": tax.code,
        "label": labels.get(tax.code, tax.code),
        "rate": plain(tax.rate),
        "base": format_minor(tax.base_minor, currency),
        "amount": format_minor(tax.amount_minor, currency),
    }


def _span(periods: Sequence[Period], zone: str) -> dict[str, str] | None:
    if not periods:
        return None
    return inclusive(
        Period(start=min(period.start for period in periods), end=max(period.end for period in periods)), zone
    )


def tax_rates_text(rates: Sequence[TaxRate]) -> str:
    """A line's rates as stored beside it: canonical JSON."""
    return json.dumps([{"code": rate.code, "rate": plain(rate.rate)} for rate in rates], separators=(",", ":"))
