"""Django app of the sellers room."""

from django.apps import AppConfig


class SellersConfig(AppConfig):
    """See the package's docstring."""

    name = "clearbill.sellers"
    label = "sellers"
