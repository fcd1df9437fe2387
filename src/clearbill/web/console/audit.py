"""The audit trail page: who did what, newest first."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from clearbill.core.errors import Malformed
from clearbill.scope.ids import read_id, show_id
from clearbill.sellers.queries import AUDIT_PAGE, audit_entries
from clearbill.web.console.access import staff
from clearbill.web.console.audit_facts import facts_in_words
from clearbill.web.console.audit_names import name_of_actor, sentence_of_audit

SEARCH_LIMIT = 80


@staff("view_audit")
def audit(request: HttpRequest) -> HttpResponse:
    """A page of rows; ``before`` is the id of the last one of the page before, ``object`` narrows to one
    object.
    """
    object_id = request.GET.get("object", "").strip()[:SEARCH_LIMIT]
    found = audit_entries(AUDIT_PAGE + 1, _before(request), object_id=object_id)
    page = found[:AUDIT_PAGE]
    context = {
        "rows": [
            {
                "entry": entry,
                "actor": name_of_actor(entry.actor_name),
                "sentence": sentence_of_audit(entry.action),
                "facts": facts_in_words(entry.data, zone=request.seller.timezone),
            }
            for entry in page
        ],
        "object_id": object_id,
        "is_later_page": "before" in request.GET,
        "next_before": show_id("audit", page[-1].id) if len(found) > AUDIT_PAGE else "",
    }
    return render(request, "console/audit.html", context)


def _before(request: HttpRequest) -> UUID | None:
    text = request.GET.get("before", "")
    try:
        return read_id("audit", text) if text else None
    except Malformed:
        return None  # a broken link shows the first page


urlpatterns = [path("audit/", audit, name="audit")]
