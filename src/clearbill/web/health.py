"""``/healthz``: this process answers. ``/readyz``: and so do the database and its migrations. Both tell the truth."""

from __future__ import annotations

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from clearbill import __version__


def healthz(_request: HttpRequest) -> JsonResponse:
    """200 as long as the process can answer at all."""
    return JsonResponse({"status": "ok", "version": __version__})


def readyz(_request: HttpRequest) -> JsonResponse:
    """200 when the database answers and is migrated, else 503 with what's wrong."""
    try:
        executor = MigrationExecutor(connection)
        missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except DatabaseError:
        return JsonResponse({"status": "unavailable", "problem": "the database doesn't answer"}, status=503)
    if missing:
        return JsonResponse({"status": "unavailable", "problem": f"{missing} migrations are missing"}, status=503)
    return JsonResponse({"status": "ok"})
