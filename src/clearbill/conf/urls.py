"""All addresses, by face; ``/healthz`` and ``/readyz`` are answered before, see ``web.middleware``."""

from django.urls import include, path
from django.views.generic import RedirectView

from clearbill.web import webhooks
from clearbill.web.api.api import api

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="console:home"), name="root"),
    path("api/v1/", api.urls),
    path("accounts/", include("clearbill.web.console.account_urls")),
    path("accounts/", include("allauth.urls")),
    path("language/", include("django.conf.urls.i18n")),
    path("console/", include("clearbill.web.console.urls")),
    path("portal/", include("clearbill.web.portal.urls")),
    path("pay/", include("clearbill.web.checkout.urls")),
    path("webhooks/<str:shown_seller>/<str:shown_account>/", webhooks.gateway_event),
]

handler400 = "clearbill.web.errors.bad_request"
handler404 = "clearbill.web.errors.page_not_found"
handler500 = "clearbill.web.errors.server_error"
