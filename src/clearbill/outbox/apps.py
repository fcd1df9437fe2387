"""Django app of the outbox."""

from django.apps import AppConfig


class OutboxConfig(AppConfig):
    """See the package's docstring."""

    name = "clearbill.outbox"
    label = "outbox"
