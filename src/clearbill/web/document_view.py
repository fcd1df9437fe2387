"""A frozen document as pages show it: paper with lines, the working under each, taxes and totals.

Labels and the sentences of the working are in the viewer's language; what the document itself says (names of lines and
taxes, terms, notes) stays in the document's. Every amount comes out of the document, and none is rounded here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from clearbill.billing.actions.bills import Calculated
from clearbill.billing.documents import frozen
from clearbill.billing.documents.wording import reason_text, sentences
from clearbill.core.errors import fill
from clearbill.core.money import format_minor, plain
from clearbill.scope.local_formats import format_day, format_period, format_quantity, format_rate, format_unit_price

Document = Mapping[str, Any]
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingStep:
    """A row of a line's working: one price step."""

    label: str
    quantity: str
    unit_price: str
    amount: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperLine:
    """A line with its working. ``sentences`` tell it in words; ``steps`` is the table when it has several price steps."""

    number: int
    text: str
    note: str
    quantity: str
    unit_price: str
    amount: str
    sentences: tuple[str, ...]
    steps: tuple[WorkingStep, ...]
    steps_sum: str
    facts: tuple[Pair, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Who bills, or who is billed."""

    heading: str
    name: str
    rows: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """All that components of class ``paper`` need. ``language`` is the document's, for the ``lang`` of its texts."""

    language: str
    title: str
    number: str
    seller: Party
    customer: Party
    dates: tuple[Pair, ...]
    lines: tuple[PaperLine, ...]
    totals: tuple[Pair, ...]
    due: Pair
    reason: str
    notes: tuple[str, ...]
    own_notes: tuple[str, ...]
    bank: tuple[Pair, ...]


def paper_of(document: Document) -> Paper:
    """The paper of a frozen document."""
    currency = str(document["currency"])
    is_note = document["kind"] == "credit_note"
    reason = document.get("reason")
    return Paper(
        language=str(document["language"]),
        title=_("Credit note") if is_note else pgettext("document", "Invoice"),
        number=str(document["number"]),
        seller=_party(document["seller"], heading=_("From")),
        customer=_party(document["customer"], heading=_("Credited to") if is_note else _("Billed to")),
        dates=tuple(_dates(document)),
        lines=lines_of_document(document),
        totals=tuple(_totals(document, currency)),
        due=(_("Credited") if is_note else _("Amount due"), _money(document["amount_due"], currency)),
        reason=reason_text(str(reason), language=_viewer()) if reason else "",
        notes=tuple(_rounding_notes(document)),
        own_notes=tuple(note for note in (document.get("payment_terms"), *document.get("notes", [])) if note),
        bank=() if is_note else tuple((row["label"], row["value"]) for row in document["seller"].get("bank", [])),
    )


def lines_of_document(document: Document) -> tuple[PaperLine, ...]:
    """The lines of a frozen document."""
    labels = {tax["code"]: tax["label"] for tax in document["taxes"]}
    return tuple(
        _line(line, currency=str(document["currency"]), whole=document.get("period"), tax_labels=labels)
        for line in document["lines"]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """A bill that isn't written yet: its lines and sums as they stand."""

    issued_at: Any
    reason: str
    currency: str
    lines: tuple[PaperLine, ...]
    subtotal_minor: int
    tax_minor: int
    total_minor: int


def foresee(each: Calculated, *, tax_labels: Mapping[str, str] | None = None) -> Foreseen:
    """A calculated bill as a preview shows it, in the viewer's language throughout; ``tax_labels`` by code."""
    bill, invoice = each.bill, each.invoice
    language = _viewer()
    lines: list[dict[str, Any]] = []
    for line, group in zip(invoice.lines, each.groups, strict=True):
        price = line.charge.price
        lines.append(
            {
                "line": line.number,
                "text": frozen.line_text(price, group, language=language),
                "group": dict(group),
                "price": price.code,
                "period": frozen.inclusive(line.charge.period, bill.charges[line.source].timezone),
                "quantity": plain(line.quantity),
                "unit": frozen.in_language(price.unit_name, language, otherwise=""),
                "unit_amount": None if price.unit_amount is None else plain(price.unit_amount),
                "amount": format_minor(line.amount_minor, bill.currency),
                "discount": format_minor(line.discount_minor, bill.currency),
                "tax": format_minor(line.tax_minor, bill.currency),
                "tax_rates": [{"code": rate.code, "rate": plain(rate.rate)} for rate in line.rates],
                "working": line.working,
            }
        )
    periods = [line["period"] for line in lines]
    whole = periods[0] if periods and all(period == periods[0] for period in periods) else None
    return Foreseen(
        issued_at=bill.issued_at,
        reason=bill.reason,
        currency=bill.currency,
        lines=tuple(_line(line, currency=bill.currency, whole=whole, tax_labels=tax_labels or {}) for line in lines),
        subtotal_minor=invoice.subtotal_minor,
        tax_minor=invoice.tax_minor,
        total_minor=invoice.total_minor,
    )


def _viewer() -> str:
    return "zh-Hans" if (get_language() or "en").lower().startswith("zh") else "en"


def _party(party: Document, *, heading: str) -> Party:
    rows = [row for row in party.get("address", []) if row]
    rows += [_tax_id(each) for each in party.get("tax_ids", [])]
    if party.get("email"):
        rows.append(party["email"])
    return Party(heading=heading, name=party.get("legal_name") or party["name"], rows=tuple(rows))


def _tax_id(tax_id: Any) -> str:
    """A seller's tax number has a label, a customer's is a text."""
    return f"{tax_id['label']} {tax_id['value']}" if isinstance(tax_id, Mapping) else str(tax_id)


def _dates(document: Document) -> list[Pair]:
    rows = [(_("Number"), str(document["number"])), (_("Issued"), format_day(document["issued_on"]))]
    if document.get("due_on"):
        rows.append((_("Due"), format_day(document["due_on"])))
    if document.get("period"):
        rows.append((_("Period"), _days(document["period"])))
    if document.get("credits_invoice"):
        rows.append((_("For invoice"), str(document["credits_invoice"]["number"])))
    return rows


def _days(period: Document) -> str:
    """First and last day of a document's period; both are part of it."""
    return format_period(date.fromisoformat(period["start"]), date.fromisoformat(period["end"]) + timedelta(days=1))


def _line(line: Document, *, currency: str, whole: object, tax_labels: Mapping[str, str]) -> PaperLine:
    steps = _steps(line["working"], currency)
    told = [step for step in line["working"] if not (steps and step.get("step") == "tier")]
    own_period = line.get("period") and line["period"] != whole
    return PaperLine(
        number=int(line["line"]),
        text=str(line["text"]),
        note=_days(line["period"]) if own_period else "",
        quantity=" ".join(part for part in (format_quantity(line["quantity"]), line.get("unit", "")) if part),
        unit_price="" if line.get("unit_amount") is None else format_unit_price(line["unit_amount"], currency),
        amount=_money(line["amount"], currency),
        sentences=tuple(sentences(told, language=_viewer(), currency=currency)),
        steps=steps,
        steps_sum=_sum_of_steps(line["working"], currency) if steps else "",
        facts=tuple(_facts(line, currency=currency, tax_labels=tax_labels)),
    )


def _steps(working: Sequence[Mapping[str, str]], currency: str) -> tuple[WorkingStep, ...]:
    """The table of a graduated price that entered more than one step."""
    tiers = [step for step in working if step.get("step") == "tier"]
    if len(tiers) < 2:
        return ()
    return tuple(
        WorkingStep(
            label=_span(step),
            quantity=format_quantity(step["quantity"]),
            unit_price=_tier_price(step, currency),
            amount=_money(step["amount"], currency),
        )
        for step in tiers
    )


def _sum_of_steps(working: Sequence[Mapping[str, str]], currency: str) -> str:
    """What the steps add up to, exactly: the amount that is prorated or rounded afterwards."""
    amounts = (Decimal(step["amount"]) for step in working if step.get("step") == "tier")
    return format_unit_price(plain(sum(amounts, Decimal(0))), currency)


def _span(step: Mapping[str, str]) -> str:
    reached = Decimal(step["from"])
    if "up_to" not in step:
        span = _("Above {from}") if reached else _("All units")
    else:
        span = _("{first} to {up_to}") if reached else _("The first {up_to}")
    first = reached + 1 if reached == reached.to_integral_value() else reached
    places = {
        "from": format_quantity(reached),
        "first": format_quantity(first),
        "up_to": format_quantity(step["up_to"]) if "up_to" in step else "",
    }
    return fill(span, places)


def _tier_price(step: Mapping[str, str], currency: str) -> str:
    unit = format_unit_price(step["unit_amount"], currency)
    return f"{unit} + {format_unit_price(step['flat_amount'], currency)}" if "flat_amount" in step else unit


def _facts(line: Document, *, currency: str, tax_labels: Mapping[str, str]) -> list[Pair]:
    facts = []
    if line.get("period"):
        facts.append((_("Period"), _days(line["period"])))
    facts += [(str(name), str(value) or "–") for name, value in line.get("group", {}).items()]
    if str(line["discount"]).strip("0."):
        facts.append((_("Discount"), _money("-" + line["discount"], currency)))
    rates = [f"{tax_labels.get(rate['code'], rate['code'])} {percent(rate['rate'])}" for rate in line["tax_rates"]]
    tax = _money(line["tax"], currency)
    facts.append((_("Tax on this line"), f"{tax} ({' + '.join(rates)})" if rates else _("none")))
    if line.get("price"):
        facts.append((_("Price in the catalogue"), str(line["price"])))
    return facts


def percent(rate: str) -> str:
    """A rate in per cent as text: ``"8.875"`` → ``8.875%``."""
    return format_rate(Decimal(rate).scaleb(-2))


def _totals(document: Document, currency: str) -> list[Pair]:
    rows = [(_("Subtotal"), _money(document["subtotal"], currency))]
    if str(document["discount"]).strip("0."):
        rows.insert(0, (_("Discount"), _money("-" + document["discount"], currency)))
    for tax in document["taxes"]:
        base = fill(_("on {base}"), {"base": _money(tax["base"], currency)})
        rows.append((f"{tax['label']} {percent(tax['rate'])} {base}", _money(tax["amount"], currency)))
    rows.append((_("Total"), _money(document["total"], currency)))
    if str(document["credits"]).strip("0."):
        rows.append((_("Credits"), _money("-" + document["credits"], currency)))
    return rows


def _rounding_notes(document: Document) -> list[str]:
    rounding = {
        "rate": _("Tax was rounded once for each rate."),
        "invoice": _("Tax was rounded once for the whole invoice."),
        "line": _("Tax was rounded line by line."),
    }.get(str(document["tax_rounding"]), "")
    return [rounding] if rounding and document["taxes"] else []


def _money(text: str, currency: str) -> str:
    return format_unit_price(text, currency)
