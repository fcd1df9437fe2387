"""Addresses of the portal."""

from typing import Any

app_name = "portal"
urlpatterns: list[Any] = []
