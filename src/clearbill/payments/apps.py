"""Django app of the payments room."""

from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    """See the package's docstring."""

    name = "clearbill.payments"
    label = "payments"
