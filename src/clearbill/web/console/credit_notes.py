"""Credit notes: the list, each as its document, and the form that gives one on an invoice after showing what it does."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clearbill.billing.actions.credits import REASON_LENGTH, credit_invoice
from clearbill.billing.actions.documents import pdf_of
from clearbill.billing.actions.dry_runs import NoteForeseen, preview_credit
from clearbill.billing.queries.figures import credited_of_lines
from clearbill.billing.queries.invoices import credit_note_by_id, credit_notes, document_of, invoice_by_id, lines_of
from clearbill.billing.queries.timeline import invoice_timeline
from clearbill.core.errors import Refusal, fill
from clearbill.core.money import format_minor, parse_minor
from clearbill.scope.ids import show_id
from clearbill.scope.local_formats import format_amount
from clearbill.web.addresses import ROWS, id_in_address, listed, number_mark
from clearbill.web.console.access import staff
from clearbill.web.console.forms import show_refusal
from clearbill.web.console.looks import record_look
from clearbill.web.console.words import timeline_events
from clearbill.web.document_view import paper_of
from clearbill.web.errors import sentence_of
from clearbill.web.pdf_answer import pdf_answer


class CreditForm(forms.Form):
    """How much of each line goes back, and why. A line's field is named ``line_<number>``."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=REASON_LENGTH,
        help_text=gettext_lazy("Printed on the credit note; the customer reads it."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, lines: list[dict[str, Any]], currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lines, self.currency = lines, currency
        for line in lines:
            self.fields[line["field"]] = forms.CharField(
                label=line["label"],
                required=False,
                max_length=24,
                widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "size": 12}),
            )

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        self.amounts: dict[int, int] = {}
        for line in self.lines:
            text = str(data.get(line["field"], "")).strip()
            if text:
                self._read(line, text)
        if not self.amounts and not self.errors:
            self.add_error(None, _("Give at least one line an amount."))
        return data

    def _read(self, line: dict[str, Any], text: str) -> None:
        try:
            minor = parse_minor(_with_digits(text, self.currency), self.currency)
        except Refusal as refusal:
            self.add_error(line["field"], sentence_of(refusal))
            return
        if minor > line["rest_minor"]:
            rest = format_amount(line["rest_minor"], self.currency)
            self.add_error(line["field"], fill(_("Only {rest} of this line is left."), {"rest": rest}))
        elif minor:
            self.amounts[line["number"]] = minor


@staff("view")
def credit_note_list(request: HttpRequest) -> HttpResponse:
    """Newest first."""
    rows = credit_notes(before=number_mark(request), limit=ROWS + 1)
    context = {"page": listed(request, rows, mark=lambda row: row.sequence)}
    return render(request, "console/credit_notes.html", context)


@staff("view")
def credit_note(request: HttpRequest, shown_id: str) -> HttpResponse:
    """The credit note as it was issued."""
    row = credit_note_by_id(id_in_address("credit_note", shown_id))
    record_look(request, "credit_note", row.id)
    context = {
        "note": row,
        "paper": paper_of(document_of(row)),
        "events": timeline_events(invoice_timeline(row.invoice_id)),
    }
    return render(request, "console/credit_note.html", context)


@staff("view")
def credit_note_pdf(request: HttpRequest, shown_id: str) -> HttpResponse:
    """The credit note's PDF."""
    row = credit_note_by_id(id_in_address("credit_note", shown_id))
    record_look(request, "credit_note", row.id, how="pdf")
    return pdf_answer(pdf_of(row, at=request.at), number=row.number)


@staff("credit")
def credit_form(request: HttpRequest, shown_id: str) -> HttpResponse:
    """Amounts and reason; then what the note will say; then the note. Nothing is written before the last step."""
    invoice = invoice_by_id(id_in_address("invoice", shown_id))
    form = CreditForm(request.POST or None, lines=_lines(invoice), currency=invoice.currency)
    if request.method != "POST" or not form.is_valid():
        return _form_page(request, invoice, form)
    given = {"lines": form.amounts, "reason": form.cleaned_data["reason"], "at": request.at}
    try:
        if "issue" in request.POST and _still_as_seen(request, invoice):
            with transaction.atomic():
                note = credit_invoice(invoice.id, **given, actor=request.actor)
            messages.success(request, fill(_("Credit note {number} was issued."), {"number": note.number}))
            return redirect("console:credit_note", show_id("credit_note", note.id))
        foreseen = preview_credit(invoice.id, **given)
    except Refusal as refusal:
        show_refusal(form, refusal)
        return _form_page(request, invoice, form)
    return _form_page(request, invoice, form, foreseen)


def _form_page(
    request: HttpRequest, invoice: Any, form: CreditForm, foreseen: NoteForeseen | None = None
) -> HttpResponse:
    context = {
        "invoice": invoice,
        "form": form,
        "rows": [{**line, "bound": form[line["field"]]} for line in form.lines],
        "foreseen": foreseen,
        "paper": paper_of(foreseen.document) if foreseen else None,
    }
    return render(request, "console/credit_form.html", context, status=400 if form.errors else 200)


def _still_as_seen(request: HttpRequest, invoice: Any) -> bool:
    """Whether nothing was credited since the form was shown; a second click issues no second note."""
    if request.POST.get("seen") == str(invoice.state.credited_minor):
        return True
    messages.warning(request, _("This invoice was credited in the meantime. Look at what is left before you go on."))
    return False


def _lines(invoice: Any) -> list[dict[str, Any]]:
    taken = credited_of_lines(invoice.id)
    return [
        {
            "field": f"line_{row.line}",
            "number": row.line,
            "text": row.text,
            "label": fill(_("Amount to credit of “{line}”"), {"line": row.text}),
            "amount_minor": row.amount_minor,
            "rest_minor": row.amount_minor - taken.get(row.line, 0),
            "rest_text": format_minor(row.amount_minor - taken.get(row.line, 0), invoice.currency),
        }
        for row in lines_of(invoice.id)
    ]


def _with_digits(text: str, currency: str) -> str:
    """``5`` is as good as ``5.00`` to a person, and a comma as good as a point."""
    plain = text.replace(",", ".") if text.count(",") == 1 and "." not in text else text
    digits = len(format_minor(0, currency).partition(".")[2])
    whole, _point, part = plain.partition(".")
    is_number = whole.isdecimal() and (part.isdecimal() or not part)
    return f"{whole}.{part.ljust(digits, '0')}" if digits and is_number and len(part) <= digits else text


urlpatterns = [
    path("credit-notes/", credit_note_list, name="credit_notes"),
    path("credit-notes/<str:shown_id>/", credit_note, name="credit_note"),
    path("credit-notes/<str:shown_id>/pdf/", credit_note_pdf, name="credit_note_pdf"),
    path("invoices/<str:shown_id>/credit/", credit_form, name="credit_form"),
]
