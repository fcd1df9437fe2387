"""The console's addresses, page by page."""

from __future__ import annotations

from clearbill.web.console import (
    access,
    audit,
    catalogue,
    catalogue_editing,
    credit_notes,
    customers,
    developers,
    drafts,
    home,
    invoices,
    journal,
    payments,
    settings,
    subscriptions,
    team,
    usage,
)

app_name = "console"
urlpatterns = [
    *home.urlpatterns,
    *customers.urlpatterns,
    *subscriptions.urlpatterns,
    *invoices.urlpatterns,
    *credit_notes.urlpatterns,
    *payments.urlpatterns,
    *drafts.urlpatterns,
    *usage.urlpatterns,
    *catalogue_editing.urlpatterns,
    *catalogue.urlpatterns,
    *journal.urlpatterns,
    *audit.urlpatterns,
    *team.urlpatterns,
    *developers.urlpatterns,
    *settings.urlpatterns,
    *access.urlpatterns,
]
