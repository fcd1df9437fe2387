"""Stored ways to pay: choosing the one for what falls due, and letting one go."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from clearbill.core.errors import NotFound
from clearbill.payments.actions.accounts import gateway_of
from clearbill.payments.gateways.protocol import Gateway, GatewayError
from clearbill.payments.models import PaymentMethod
from clearbill.scope.ids import show_id
from clearbill.scope.seller import seller_scope
from clearbill.sellers.actions import record_audit


def choose_method(method_id: UUID, *, customer_id: UUID, actor: str, at: datetime) -> None:
    """What falls due is charged to this one from now on. Raises NotFound ``method_not_found``."""
    row = _own(method_id, customer_id=customer_id)
    PaymentMethod.objects.filter(customer_id=customer_id, is_default=True).update(is_default=False)
    row.is_default = True
    row.save(update_fields=["is_default"])
    record_audit("payment_method.default", object_id=show_id("payment_method", row.id), data={}, actor=actor, at=at)


def stop_charging(*, customer_id: UUID, actor: str, at: datetime) -> None:
    """Nothing is charged by itself any more; what is stored stays for payments that the customer makes."""
    for row in PaymentMethod.objects.filter(customer_id=customer_id, is_default=True):
        row.is_default = False
        row.save(update_fields=["is_default"])
        record_audit("payment_method.stop", object_id=show_id("payment_method", row.id), data={}, actor=actor, at=at)


def remove_method(seller_id: UUID, method_id: UUID, *, customer_id: UUID, actor: str, at: datetime) -> None:
    """Forget a method here and at the gateway. Call it outside of a transaction. Raises NotFound ``method_not_found``."""
    with seller_scope(seller_id):
        row = _own(method_id, customer_id=customer_id)
        row.is_attached, row.is_default = False, False
        row.save(update_fields=["is_attached", "is_default"])
        gateway: Gateway = gateway_of(row.account)
        record_audit("payment_method.remove", object_id=show_id("payment_method", row.id), data={}, actor=actor, at=at)
    try:
        gateway.detach(row.token, at=at)
    except GatewayError:
        return  # it's never used again here, whatever the gateway still knows


def _own(method_id: UUID, *, customer_id: UUID) -> PaymentMethod:
    rows = PaymentMethod.objects.select_for_update(of=("self",)).select_related("account")
    row = rows.filter(id=method_id, customer_id=customer_id, is_attached=True).first()
    if row is None:
        raise NotFound("method_not_found", "There is no such way to pay.")
    return row
