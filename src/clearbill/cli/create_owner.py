"""``clearbill create-owner``: the first person of a company, its live seller and the test seller beside
it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import click

GENERATED_BYTES = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOwner:
    """What was made. ``password`` is set when it was generated here: it's seen only now."""

    user_id: UUID
    live_id: UUID
    test_id: UUID
    password: str | None


def create_owner(
    email: str,
    *,
    seller_name: str,
    country: str,
    currency: str,
    timezone: str,
    at: datetime,
    password: str | None = None,
    name: str = "",
    locale: str = "en",
) -> NewOwner:
    """A live seller, its test seller, and an owner of both, all or nothing.

    A person who has an account already keeps its password and becomes owner of the new sellers; else
    ``password``, or one
    made here. Raises the refusals of the seller's profile, Unacceptable ``password_weak``, Conflict
    ``seller_exists``.
    """
    from django.db import transaction

    from clearbill.sellers import actions
    from clearbill.sellers.queries import user_id_of

    profile = {
        "name": seller_name,
        "country": country,
        "currency": currency,
        "timezone": timezone,
        "locale": locale,
    }
    made = None
    with transaction.atomic():
        user_id = user_id_of(email)
        if user_id is not None:
            _refuse_second_time(user_id, seller_name)
        live = actions.create_seller(**profile, email=email, actor="cli", at=at)
        test = actions.create_seller(**profile, email=email, actor="cli", at=at, is_test=True, live_id=live.id)
        if user_id is None:
            made = None if password else secrets.token_urlsafe(GENERATED_BYTES)
            _check_password(password or made, email=email, name=name)
            user_id = actions.create_user(email, at=at, password=password or made, name=name, locale=locale)
        actions.add_member(live.id, user_id=user_id, role="owner", granter="owner", actor="cli", at=at)
    return NewOwner(user_id=user_id, live_id=live.id, test_id=test.id, password=made)


def _refuse_second_time(user_id: UUID, seller_name: str) -> None:
    from clearbill.core.errors import Conflict
    from clearbill.sellers.queries import sellers_of_user

    if any(access.seller.name == seller_name.strip() for access in sellers_of_user(user_id)):
        raise Conflict(
            "seller_exists",
            "This person has a seller named “{name}” already. Choose another name, or sign in to it.",
            name=seller_name,
        )


def _check_password(password: str, *, email: str, name: str) -> None:
    from django.contrib.auth.password_validation import validate_password
    from django.core.exceptions import ValidationError

    from clearbill.core.errors import Unacceptable
    from clearbill.sellers.models import User

    try:
        validate_password(password, User(email=email, name=name))
    except ValidationError as weak:
        raise Unacceptable("password_weak", "{reasons}", field="password", reasons=" ".join(weak.messages)) from None


@click.command("create-owner")
@click.argument("email")
@click.option(
    "--seller", "seller_name", prompt="Name of the company that bills", help="Name of the company that bills."
)
@click.option("--country", prompt="Country (two letters, such as FR)", help="ISO 3166, such as FR.")
@click.option("--currency", prompt="Currency (three letters, such as EUR)", help="ISO 4217, such as EUR.")
@click.option("--timezone", default="UTC", show_default=True, help="Such as Europe/Paris.")
@click.option("--name", default="", help="The owner's own name.")
@click.option("--locale", type=click.Choice(["en", "zh-Hans"]), default="en", show_default=True)
@click.option("--password", default=None, help="Without one, a password is made and shown once.")
def command(email: str, password: str | None, **profile: str) -> None:
    """Make EMAIL the owner of a new company: live and test mode, ready to sign in."""
    from clearbill.core.errors import Refusal
    from clearbill.scope.clock import wall_clock

    try:
        owner = create_owner(email, **profile, password=password, at=wall_clock())
    except Refusal as refusal:
        click.echo(refusal.sentence, err=True)
        raise SystemExit(2) from None
    click.echo(f"{email} owns “{profile['seller_name']}” now, in live and test mode.")
    if owner.password:
        click.echo(f"Password, shown only now: {owner.password}")
    elif password is None:
        click.echo("This person had an account already; its password stays as it was.")
