"""The world of the screenshots: the example's year, one of everything that it lacks, and a seller without anything."""

from __future__ import annotations

from uuid import UUID

from rich.console import Console

EMPTY = "Fresh Start"
SEATS = {
    "code": "seats",
    "name": {"en": "Seats", "zh-Hans": "席位"},
    "model": "per_unit",
    "unit_amount": "19.00",
    "quantity": "3",
    "bill": "in_advance",
}
SUPPORT_PLAN = {
    "code": "support",
    "name": {"en": "Support", "zh-Hans": "支持服务"},
    "currency": "USD",
    "interval": "month",
    "policies": {"grace_hours": 48},
    "prices": [SEATS],
}


def make_world() -> None:
    """Migrate, play the example, and add a credit note, a draft, a cancellation, a key, people and an empty seller."""
    import django

    django.setup()
    from clearbill.cli import example
    from clearbill.cli.migrate import migrate

    migrate()
    example.play(console=Console(), with_pdfs=False)
    _add_the_rest()


def portal_link() -> str:
    """The address of a new link for the example's last customer."""
    import django

    django.setup()
    from django.urls import reverse

    from clearbill.customers.links import make_sign_in_link
    from clearbill.customers.queries import customers_page
    from clearbill.scope.clock import wall_clock
    from clearbill.scope.seller import seller_scope

    with seller_scope(_skyline()):
        secret = make_sign_in_link(customers_page(limit=1)[0].id, at=wall_clock())
    return reverse("portal:enter", args=[secret])


def portal_sign_in() -> str:
    """Where a customer of the example asks for a link."""
    import django

    django.setup()
    from django.urls import reverse

    from clearbill.scope.ids import show_id

    return reverse("portal:sign_in", args=[show_id("seller", _skyline())])


def _skyline() -> UUID:
    from clearbill.cli.example import NAME
    from clearbill.sellers.queries import all_sellers

    return next(each.id for each in all_sellers() if each.name == NAME)


def _add_the_rest() -> None:
    from clearbill.billing.actions.tick import tick
    from clearbill.cli.example import ACTOR, MONTHS
    from clearbill.scope.clock import wall_clock
    from clearbill.scope.seller import seller_scope
    from clearbill.sellers.actions import add_member, create_key, create_user, invite

    seller_id, at = _skyline(), MONTHS[-1]
    owner = _owner()
    with seller_scope(seller_id):
        _bill_more(at)
    tick(seller_id, at=at)
    granted = {"granter": "owner", "actor": ACTOR, "at": wall_clock()}
    create_key(seller_id, name="usage from production", role="developer", **granted)
    helper = create_user("support@skyline.example", at=wall_clock(), password=None, name="Support desk")
    add_member(seller_id, user_id=helper, role="support", **granted)
    invite(seller_id, email="books@skyline.example", role="finance", invited_by=owner, **granted)
    _empty_seller(owner)


def _bill_more(at: object) -> None:
    from django.db import transaction

    from clearbill.billing.actions.credits import credit_invoice
    from clearbill.billing.actions.subscriptions import cancel, subscribe
    from clearbill.billing.queries.invoices import InvoiceFilter, invoices
    from clearbill.cli.example import ACTOR
    from clearbill.customers.queries import customers_page
    from clearbill.pricing.actions import create_plan

    known = {"at": at, "actor": ACTOR}
    first, second = customers_page(limit=2)
    with transaction.atomic():
        create_plan(SUPPORT_PLAN, **known)
        subscribe(customer_id=first.id, plan_code="support", **known)
        ending = subscribe(customer_id=second.id, plan_code="support", **known)
        cancel(ending.id, timing="at_period_end", **known)
        billed = invoices(InvoiceFilter(customer_id=first.id), at=at, limit=2)[1]
        credit_invoice(billed.id, lines={1: 10_000, 2: 500}, reason="Outage on November 12", **known)


def _owner() -> UUID:
    from clearbill.cli.example import OWNER
    from clearbill.sellers.queries import user_id_of

    return user_id_of(OWNER)


def _empty_seller(owner: UUID) -> None:
    from clearbill.cli.example import ACTOR
    from clearbill.scope.clock import wall_clock
    from clearbill.sellers.actions import add_member, create_seller

    at = wall_clock()
    profile = {"country": "DE", "currency": "EUR", "timezone": "Europe/Berlin", "legal_name": EMPTY}
    fresh = create_seller(name=EMPTY, actor=ACTOR, at=at, is_test=True, number_prefix="FRESH", **profile)
    add_member(fresh.id, user_id=owner, role="owner", granter="owner", actor=ACTOR, at=at)
