"""The catalogue: meters and plans with all their dated versions, prices in plain words."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from clearbill.pricing.queries import meters, plan_by_code, plans, price_value
from clearbill.sellers.roles import allows
from clearbill.web.console.access import staff
from clearbill.web.console.plan_changes import changes
from clearbill.web.console.plan_documents import read_terms_of
from clearbill.web.console.words import aggregation_name
from clearbill.web.price_words import active_name, interval_words, price_words


@staff("view")
def catalogue(request: HttpRequest) -> HttpResponse:
    """What is sold now, and what is counted."""
    names = _meter_names()
    context = {
        "plans": [_plan(plan, names, request) for plan in plans()],
        "meters": [_meter(row) for row in meters()],
        "may_manage": allows(request.role, "manage_catalogue"),
    }
    return render(request, "console/catalogue.html", context)


@staff("view")
def plan(request: HttpRequest, code: str) -> HttpResponse:
    """One plan, newest version first, each with what it changed."""
    row = plan_by_code(code)
    names = _meter_names()
    rows = list(row.versions.all())
    versions = []
    for index, version in enumerate(rows):
        earlier = rows[index + 1] if index + 1 < len(rows) else None
        told = changes(read_terms_of(earlier), read_terms_of(version), meter_names=names) if earlier else []
        versions.append({**_version(version, names, at=request.at, newer=rows[:index]), "changes": told})
    context = {
        "plan": row,
        "name": active_name(row.name, row.code),
        "versions": versions,
        "may_manage": allows(request.role, "manage_catalogue"),
    }
    return render(request, "console/plan.html", context)


def _plan(row: Any, names: dict[str, str], request: HttpRequest) -> dict[str, Any]:
    """A plan with the version that holds now, else the first one to come."""
    rows = list(row.versions.all())
    in_force = next((version for version in rows if version.valid_from <= request.at), rows[-1] if rows else None)
    newer = rows[: rows.index(in_force)] if in_force else []
    return {
        "plan": row,
        "name": active_name(row.name, row.code),
        "count": len(rows),
        "version": _version(in_force, names, at=request.at, newer=newer) if in_force else None,
    }


def _version(version: Any, names: dict[str, str], *, at: Any, newer: list[Any]) -> dict[str, Any]:
    superseded = any(other.valid_from <= at for other in newer)
    return {
        "row": version,
        "interval": interval_words(version.interval, version.interval_count),
        "state": "scheduled" if version.valid_from > at else "ended" if superseded else "current",
        "until": newer[-1].valid_from if newer else None,
        "prices": [price_words(price_value(price), meter_names=names) for price in version.prices.all()],
    }


def _meter(row: Any) -> dict[str, Any]:
    document = json.loads(row.document)
    return {
        "row": row,
        "name": active_name(row.name, row.code),
        "counts": aggregation_name(document["aggregation"], document.get("property") or ""),
        "event_type": document["event_type"],
        "filters": [(name, ", ".join(values)) for name, values in document["filters"].items()],
        "group_by": ", ".join(document["group_by"]),
    }


def _meter_names() -> dict[str, str]:
    return {row.code: active_name(row.name, row.code) for row in meters()}


urlpatterns = [
    path("catalogue/", catalogue, name="catalogue"),
    path("catalogue/plans/<str:code>/", plan, name="plan"),
]
