"""Django app of the faces: templates, static files, template tags."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """See the package's docstring."""

    name = "clearbill.web"
    label = "web"
