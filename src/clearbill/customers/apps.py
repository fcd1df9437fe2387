"""Django app of the customers room."""

from django.apps import AppConfig


class CustomersConfig(AppConfig):
    """See the package's docstring."""

    name = "clearbill.customers"
    label = "customers"
