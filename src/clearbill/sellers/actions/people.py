"""People: users, memberships and their roles. A live seller and its test share one team: both rows change
together.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from clearbill.core.errors import Conflict, NotFound
from clearbill.scope.ids import new_id, show_id
from clearbill.scope.seller import seller_scope
from clearbill.sellers.actions.audit import record_audit
from clearbill.sellers.models import Membership, Seller, User
from clearbill.sellers.profile import check_email
from clearbill.sellers.queries import seller_by_id
from clearbill.sellers.roles import demand_grant

MAX_NAME_LENGTH = 120


def create_user(email: str, *, at: datetime, password: str | None, name: str = "", locale: str = "en") -> UUID:
    """A person who can sign in. Raises Unacceptable ``email_malformed``, Conflict ``user_exists``.

    The caller has checked the password's strength. Belongs to no seller, so it leaves no audit row; joining
    does.
    """
    address = check_email(email)
    if User.objects.filter(email=address).exists():
        raise Conflict("user_exists", "There is a person with this address already.", field="email")
    user = User.objects.create_user(address, password, id=new_id(at), name=one_line(name), locale=locale, created_at=at)
    return user.id


def one_line(name: str) -> str:
    """A person's name as mails and pages show it: a line break in it could pass for words of ours."""
    visible = "".join(letter if letter.isprintable() else " " for letter in name)
    return " ".join(visible.split())[:MAX_NAME_LENGTH]


def add_member(seller_id: UUID, *, user_id: UUID, role: str, granter: str, actor: str, at: datetime) -> None:
    """Make a person a member of the seller and of its test (or live) siblings. Who is one already keeps
    their role.
    """
    demand_grant(granter, role)
    with seller_scope(seller_id):
        _lock(seller_id)
        present = set(_rows(seller_id, user_id).values_list("seller_id", flat=True))
        Membership.objects.bulk_create(
            Membership(id=new_id(at), seller_id=sibling, user_id=user_id, role=role, created_at=at)
            for sibling in _family(seller_id)
            if sibling not in present
        )
        record_audit("member.add", actor=actor, at=at, object_id=show_id("user", user_id), data={"role": role})


def change_role(seller_id: UUID, *, user_id: UUID, role: str, granter: str, actor: str, at: datetime) -> None:
    """Give a member another role. ``granter`` is the role of who asks.

    Raises Denied ``role_above_own`` (for the old role and the new one), NotFound ``member_not_found``,
    Conflict ``last_owner``.
    """
    demand_grant(granter, role)
    with seller_scope(seller_id):
        before = _role_now(seller_id, user_id)
        demand_grant(granter, before)
        if role == before:
            return
        if before == "owner":
            _demand_another_owner(seller_id, user_id)
        _rows(seller_id, user_id).update(role=role)
        record_audit(
            "member.change_role",
            actor=actor,
            at=at,
            object_id=show_id("user", user_id),
            data={"from": before, "to": role},
        )


def remove_member(seller_id: UUID, *, user_id: UUID, granter: str, actor: str, at: datetime) -> None:
    """End a membership; the person's account stays, and their sessions see nothing of this seller from now
    on.

    Raises Denied ``role_above_own``, NotFound ``member_not_found``, Conflict ``last_owner``.
    """
    with seller_scope(seller_id):
        before = _role_now(seller_id, user_id)
        demand_grant(granter, before)
        if before == "owner":
            _demand_another_owner(seller_id, user_id)
        _rows(seller_id, user_id).delete()
        record_audit("member.remove", actor=actor, at=at, object_id=show_id("user", user_id), data={"role": before})


def _family(seller_id: UUID) -> list[UUID]:
    seller = seller_by_id(seller_id)
    live_id = seller.live_id or seller.id
    return list(Seller.objects.filter(Q(id=live_id) | Q(live_id=live_id)).order_by("id").values_list("id", flat=True))


def _rows(seller_id: UUID, user_id: UUID) -> QuerySet[Membership]:
    return Membership.objects.filter(seller_id__in=_family(seller_id), user_id=user_id)


def _lock(seller_id: UUID) -> None:
    # one change of a team at a time, so that two owners can't remove each other; no_key lets other rows be
    # written
    list(Seller.objects.select_for_update(no_key=True).filter(id__in=_family(seller_id)).order_by("id"))


def _role_now(seller_id: UUID, user_id: UUID) -> str:
    _lock(seller_id)
    row = Membership.objects.filter(seller_id=seller_id, user_id=user_id).first()
    if row is None:
        raise NotFound("member_not_found", "This person is not a member of this seller.")
    return row.role


def _demand_another_owner(seller_id: UUID, user_id: UUID) -> None:
    others = Membership.objects.filter(seller_id=seller_id, role="owner", user__is_active=True)
    if not others.exclude(user_id=user_id).exists():
        raise Conflict("last_owner", "This is the last owner. Make somebody else an owner first, then change this one.")
