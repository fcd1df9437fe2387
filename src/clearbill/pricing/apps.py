"""Django app of the pricing room."""

from django.apps import AppConfig


class PricingConfig(AppConfig):
    """See the package's docstring."""

    name = "clearbill.pricing"
    label = "pricing"
