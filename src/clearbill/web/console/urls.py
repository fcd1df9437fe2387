"""Addresses of the console."""

from django.urls import path
from django.views.generic import RedirectView

from clearbill.web.console import access, audit, developers, settings, team

app_name = "console"
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="console:team"), name="home"),
    *access.urlpatterns,
    *team.urlpatterns,
    *developers.urlpatterns,
    *audit.urlpatterns,
    *settings.urlpatterns,
]
