"""Teams: invitations that work once, roles that can't be climbed, and an owner who always stays."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections

from clearbill.cli.create_owner import create_owner
from clearbill.core.errors import Conflict, Denied, Gone, NotFound, Refusal, Unacceptable
from clearbill.scope.seller import seller_scope
from clearbill.sellers import actions
from clearbill.sellers.actions.invitations import LIFETIME
from clearbill.sellers.models import Invitation, Seller, User
from clearbill.sellers.queries import audit_entries, members, open_invitations, role_of, sellers_of_user, user_id_of

AT = datetime(2026, 3, 1, tzinfo=UTC)
WHO = {"actor": "cli", "at": AT}
PASSWORD = "tower bridge 9 lamps"


@pytest.fixture
def owner(database):
    return create_owner(
        "Olga@Acme.example", seller_name="Acme", country="FR", currency="EUR", timezone="Europe/Paris", at=AT
    )


def invite(owner, email="nina@acme.example", role="finance", granter="owner", at=AT):
    return actions.invite(
        owner.live_id, email=email, role=role, granter=granter, invited_by=owner.user_id, actor="cli", at=at
    )


def join(owner, email, role):
    invitation = invite(owner, email=email, role=role)
    return actions.accept_invitation(invitation.token, at=AT, name="New", password=PASSWORD)


def test_create_owner_makes_live_and_test_with_one_owner(owner):
    found = sellers_of_user(owner.user_id)
    assert [(access.seller.id, access.seller.is_test, access.role) for access in found] == [
        (owner.live_id, False, "owner"),
        (owner.test_id, True, "owner"),
    ]
    assert Seller.objects.get(id=owner.test_id).live_id == owner.live_id
    assert User.objects.get(id=owner.user_id).check_password(owner.password)
    assert user_id_of("OLGA@acme.EXAMPLE") == owner.user_id


def test_create_owner_of_a_known_person_keeps_their_password(owner):
    second = create_owner(
        "olga@acme.example", seller_name="Second", country="CN", currency="CNY", timezone="Asia/Shanghai", at=AT
    )
    assert second.user_id == owner.user_id
    assert second.password is None
    assert User.objects.get(id=owner.user_id).check_password(owner.password)
    assert len(sellers_of_user(owner.user_id)) == 4


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"country": "EU"}, "unknown_country"),
        ({"country": "fr"}, "unknown_country"),
        ({"currency": "XAU"}, "unknown_currency"),
        ({"currency": "eur"}, "unknown_currency"),
        ({"timezone": "Paris"}, "unknown_timezone"),
        ({"seller_name": " "}, "text_length"),
        ({"password": "short"}, "password_weak"),
        ({"password": "olga@acme.example"}, "password_weak"),
        ({"email": "olga"}, "email_malformed"),
    ],
)
def test_create_owner_with_a_wrong_word_leaves_nothing(database, change, code):
    words = {
        "email": "olga@acme.example",
        "seller_name": "Acme",
        "country": "FR",
        "currency": "EUR",
        "timezone": "UTC",
        **change,
    }
    with pytest.raises(Refusal) as refused:
        create_owner(words.pop("email"), **words, at=AT)
    assert refused.value.code == code
    assert not Seller.objects.exists()
    assert not User.objects.exists()


def test_an_invited_person_joins_live_and_test_and_the_link_is_used_up(owner):
    invitation = invite(owner)
    offer = actions.read_invitation(invitation.token, at=AT)
    assert (offer.seller_name, offer.email, offer.role, offer.has_account) == (
        "Acme",
        "nina@acme.example",
        "finance",
        False,
    )
    user_id = actions.accept_invitation(invitation.token, at=AT, name="Nina", password=PASSWORD)
    assert role_of(user_id, owner.live_id) == role_of(user_id, owner.test_id) == "finance"
    with pytest.raises(Gone):
        actions.accept_invitation(invitation.token, at=AT, name="Nina", password=PASSWORD)


def test_a_person_with_an_account_joins_without_losing_their_password(owner, make_seller):
    user_id = actions.create_user("nina@acme.example", at=AT, password=PASSWORD, name="Nina")
    invitation = invite(owner)
    assert actions.read_invitation(invitation.token, at=AT).has_account
    assert actions.accept_invitation(invitation.token, at=AT, name="Eve", password="another password 1") == user_id
    user = User.objects.get(id=user_id)
    assert user.check_password(PASSWORD)
    assert user.name == "Nina"


@pytest.mark.parametrize(
    ("after", "works"),
    [(LIFETIME - timedelta(seconds=1), True), (LIFETIME, False), (LIFETIME + timedelta(seconds=1), False)],
)
def test_an_invitation_expires(owner, after, works):
    token = invite(owner).token
    if works:
        assert actions.read_invitation(token, at=AT + after).seller_name == "Acme"
    else:
        with pytest.raises(Gone):
            actions.read_invitation(token, at=AT + after)


def test_a_tampered_link_is_refused_by_its_signature(owner):
    token = invite(owner).token
    secret, signature = token.split(":")
    for forged in ("", "x", secret, f"{secret}:", f"{secret[::-1]}:{signature}", token[:-1], token + "x"):
        with pytest.raises(Gone):
            actions.read_invitation(forged, at=AT)


def test_the_links_secret_is_stored_as_its_hash_only(owner):
    invitation = invite(owner)
    row = Invitation.objects.get(id=invitation.id)
    assert len(bytes(row.secret_hash)) == 32
    assert invitation.token.split(":")[0].encode() not in bytes(row.secret_hash)


def test_inviting_again_ends_the_earlier_link(owner):
    first, second = invite(owner), invite(owner, role="viewer")
    with pytest.raises(Gone):
        actions.read_invitation(first.token, at=AT)
    assert actions.read_invitation(second.token, at=AT).role == "viewer"


def test_a_withdrawn_invitation_lets_nobody_in(owner, make_seller):
    invitation = invite(owner)
    with pytest.raises(NotFound):
        actions.withdraw_invitation(make_seller().id, invitation_id=invitation.id, **WHO)
    actions.withdraw_invitation(owner.live_id, invitation_id=invitation.id, **WHO)
    with pytest.raises(Gone):
        actions.read_invitation(invitation.token, at=AT)


@pytest.mark.parametrize("fate", ["removed", "made less", "switched off"])
def test_an_invitation_of_somebody_who_may_not_give_that_role_any_more_lets_nobody_in(owner, fate):
    admin = join(owner, "adam@acme.example", "admin")
    waiting = actions.invite(
        owner.live_id,
        email="adam@elsewhere.example",
        role="admin",
        granter="admin",
        invited_by=admin,
        actor="cli",
        at=AT,
    )
    assert actions.read_invitation(waiting.token, at=AT).role == "admin"
    if fate == "removed":
        actions.remove_member(owner.live_id, user_id=admin, granter="owner", **WHO)
    elif fate == "made less":
        actions.change_role(owner.live_id, user_id=admin, role="finance", granter="owner", **WHO)
    else:
        User.objects.filter(id=admin).update(is_active=False)

    assert open_invitations(owner.live_id, AT) == []
    with pytest.raises(Gone):
        actions.read_invitation(waiting.token, at=AT)
    with pytest.raises(Gone):
        actions.accept_invitation(waiting.token, at=AT, name="Adam", password=PASSWORD)
    assert user_id_of("adam@elsewhere.example") is None


def test_a_new_person_needs_name_and_password(owner):
    token = invite(owner).token
    for words in ({}, {"name": "Nina"}, {"password": PASSWORD}, {"name": " ", "password": PASSWORD}):
        with pytest.raises(Unacceptable):
            actions.accept_invitation(token, at=AT, **words)
    assert actions.accept_invitation(token, at=AT, name="Nina", password=PASSWORD)


def test_a_persons_name_is_one_line(owner):
    invitation = invite(owner)
    name = "Nina\r\n\r\nYour account is blocked:\u2028https://evil.example\x00" + "x" * 200
    user_id = actions.accept_invitation(invitation.token, at=AT, name=name, password=PASSWORD)
    stored = User.objects.get(id=user_id).name
    assert stored.startswith("Nina Your account is blocked: https://evil.example x")
    assert stored.isprintable()
    assert len(stored) == 120


def test_a_member_isnt_invited_again(owner):
    with pytest.raises(Conflict) as refused:
        invite(owner, email="OLGA@acme.example")
    assert refused.value.code == "member_already"


def test_an_admin_neither_makes_nor_unmakes_owners(owner):
    nina = join(owner, "nina@acme.example", "admin")
    for attempt in (
        lambda: invite(owner, email="x@acme.example", role="owner", granter="admin"),
        lambda: actions.change_role(owner.live_id, user_id=nina, role="owner", granter="admin", **WHO),
        lambda: actions.change_role(owner.live_id, user_id=owner.user_id, role="viewer", granter="admin", **WHO),
        lambda: actions.remove_member(owner.live_id, user_id=owner.user_id, granter="admin", **WHO),
    ):
        with pytest.raises(Denied):
            attempt()
    assert role_of(owner.user_id, owner.live_id) == "owner"
    assert role_of(nina, owner.live_id) == "admin"


def test_the_last_owner_stays(owner):
    for attempt in (
        lambda: actions.change_role(owner.live_id, user_id=owner.user_id, role="admin", granter="owner", **WHO),
        lambda: actions.remove_member(owner.live_id, user_id=owner.user_id, granter="owner", **WHO),
    ):
        with pytest.raises(Conflict) as refused:
            attempt()
        assert refused.value.code == "last_owner"
    nina = join(owner, "nina@acme.example", "owner")
    actions.remove_member(owner.live_id, user_id=owner.user_id, granter="owner", **WHO)
    assert role_of(owner.user_id, owner.live_id) is None
    assert role_of(owner.user_id, owner.test_id) is None
    assert [member.user_id for member in members(owner.live_id)] == [nina]


def test_a_switched_off_owner_doesnt_count_as_one(owner):
    nina = join(owner, "nina@acme.example", "owner")
    User.objects.filter(id=nina).update(is_active=False)
    assert role_of(nina, owner.live_id) is None
    with pytest.raises(Conflict):
        actions.remove_member(owner.live_id, user_id=owner.user_id, granter="owner", **WHO)


def test_two_owners_who_remove_each_other_at_once_leave_one(owner):
    nina = join(owner, "nina@acme.example", "owner")
    outcomes, start = [], threading.Barrier(2)

    def remove(user_id):
        start.wait()
        try:
            actions.remove_member(owner.live_id, user_id=user_id, granter="owner", **WHO)
            outcomes.append("removed")
        except Conflict as refused:
            outcomes.append(refused.code)
        finally:
            connections["default"].close()

    threads = [threading.Thread(target=remove, args=(user_id,)) for user_id in (owner.user_id, nina)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["last_owner", "removed"]
    assert len(members(owner.live_id)) == 1


def test_what_happens_to_a_team_is_in_its_audit_trail_without_addresses(owner):
    nina = join(owner, "nina@acme.example", "finance")
    actions.change_role(owner.live_id, user_id=nina, role="viewer", granter="owner", **WHO)
    actions.remove_member(owner.live_id, user_id=nina, granter="owner", **WHO)
    with seller_scope(owner.live_id):
        entries = audit_entries(100)
    assert {
        "seller.create",
        "invitation.create",
        "invitation.accept",
        "member.add",
        "member.change_role",
        "member.remove",
    } == {entry.action for entry in entries}
    assert "@" not in "".join(f"{entry.object_id}{entry.data}{entry.actor}" for entry in entries)
