"""What the language of scenarios has and the engine hasn't yet: accepted where it changes nothing, else refused by name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal, InvalidOperation

from django.utils.translation import gettext as _

from clearbill.cli.simulate.parse import ScenarioError, Value, plain_data, read_map, refusal_at
from clearbill.core.errors import Refusal
from clearbill.core.policy import CHOICES, NUMBERS, check_policies

# a policy that doesn't exist yet may be written down with what happens anyway
_POLICIES: Mapping[str, tuple[str, ...]] = {
    "change.timing.upgrade": ("immediately",),
    "change.timing.downgrade": ("at_period_end",),
    "proration.mode": ("prorate",),
    "grouping": ("customer",),
    "minimum_charge": ("0",),
    "seats.decrease": ("at_period_end",),
    "pause.anchor": ("keep",),
    "trial.require_method": ("off", "false"),
    "trial.anchor": ("trial_end", "start"),
}


def not_yet(value: Value, name: str, *, instead: str) -> ScenarioError:
    """The refusal of something that's in the language, but can't be played yet."""
    return value.refused(_("{instead}, since {name} is not available yet").format(instead=instead, name=name))


def need_neutral(members: Mapping[str, Value], key: str, *, neutral: Collection[str], empty: bool = False) -> None:
    """Refuse ``key`` unless it says nothing: left out, null, one of ``neutral`` (numbers by value), an ``empty`` list."""
    value = members.get(key)
    if value is None or value.is_nothing:
        return
    if empty and not value.is_scalar and not value.node.value:
        return
    if value.is_scalar and any(_same(value.scalar, each) for each in neutral):
        return
    shown = ", ".join(f"“{each}”" for each in neutral) if neutral else _("an empty list") if empty else _("nothing")
    raise not_yet(value, f"“{key}”", instead=shown)


def read_policies_here(value: Value) -> dict[str, str | int]:
    """The policies that the engine knows. Others only with what happens without them."""
    known = (*CHOICES, *NUMBERS, *_POLICIES)
    for name, member in read_map(value).items():
        if name not in known:
            raise member.refused(
                _("one of the keys {known}").format(known=", ".join(sorted(known))),
                found=_("the policy “{name}”").format(name=name[:60]),
            )
        if name in _POLICIES:
            need_neutral({name: member}, name, neutral=_POLICIES[name])
        if name == "unused" and member.is_scalar and member.scalar == "refund":
            raise not_yet(member, "“refund”", instead="credit, keep")
    given = {name: plain_data(member) for name, member in read_map(value).items() if name not in _POLICIES}
    try:
        return check_policies(given)
    except Refusal as refusal:
        raise refusal_at(value, refusal, prefix="policies") from None


def _same(text: str, neutral: str) -> bool:
    if text == neutral:
        return True
    try:
        return Decimal(text) == Decimal(neutral)
    except InvalidOperation:
        return False
