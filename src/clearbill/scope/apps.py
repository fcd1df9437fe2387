"""Django app of the scope: idempotency records and rate counts; grants and search paths after migrations."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db import connections
from django.db.models.signals import post_migrate


class ScopeConfig(AppConfig):
    """See the package's docstring."""

    name = "clearbill.scope"
    label = "scope"

    def ready(self) -> None:
        post_migrate.connect(_grant, sender=self)


def _grant(using: str, **_rest: Any) -> None:
    from clearbill.scope.tables import grant_unscoped, pin_search_paths

    # the last first: whoever finds that the grants are there may rely on both
    pin_search_paths(connections[using])
    grant_unscoped(connections[using], settings.CLEARBILL.app_role)
