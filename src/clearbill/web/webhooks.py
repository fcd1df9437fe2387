"""Where gateways tell us what happened. Verified, saved, answered; the work follows in a job."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from clearbill.core.errors import Malformed, NotFound, TooLarge
from clearbill.payments.actions.events import MAX_BODY, take_event
from clearbill.payments.jobs import defer_work
from clearbill.scope.clock import wall_clock
from clearbill.scope.correlation import correlation_id
from clearbill.scope.ids import read_id


@csrf_exempt
@require_POST
def gateway_event(request: HttpRequest, shown_seller: str, shown_account: str) -> HttpResponse:
    """An event of a gateway account. 204 also for one that came before."""
    try:
        seller_id, account_id = read_id("seller", shown_seller), read_id("gateway_account", shown_account)
    except Malformed:
        raise NotFound("not_found", "There is nothing at this address.") from None
    if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_BODY:
        raise TooLarge("body_too_large", "The body has more than {limit} bytes.", limit=MAX_BODY)
    take_event(seller_id, account_id, dict(request.headers), request.body, now=wall_clock())
    defer_work(seller_id, correlation_id=correlation_id())
    return HttpResponse(status=204)
