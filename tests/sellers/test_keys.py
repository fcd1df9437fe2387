"""API keys: their form, who they are, and that a lost, revoked or foreign one opens nothing."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from clearbill.core.errors import Denied, NotFound, Refusal, Unacceptable, Unauthenticated
from clearbill.sellers import actions
from clearbill.sellers.models import ApiKey
from clearbill.sellers.queries import authenticate_key

AT = datetime(2026, 3, 1, tzinfo=UTC)
WHO = {"actor": "cli", "at": AT}


def test_a_key_says_its_mode_and_is_recognised(seller):
    key = actions.create_key(seller.id, name="usage", granter="owner", **WHO)
    assert key.text.startswith("cb_test_")
    assert len(key.text) == len("cb_test_") + 40
    found = authenticate_key(key.text)
    assert (found.seller_id, found.key_id, found.role) == (seller.id, key.id, "developer")


def test_only_the_hash_of_a_key_is_stored(seller):
    key = actions.create_key(seller.id, name="usage", granter="owner", **WHO)
    row = ApiKey.objects.get(id=key.id)
    assert bytes(row.secret_hash) == hashlib.sha256(key.text.encode()).digest()
    stored = [str(value) for value in ApiKey.objects.filter(id=key.id).values().get().values()]
    assert not any(key.text in value for value in stored)


def test_a_revoked_key_is_refused_like_one_that_never_was(seller):
    key = actions.create_key(seller.id, name="usage", granter="owner", **WHO)
    actions.revoke_key(seller.id, key_id=key.id, **WHO)
    with pytest.raises(Unauthenticated) as revoked:
        authenticate_key(key.text)
    with pytest.raises(Unauthenticated) as unknown:
        authenticate_key("cb_test_" + "x" * 40)
    assert revoked.value.sentence == unknown.value.sentence


@pytest.mark.parametrize(
    "text",
    ["", "cb_test_", "cb_test_short", "cb_prod_" + "x" * 40, "cb_live_" + "x" * 39 + "\x00", "é" * 48, "x" * 9999],
)
def test_what_is_no_key_is_refused_without_a_fault(database, text):
    with pytest.raises(Unauthenticated):
        authenticate_key(text)


def test_a_key_of_test_mode_doesnt_open_a_live_seller(seller):
    live = actions.create_seller(name="Live", country="FR", currency="EUR", timezone="UTC", **WHO)
    key = actions.create_key(seller.id, name="usage", granter="owner", **WHO)
    ApiKey.objects.filter(id=key.id).update(seller_id=live.id)
    with pytest.raises(Unauthenticated):
        authenticate_key(key.text)


def test_another_sellers_key_cant_be_revoked(seller, make_seller):
    other = make_seller(name="Other")
    key = actions.create_key(other.id, name="usage", granter="owner", **WHO)
    with pytest.raises(NotFound):
        actions.revoke_key(seller.id, key_id=key.id, **WHO)
    with pytest.raises(NotFound):
        actions.revoke_key(seller.id, key_id=uuid4(), **WHO)
    assert authenticate_key(key.text).seller_id == other.id


@pytest.mark.parametrize(
    ("granter", "role", "refused"),
    [
        ("owner", "owner", None),
        ("admin", "admin", None),
        ("admin", "owner", Denied),
        ("developer", "developer", None),
        ("developer", "viewer", None),
        ("developer", "admin", Denied),
        ("developer", "finance", Denied),
        ("owner", "root", Unacceptable),
    ],
)
def test_nobody_makes_a_key_that_may_do_more_than_they(seller, granter, role, refused):
    def make():
        return actions.create_key(seller.id, name="k", role=role, granter=granter, **WHO)

    if refused is None:
        assert authenticate_key(make().text).role == role
    else:
        with pytest.raises(refused):
            make()
        assert not ApiKey.objects.exists()


@pytest.mark.parametrize("name", ["", "   ", "x" * 121, "two\nlines"])
def test_a_key_needs_a_name(seller, name):
    with pytest.raises(Refusal) as refused:
        actions.create_key(seller.id, name=name, granter="owner", **WHO)
    assert refused.value.code == "key_name"
