"""Gateway accounts: the sandbox's for a test seller, made when it's first needed; and the gateway behind an account."""

from __future__ import annotations

import logging
import secrets
from datetime import datetime
from uuid import UUID

from django.conf import settings

from clearbill.core.errors import Conflict
from clearbill.payments.gateways.protocol import Credentials, Gateway, GatewayError
from clearbill.payments.gateways.registry import GATEWAYS
from clearbill.payments.gateways.sandbox import SandboxGateway
from clearbill.payments.models import GatewayAccount
from clearbill.scope.ids import new_id, show_id
from clearbill.scope.sealed import seal, unseal
from clearbill.scope.seller import current_seller, seller_scope
from clearbill.sellers.actions import record_audit
from clearbill.sellers.queries import seller_by_id

SANDBOX = "sandbox"
WEBHOOK = "/webhooks/{seller}/{account}/"

log = logging.getLogger("clearbill.payments")


def active_account() -> GatewayAccount | None:
    """The account that the running seller takes payments with; None when it takes none."""
    return GatewayAccount.objects.filter(is_active=True).order_by("id").first()


def needed_account() -> GatewayAccount:
    """The same. Raises Conflict ``no_gateway``."""
    found = active_account()
    if found is None:
        raise Conflict("no_gateway", "Online payment isn't set up here yet.")
    return found


def open_sandbox(seller_id: UUID, *, base_url: str, at: datetime, actor: str) -> UUID:
    """Give a test seller its account at the sandbox, and tell the sandbox where events go. Again is harmless.

    Call it outside of a transaction. Raises Conflict ``sandbox_is_for_tests`` for a live seller.
    """
    with seller_scope(seller_id):
        if not seller_by_id(seller_id).is_test:
            raise Conflict("sandbox_is_for_tests", "The sandbox moves no money, so only a test seller may use it.")
        account = GatewayAccount.objects.filter(gateway=SANDBOX, is_active=True).first()
        if account is None:
            account = _make(base_url, at=at, actor=actor)
    try:
        register(account, at=at)
    except GatewayError as problem:  # payments are found by asking too; events only make it quicker
        log.warning("sandbox doesn't know our address yet", extra={"problem": str(problem)})
    return account.id


def register(account: GatewayAccount, *, at: datetime) -> None:
    """Tell the sandbox where this account's events go."""
    path = WEBHOOK.format(seller=show_id("seller", account.seller_id), account=show_id("gateway_account", account.id))
    gateway = gateway_of(account)
    if isinstance(gateway, SandboxGateway):
        gateway.register(webhook_url=settings.CLEARBILL.public_url.rstrip("/") + path, at=at)


def gateway_of(account: GatewayAccount) -> Gateway:
    """The gateway behind an account."""
    credentials = Credentials(
        base_url=account.base_url, secret=unseal(account.secret), webhook_secret=unseal(account.webhook_secret)
    )
    return GATEWAYS[account.gateway](credentials)


def _make(base_url: str, *, at: datetime, actor: str) -> GatewayAccount:
    account = GatewayAccount.objects.create(
        id=new_id(at),
        seller_id=current_seller(),
        gateway=SANDBOX,
        base_url=base_url,
        secret=seal(f"sandbox_{secrets.token_urlsafe(24)}"),
        webhook_secret=seal(secrets.token_urlsafe(32)),
        created_at=at,
    )
    shown = show_id("gateway_account", account.id)
    record_audit("gateway_account.open", object_id=shown, data={"gateway": SANDBOX}, actor=actor, at=at)
    return account
