"""The journal: every transaction with its debits and credits, and what each account holds in each currency."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from clearbill.customers.queries import customers_by_ids
from clearbill.ledger.queries import balances, journal
from clearbill.scope.ids import show_id
from clearbill.web.addresses import ROWS, id_in_address, id_mark, listed
from clearbill.web.console.access import staff
from clearbill.web.console.looks import record_look
from clearbill.web.console.words import account_name, transaction_rows


@staff("view")
def journal_page(request: HttpRequest) -> HttpResponse:
    """Newest first; ``account`` and ``customer`` narrow it."""
    held = balances()
    accounts = sorted({account for account, _currency in held})
    account = request.GET.get("account", "")
    account = account if account in accounts else ""
    text = request.GET.get("customer", "")
    customer_id = id_in_address("customer", text) if text else None
    if customer_id is not None:
        record_look(request, "customer", customer_id, how="view_journal")
        held = balances(customer_id=customer_id)
    rows = journal(customer_id=customer_id, account=account, before=id_mark(request, "transaction"), limit=ROWS + 1)
    page = listed(request, rows, mark=lambda row: show_id("transaction", row.id))
    wanted = {row.customer_id for row in page.rows if row.customer_id} | ({customer_id} if customer_id else set())
    names = customers_by_ids(wanted)
    context = {
        "page": page,
        "rows": [{**each, "customer": names.get(each["row"].customer_id)} for each in transaction_rows(page.rows)],
        "balances": [
            {"account": code, "name": account_name(code), "currency": currency, "minor": minor}
            for (code, currency), minor in held.items()
        ],
        "accounts": [(code, account_name(code)) for code in accounts],
        "account": account,
        "customer": names.get(customer_id) if customer_id else None,
    }
    return render(request, "console/journal.html", context)


urlpatterns = [path("journal/", journal_page, name="journal")]
