"""PDF of a frozen document: PDF/A-3, tagged, the same bytes for the same document on every machine.

The document goes to Typst as JSON, never as markup, so that nothing in it can be read as code. Fonts come from a wheel;
the machine's own are ignored.
"""

from __future__ import annotations

import json
import re
import threading
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import manimgx_fonts_cjk
import typst
from django.utils.translation import gettext as _
from django.utils.translation import override, pgettext

from clearbill.billing.documents.wording import django_language, reason_text, sentences
from clearbill.core.errors import fill
from clearbill.scope.local_formats import format_day, format_quantity, format_unit_price

TEMPLATE = Path(__file__).parent / "invoice.typ"
MAX_WORD = 60
_HIDDEN = re.compile("[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_LONG_WORD = re.compile(rf"[^\s]{{{MAX_WORD}}}")
_thread = threading.local()

Document = Mapping[str, Any]


def render_pdf(document: Document, *, at: datetime) -> bytes:
    """The PDF of an invoice's or credit note's document; ``at`` is its date of creation in the file's properties."""
    compiler = _compiler()
    with override(django_language(str(document["language"]))):
        shown = _clean(_shown(document))
    pdf = compiler.compile(
        format="pdf",
        sys_inputs={"document": json.dumps(shown, ensure_ascii=False)},
        pdf_standards=["a-3b"],
        timestamp=int(at.timestamp()),
    )
    return bytes(pdf)


def _compiler() -> typst.Compiler:
    """One compiler a thread: it keeps its fonts and template."""
    found = getattr(_thread, "compiler", None)
    if found is None:
        found = typst.Compiler(TEMPLATE, root=TEMPLATE.parent, font_paths=_fonts(), ignore_system_fonts=True)
        _thread.compiler = found
    return found


@lru_cache(maxsize=1)
def _fonts() -> typst.Fonts:
    folder = Path(manimgx_fonts_cjk.__file__).parent
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(folder)])


def _shown(document: Document) -> dict[str, object]:
    """The document as the page shows it: every label and number in its language, as text."""
    currency = str(document["currency"])
    is_note = document["kind"] == "credit_note"
    return {
        "language": document["language"],
        "title": _("Credit note") if is_note else pgettext("document", "Invoice"),
        "number": document["number"],
        "seller": _party(document["seller"], heading=_("From")),
        "customer": _party(document["customer"], heading=_("Credited to") if is_note else _("Billed to")),
        "brand": document["seller"]["name"],
        "monogram": _monogram(document["seller"]["name"]),
        "dates": _dates(document),
        "headings": {
            "text": _("Description"),
            "quantity": _("Quantity"),
            "unit": _("Unit price"),
            "tax": _("Tax"),
            "amount": _("Amount"),
        },
        "lines": [_line(line, document) for line in document["lines"]],
        "totals": _totals(document, currency),
        "due": [
            _("Credited") if is_note else _("Amount due"),
            _money(document["amount_due"], currency),
        ],
        "notes": _notes(document),
        "bank": [[row["label"], row["value"]] for row in document["seller"].get("bank", []) if not is_note],
        "bank_heading": _("Pay by bank transfer"),
        "page": _("Page {page} of {pages}"),
    }


def _party(party: Document, *, heading: str) -> dict[str, object]:
    rows = [row for row in party.get("address", []) if row]
    rows += [f"{tax['label']} {tax['value']}" for tax in party.get("tax_ids", [])]
    if party.get("email"):
        rows.append(party["email"])
    return {"heading": heading, "name": party.get("legal_name") or party["name"], "rows": rows}


def _monogram(name: str) -> str:
    first = next((letter for letter in name if letter.isalnum()), "·")
    return first.upper()


def _dates(document: Document) -> list[list[str]]:
    rows = [[_("Number"), document["number"]], [_("Issued"), format_day(document["issued_on"])]]
    if document.get("due_on"):
        rows.append([_("Due"), format_day(document["due_on"])])
    if document.get("period"):
        rows.append([_("Period"), _days(document["period"])])
    if document.get("credits_invoice"):
        rows.append([_("For invoice"), document["credits_invoice"]["number"]])
    return rows


def _days(period: Document) -> str:
    start, end = format_day(period["start"]), format_day(period["end"])
    return start if start == end else f"{start} – {end}"


def _line(line: Document, document: Document) -> dict[str, object]:
    """A line; its period only where it isn't the whole document's."""
    currency, language = str(document["currency"]), str(document["language"])
    own_period = line.get("period") and line["period"] != document.get("period")
    details = [_days(line["period"])] if own_period else []
    return {
        "text": line["text"],
        "details": details + sentences(line["working"], language=language, currency=currency),
        "quantity": " ".join(part for part in (format_quantity(line["quantity"]), line.get("unit", "")) if part),
        "unit": "" if line.get("unit_amount") is None else format_unit_price(line["unit_amount"], currency),
        "tax": " + ".join(f"{format_quantity(rate['rate'])} %" for rate in line["tax_rates"]),
        "amount": _money(line["amount"], currency),
    }


def _totals(document: Document, currency: str) -> list[list[str]]:
    rows = [[_("Subtotal"), "", _money(document["subtotal"], currency)]]
    if document["discount"].strip("0."):
        rows.insert(0, [_("Discount"), "", _money("-" + document["discount"], currency)])
    for tax in document["taxes"]:
        label = f"{tax['label']} {format_quantity(tax['rate'])} %"
        rows.append(
            [label, fill(_("on {base}"), {"base": _money(tax["base"], currency)}), _money(tax["amount"], currency)]
        )
    rows.append([_("Total"), "", _money(document["total"], currency)])
    if document["credits"].strip("0."):
        rows.append([_("Credits"), "", _money("-" + document["credits"], currency)])
    return rows


def _notes(document: Document) -> list[str]:
    rounding = {
        "rate": _("Tax was rounded once for each rate."),
        "invoice": _("Tax was rounded once for the whole invoice."),
        "line": _("Tax was rounded line by line."),
    }.get(document["tax_rounding"], "")
    notes = [reason_text(document["reason"], language=document["language"])] if document.get("reason") else []
    notes += [note for note in (document.get("payment_terms"), rounding if document["taxes"] else "") if note]
    return [*notes, *document.get("notes", [])]


def _money(text: str, currency: str) -> str:
    return format_unit_price(text, currency)


def _clean(value: object) -> Any:
    """Texts without characters that can't be printed, and with places to break in over-long words."""
    if isinstance(value, str):
        plain = _HIDDEN.sub("", unicodedata.normalize("NFC", value))
        return _LONG_WORD.sub(lambda found: found[0] + "\u200b", plain)
    if isinstance(value, Mapping):
        return {key: _clean(each) for key, each in value.items()}
    if isinstance(value, Sequence):
        return [_clean(each) for each in value]
    return value
