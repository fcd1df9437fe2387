"""The readable report of a played scenario, made from its document."""

from __future__ import annotations

from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _
from rich.console import Console
from rich.table import Table

from clearbill.billing.documents.wording import sentences

Document = dict[str, Any]


def print_report(found: Document, *, title: str, console: Console | None = None) -> None:
    """Print invoices with their lines and workings, credit notes, balances, the journal and what was refused."""
    out = console or Console()
    out.rule(title)
    for invoice in found["invoices"]:
        _print_invoice(invoice, out)
    for note in found["credit_notes"]:
        _print_credit_note(note, out)
    _print_subscriptions(found["subscriptions"], out)
    _print_balances(found["balances"], out)
    _print_journal(found["journal"], out)
    _print_refusals(found["refusals"], out)


def _print_invoice(invoice: Document, out: Console) -> None:
    language = "zh-Hans" if get_language() == "zh-hans" else "en"
    head = (
        f"{invoice['number']}  {invoice['customer']}  {invoice['issued_at']}  {invoice['reason']}  {invoice['status']}"
    )
    table = Table(title=head, title_justify="left", show_footer=False)
    for heading, justify in (
        (_("Line"), "right"),
        (_("Text"), "left"),
        (_("Period"), "left"),
        (_("Quantity"), "right"),
        (_("Working"), "left"),
        (_("Amount"), "right"),
    ):
        narrow = heading == _("Period")
        table.add_column(heading, justify=justify, no_wrap=narrow, overflow="fold")  # type: ignore[arg-type]
    for line in invoice["lines"]:
        table.add_row(
            str(line["line"]),
            line["text"],
            f"{_short(line['period']['start'])}\n{_short(line['period']['end'])}",
            line["quantity"],
            "\n".join(sentences(line["working"], language=language, currency=invoice["currency"])),
            line["amount"],
        )
    table.add_section()
    if invoice["discount"].strip("0."):
        table.add_row("", _("Discount"), "", "", "", f"-{invoice['discount']}")
    table.add_row("", _("Subtotal"), "", "", "", invoice["subtotal"])
    for tax in invoice["taxes"]:
        label = _("{tax} {rate} % of {base}").format(tax=tax["code"], rate=tax["rate"], base=tax["base"])
        table.add_row("", label, "", "", "", tax["amount"])
    table.add_row("", _("Total"), "", "", invoice["currency"], f"[bold]{invoice['total']}[/bold]")
    out.print(table)


def _short(instant: str) -> str:
    """To the minute, where no second is lost."""
    return instant.replace(":00Z", "Z").replace("T", " ")


def _print_credit_note(note: Document, out: Console) -> None:
    table = Table(
        title=_("Credit note {number} on invoice {order}").format(number=note["number"], order=note["invoice"])
        + f"  {note['customer']}  {note['issued_at']}",
        title_justify="left",
    )
    for heading in (_("Line"), _("Amount"), _("Discount"), _("Tax")):
        table.add_column(heading, justify="right")
    for line in note["lines"]:
        table.add_row(str(line["line"]), line["amount"], line["discount"], line["tax"])
    table.add_section()
    table.add_row(_("Total"), note["subtotal"], "", note["tax"])
    table.add_row("", f"[bold]{note['total']}[/bold]", "", note["currency"])
    out.print(table)


def _print_subscriptions(rows: list[Document], out: Console) -> None:
    table = Table(title=_("Subscriptions"), title_justify="left")
    for heading in (_("Subscription"), _("Plan"), _("State"), _("Period")):
        table.add_column(heading)
    for row in rows:
        table.add_row(
            row["id"], row["plan"], row["state"], f"{_short(row['period']['start'])} – {_short(row['period']['end'])}"
        )
    if rows:
        out.print(table)


def _print_balances(balances: Document, out: Console) -> None:
    table = Table(title=_("Balances"), title_justify="left")
    table.add_column(_("Customer"))
    table.add_column(_("Currency"))
    for heading in (_("Receivable"), _("Account credit"), _("Prepaid credit")):
        table.add_column(heading, justify="right")
    for customer, by_currency in balances.items():
        for currency, row in by_currency.items():
            table.add_row(customer, currency, row["receivable"], row["account_credit"], row["prepaid_credit"])
    if balances:
        out.print(table)


def _print_journal(rows: list[Document], out: Console) -> None:
    table = Table(title=_("Journal"), title_justify="left")
    for heading in (_("Time"), _("Fact"), _("Document"), _("Account")):
        table.add_column(heading)
    for heading in (_("Debit"), _("Credit")):
        table.add_column(heading, justify="right")
    for row in rows:
        head = (row["at"], row["fact"], row["ref"])
        for entry in row["entries"]:
            table.add_row(*head, entry["account"], entry.get("debit", ""), entry.get("credit", ""))
            head = ("", "", "")
    if rows:
        out.print(table)


def _print_refusals(rows: list[Document], out: Console) -> None:
    table = Table(title=_("Refused"), title_justify="left")
    for heading in (_("Time"), _("Verb"), _("Code")):
        table.add_column(heading)
    for row in rows:
        table.add_row(row["at"], row["do"], row["code"])
    if rows:
        out.print(table)
