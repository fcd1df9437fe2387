"""Mailed links into the portal: once, for a quarter of an hour, and only as they were made."""

from __future__ import annotations

from datetime import timedelta

import pytest

from clearbill.core.errors import Denied, Gone, NotFound
from clearbill.customers.actions import create_customer
from clearbill.customers.links import LINK_LIFETIME, make_sign_in_link, use_sign_in_link
from clearbill.customers.models import SignInLink
from clearbill.scope.ids import new_id
from clearbill.scope.seller import seller_scope


@pytest.fixture
def secret(seller) -> str:
    with seller_scope(seller.id):
        customer = create_customer({"external_id": "acme", "name": "Acme"}, at=seller.at, actor="cli")
        return make_sign_in_link(customer.id, at=seller.at)


def test_a_link_lets_its_customer_in_once(seller, secret: str) -> None:
    customer = use_sign_in_link(secret, at=seller.at + timedelta(minutes=1))
    assert (customer.external_id, customer.seller_id) == ("acme", seller.id)
    with pytest.raises(Gone, match="link_used"):
        use_sign_in_link(secret, at=seller.at + timedelta(minutes=2))


@pytest.mark.parametrize(("late_by_s", "works"), [(-1, True), (0, False), (1, False)])
def test_a_link_works_until_its_end(seller, secret: str, late_by_s: int, works: bool) -> None:
    at = seller.at + LINK_LIFETIME + timedelta(seconds=late_by_s)
    if works:
        assert use_sign_in_link(secret, at=at).external_id == "acme"
    else:
        with pytest.raises(Gone, match="link_expired"):
            use_sign_in_link(secret, at=at)


def test_a_link_that_was_changed_anywhere_is_refused(seller, secret: str) -> None:
    for index in range(0, len(secret), 7):
        changed = secret[:index] + ("x" if secret[index] != "x" else "y") + secret[index + 1 :]
        with pytest.raises(Denied, match="link_invalid"):
            use_sign_in_link(changed, at=seller.at)
    for broken in ("", ".", "a" * 10_000, "\0", secret + "a", secret[:-1]):
        with pytest.raises(Denied, match="link_invalid"):
            use_sign_in_link(broken, at=seller.at)
    assert use_sign_in_link(secret, at=seller.at).external_id == "acme"


def test_the_secret_itself_is_not_in_the_database(seller, secret: str) -> None:
    with seller_scope(seller.id):
        (link,) = SignInLink.objects.all()
        assert len(bytes(link.secret_hash)) == 32
        assert secret.encode() not in bytes(link.secret_hash)


def test_no_link_is_made_for_another_sellers_customer(make_seller) -> None:
    mine, theirs = make_seller(), make_seller(name="Other")
    with seller_scope(theirs.id):
        customer = create_customer({"external_id": "acme", "name": "Acme"}, at=theirs.at, actor="cli")
    with seller_scope(mine.id):
        for customer_id in (customer.id, new_id(mine.at)):
            with pytest.raises(NotFound, match="customer_not_found"):
                make_sign_in_link(customer_id, at=mine.at)
