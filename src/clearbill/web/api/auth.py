"""Who a request is: the API key behind ``Authorization: Bearer``, its rate, role and seller, and the seller's present."""

from __future__ import annotations

from django.http import HttpRequest
from ninja.security import HttpBearer

from clearbill.core.errors import Unauthenticated
from clearbill.scope import rates
from clearbill.scope.clock import clock_of, wall_clock
from clearbill.sellers.queries import KeyIdentity, actor_of_key, authenticate_key, seller_by_id
from clearbill.sellers.roles import demand
from clearbill.web.api.body import read_unannounced

REQUESTS_A_WINDOW = 6_000
WINDOW_S = 60


class ApiKey(HttpBearer):
    """Asks for a key whose role holds ``permission``; puts ``seller``, ``role``, ``at`` and ``actor`` on the request."""

    def __init__(self, permission: str) -> None:
        super().__init__()
        self.permission = permission

    def __call__(self, request: HttpRequest) -> KeyIdentity:
        """Raises Unauthenticated ``api_key_missing`` and ``api_key_unknown``, Throttled, Denied ``not_allowed``."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated(
                "api_key_missing", "This needs an API key: send “Authorization: Bearer cb_live_…” or “… cb_test_…”."
            )
        return self.authenticate(request, token.strip())

    def authenticate(self, request: HttpRequest, token: str) -> KeyIdentity:
        """The same for the key itself."""
        identity = authenticate_key(token)
        rates.hit(f"api:{identity.key_id}", REQUESTS_A_WINDOW, WINDOW_S, wall_clock())
        demand(identity.role, self.permission)
        seller = seller_by_id(identity.seller_id)
        request.seller = seller  # type: ignore[attr-defined]
        request.role = identity.role  # type: ignore[attr-defined]
        request.at = clock_of(seller)  # type: ignore[attr-defined]
        request.actor = actor_of_key(identity.key_id)  # type: ignore[attr-defined]
        read_unannounced(request)
        return identity
