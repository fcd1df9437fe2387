"""Browsers that are signed in to console and portal, and a small world for them to look at."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from django.test import Client

from clearbill.customers.links import make_sign_in_link
from clearbill.scope.clock import wall_clock
from tests.worlds import in_scope, make_customer, make_meter, make_plan, run_until, subscribe, use

_TAG = re.compile(r"<[^>]*>")


def signed_in(world: Any, role: str = "owner") -> Client:
    """A browser of a person with ``role`` at the seller."""
    from clearbill.sellers.actions import add_member, create_user
    from clearbill.sellers.models import User

    user_id = create_user(f"{role}@{world.id}.example", at=world.at, password="tower bridge 9 lamps")
    add_member(world.id, user_id=user_id, role=role, granter="owner", actor="test", at=world.at)
    browser = Client(raise_request_exception=False)
    browser.force_login(User.objects.get(id=user_id), backend="allauth.account.auth_backends.AuthenticationBackend")
    return browser


def customer_browser(world: Any, customer: Any) -> Client:
    with in_scope(world):
        secret = make_sign_in_link(customer.id, at=wall_clock())
    browser = Client(raise_request_exception=False)
    assert browser.post(f"/portal/enter/{secret}/").status_code == 302
    return browser


def full(world: Any, *, customers: int = 1, months: int = 2) -> list[Any]:
    """Customers with bills, usage and a running subscription each."""
    make_meter(world, "calls")
    fee = {"code": "fee", "model": "flat", "amount": "29.00", "bill": "in_advance"}
    make_plan(world, prices=[fee, {"code": "calls", "model": "per_unit", "unit_amount": "0.10", "meter": "calls"}])
    made = []
    for number in range(customers):
        made.append(make_customer(world, f"acme{number}"))
        subscribe(world, made[-1])
        use(world, f"acme{number}", "calls", "2025-01-12T10:00")
    run_until(world, f"2025-{months + 1:02d}-15T00:00")
    return made


def words_of(answer: Any) -> str:
    """What a reader sees of a page: its words, with single spaces, whatever kind they are."""
    return " ".join(unescape(_TAG.sub(" ", answer.content.decode())).split())
