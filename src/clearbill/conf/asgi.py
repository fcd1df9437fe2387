"""The one door: an ASGI application. Django runs synchronously in a bounded pool of threads over psycopg's pool."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from contextvars import Context
from typing import Any

from a2wsgi import WSGIMiddleware

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clearbill.conf.settings")

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from clearbill.scope.correlation import correlated

CORRELATION = "HTTP_X_CORRELATION_ID"
django_application = get_wsgi_application()


def correlated_application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Django under the request's correlation id: around its middleware too, since it logs refusals after all of that."""
    with correlated(environ.get(CORRELATION, "")) as chosen:
        environ[CORRELATION] = chosen
        return django_application(environ, start_response)


_in_threads = WSGIMiddleware(correlated_application, workers=settings.CLEARBILL.threads)


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Each request in an empty context: a connection's next one starts in that of the one before, and of somebody else
    when a proxy keeps the connection.
    """
    await asyncio.get_running_loop().create_task(_in_threads(scope, receive, send), context=Context())
