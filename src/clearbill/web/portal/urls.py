"""The portal's addresses, page by page."""

from __future__ import annotations

from clearbill.web.portal import invoices, methods, overview, sign_in, usage

app_name = "portal"
urlpatterns = [
    *overview.urlpatterns,
    *invoices.urlpatterns,
    *usage.urlpatterns,
    *methods.urlpatterns,
    *sign_in.urlpatterns,
]
