"""Django app of the billing room."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    """See the package's docstring."""

    name = "clearbill.billing"
    label = "billing"
