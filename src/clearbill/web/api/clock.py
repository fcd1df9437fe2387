"""The seller behind a key, and the clock of a test seller: moved forward, it does all that falls due on the way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from ninja import Router
from pydantic import Field

from clearbill.billing.actions.tick import move_clock
from clearbill.core.errors import Conflict, Unacceptable
from clearbill.scope.ids import show_id
from clearbill.web.api.doors import acts_in_steps, reads
from clearbill.web.api.shapes import Given, Instant, InstantText, Shown, instant_text

MAX_STEP = timedelta(days=400)
router = Router(tags=["Seller"])


class Seller(Shown):
    """Who bills."""

    id: str = Field(examples=["sel_01jh7q2v8s1k8m5c4w2x6y9z3b"])
    name: str
    legal_name: str
    country: str
    currency: str
    timezone: str
    locale: str
    email: str
    address: list[str]
    is_test: bool = Field(description="Whether this is a test seller, whose data can be thrown away.")
    tax_behavior: str = Field(description="`exclusive`: prices are without tax; `inclusive`: they contain it.")
    net_terms_days: int
    policies: dict[str, str | int]
    role: str = Field(description="What this key is: its role says what it may do.", examples=["developer"])


class Clock(Shown):
    """The seller's present."""

    at: InstantText
    is_set: bool = Field(description="Whether a test clock was set; else it's the time of day.")


class Advance(Given):
    """To which instant."""

    to: Instant


class Advanced(Shown):
    """Where the clock stands now, and what was done on the way."""

    at: InstantText
    invoices: int = Field(description="Invoices that became final.")
    drafts: int = Field(description="Bills that wait out their grace.")
    parked: int = Field(description="Subscriptions that couldn't be billed and wait for a person.")


@reads(router, "/seller", gives=Seller)
def get_seller(request: HttpRequest) -> Seller:
    """Get the seller that this key belongs to."""
    row: Any = request.seller
    shown = {name: getattr(row, name) for name in Seller.model_fields if name not in ("id", "role")}
    return Seller(id=show_id("seller", row.id), role=request.role, **shown)


@reads(router, "/test_clock", gives=Clock)
def get_test_clock(request: HttpRequest) -> Clock:
    """Get the seller's present."""
    return Clock(at=instant_text(request.at), is_set=request.seller.test_clock_at is not None)


@acts_in_steps(router, "/test_clock", gives=Advanced, may="manage_subscriptions")
def advance_test_clock(request: HttpRequest, body: Advance) -> Advanced:
    """Move a test seller's clock forward and do what falls due till then.

    Only with a test key. The first setting may be any instant; after that the clock only goes forward, by 400 days at most.
    """
    seller = request.seller
    if not seller.is_test:
        raise Conflict("clock_of_live_seller", "Only a test seller's clock can be set.")
    if seller.test_clock_at is not None and body.to > seller.test_clock_at + MAX_STEP:
        raise Unacceptable(
            "clock_too_far", "A clock moves {limit} days at once at most.", field="to", limit=MAX_STEP.days
        )
    report = move_clock(seller.id, to=body.to, actor=request.actor)
    return Advanced(at=instant_text(body.to), invoices=report.invoices, drafts=report.drafts, parked=report.parked)
