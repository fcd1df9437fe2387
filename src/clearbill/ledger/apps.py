"""Django app of the ledger room."""

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    """See the package's docstring."""

    name = "clearbill.ledger"
    label = "ledger"
