"""The checkout's addresses."""

from __future__ import annotations

from clearbill.web.checkout import pay

app_name = "checkout"
urlpatterns = [*pay.urlpatterns]
