"""Django app of the mail room."""

from django.apps import AppConfig


class MailConfig(AppConfig):
    """See the package's docstring."""

    name = "clearbill.mail"
    label = "mail"
