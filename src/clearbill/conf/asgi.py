"""The one door: an ASGI application. Django runs synchronously in a bounded pool of threads over psycopg's pool."""

from __future__ import annotations

import os

from a2wsgi import WSGIMiddleware

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clearbill.conf.settings")

from django.conf import settings
from django.core.wsgi import get_wsgi_application

django_application = get_wsgi_application()
application = WSGIMiddleware(django_application, workers=settings.CLEARBILL.threads)
