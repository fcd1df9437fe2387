"""The verbs of the timeline: which keys each has, and how those that can be played are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from clearbill.cli.simulate.customers import read_changes
from clearbill.cli.simulate.later import need_neutral, not_yet
from clearbill.cli.simulate.parse import (
    Value,
    member_of,
    read_amount,
    read_choice,
    read_instant,
    read_list,
    read_map,
    read_object,
    read_property,
    read_quantity,
    read_text,
    read_whole,
    refusal_at,
)
from clearbill.core.errors import Refusal
from clearbill.core.period import parse_anchor

MAX_TIMES = 10_000
MAX_INVOICES = 1_000_000

Params = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What the file names, so that a reference to nothing is found at once. ``event_types`` are by meter."""

    customers: tuple[str, ...]
    plans: tuple[str, ...]
    event_types: Mapping[str, str]
    subscriptions: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """An entry of the timeline. ``params`` are read for verbs that can be played, else empty."""

    at: datetime
    verb: str
    params: Params
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verb:
    keys: tuple[str, ...]
    required: tuple[str, ...] = ()
    read: Callable[[Mapping[str, Value], Names], Params] | None = None


def read_timeline(
    value: Value | None, *, customers: tuple[str, ...], plans: tuple[str, ...], event_types: Mapping[str, str]
) -> tuple[list[Step], dict[str, str]]:
    """The entries in the order in which they're played, and the subscriptions: their customers by id, in file order."""
    entries = [] if value is None else [_entry(each) for each in read_list(value)]
    names = Names(customers=customers, plans=plans, event_types=event_types, subscriptions=_subscriptions(entries))
    steps = []
    for position, (verb, members) in enumerate(entries):
        reader = VERBS[verb].read
        params = {} if reader is None else reader(members, names)
        steps.append(Step(at=read_instant(members["at"]), verb=verb, params=params, position=position))
    return sorted(steps, key=lambda step: (step.at, step.position)), dict(names.subscriptions)


def is_available(verb: str) -> bool:
    """Whether the engine can play it."""
    return VERBS[verb].read is not None


def _entry(value: Value) -> tuple[str, dict[str, Value]]:
    verb = read_choice(member_of(value, "do"), tuple(VERBS))
    known = VERBS[verb]
    members = read_object(value, known=("at", "do", *known.keys), required=("at", *known.required))
    read_instant(members["at"])
    return verb, members


def _subscriptions(entries: list[tuple[str, dict[str, Value]]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for verb, members in entries:
        if verb == "subscribe":
            name = read_text(members["id"])
            if name in found:
                raise members["id"].refused(_("each subscription's id once"))
            found[name] = read_text(members["customer"])
    return found


def _subscribe(members: Mapping[str, Value], names: Names) -> Params:
    need_neutral(members, "coupons", neutral=(), empty=True)
    params: Params = {
        "id": read_text(members["id"]),
        "customer": _named(members["customer"], names.customers),
        "plan": _named(members["plan"], names.plans),
        "anchor": _anchor(members["anchor"]) if "anchor" in members else "anniversary",
        "quantities": {},
    }
    if "quantities" in members:
        params["quantities"] = {
            code: read_quantity(quantity) for code, quantity in read_map(members["quantities"]).items()
        }
    return params


def _usage(members: Mapping[str, Value], names: Names) -> Params:
    customer = _named(members["customer"], names.customers)
    if ("meter" in members) is ("event" in members):
        both = members.get("event", members["customer"])
        raise both.refused(_("either “meter” or “event”"), found="" if "event" in members else _("neither of them"))
    if "meter" in members:
        event_type = names.event_types[_named(members["meter"], tuple(names.event_types))]
    else:
        event_type = read_text(members["event"])
    if "subscription" in members:
        own = tuple(name for name, whose in names.subscriptions.items() if whose == customer)
        _named(members["subscription"], own)
        if len(own) > 1:
            raise not_yet(members["subscription"], "“subscription”", instead=_("one subscription a customer"))
    given = read_map(members["properties"]) if "properties" in members else {}
    return {
        "customer": customer,
        "type": event_type,
        "properties": {name: read_property(member) for name, member in given.items()},
        "key": read_text(members["key"]) if "key" in members else "",
        "timestamp": read_instant(members["timestamp"]) if "timestamp" in members else None,
        "times": read_whole(members["times"], least=1, most=MAX_TIMES) if "times" in members else None,
    }


def _cancel(members: Mapping[str, Value], names: Names) -> Params:
    params: Params = {
        "id": _named(members["id"], tuple(names.subscriptions)),
        "timing": "at_period_end",
        "policies": {},
    }
    if "timing" in members:
        params["timing"] = read_choice(members["timing"], ("at_period_end", "immediately"))
    if "unused" in members:
        unused = read_choice(members["unused"], ("credit", "refund", "keep"))
        if unused == "refund":
            raise not_yet(members["unused"], "“refund”", instead="credit, keep")
        params["policies"] = {"unused": unused}
    if "usage" in members and read_choice(members["usage"], ("bill", "skip")) == "skip":
        raise not_yet(members["usage"], "“skip”", instead="bill")
    return params


def _uncancel(members: Mapping[str, Value], names: Names) -> Params:
    return {"id": _named(members["id"], tuple(names.subscriptions))}


def _credit_note(members: Mapping[str, Value], _names: Names) -> Params:
    if "settle" in members and read_choice(members["settle"], ("credit", "refund")) == "refund":
        raise not_yet(members["settle"], "“refund”", instead="credit")
    lines: dict[int, str] = {}
    for entry in read_list(members["lines"]):
        given = read_object(entry, known=("line", "amount"), required=("line", "amount"))
        line = read_whole(given["line"], least=1, most=MAX_INVOICES)
        if line in lines:
            raise given["line"].refused(_("each line once"))
        lines[line] = read_amount(given["amount"])
    return {"invoice": read_whole(members["invoice"], least=1, most=MAX_INVOICES), "lines": lines}


def _update_customer(members: Mapping[str, Value], names: Names) -> Params:
    return {"customer": _named(members["customer"], names.customers), "set": read_changes(members["set"])}


def _named(value: Value, known: tuple[str, ...]) -> str:
    name = read_text(value)
    if name not in known:
        expected = _("a name from this file: {known}").format(known=", ".join(known)) if known else _("nothing here")
        raise value.refused(expected)
    return name


def _anchor(value: Value) -> str | int:
    text = read_text(value)
    try:
        parse_anchor(text)
    except Refusal as refusal:
        raise refusal_at(value, refusal) from None
    return int(text) if text.isdigit() else text


VERBS: Mapping[str, _Verb] = {
    "subscribe": _Verb(
        keys=("id", "customer", "plan", "anchor", "coupons", "quantities"),
        required=("id", "customer", "plan"),
        read=_subscribe,
    ),
    "usage": _Verb(
        keys=("customer", "meter", "event", "properties", "key", "timestamp", "subscription", "times"),
        required=("customer",),
        read=_usage,
    ),
    "usage_correct": _Verb(keys=("key", "properties", "delete")),
    "change_plan": _Verb(keys=("id", "plan", "timing", "mode", "policies")),
    "set_quantity": _Verb(keys=("id", "price", "quantity")),
    "add_price": _Verb(keys=("id", "price")),
    "remove_price": _Verb(keys=("id", "price")),
    "set_anchor": _Verb(keys=("id", "anchor")),
    "charge": _Verb(keys=("customer", "amount", "text", "tax", "with")),
    "apply_coupon": _Verb(keys=("customer", "id", "coupon")),
    "grant_credit": _Verb(keys=("customer", "amount", "priority", "expires_at", "meters", "every", "rollover")),
    "top_up": _Verb(keys=("customer", "amount")),
    "pause": _Verb(keys=("id",)),
    "resume": _Verb(keys=("id",)),
    "cancel": _Verb(keys=("id", "timing", "unused", "usage"), required=("id",), read=_cancel),
    "uncancel": _Verb(keys=("id",), required=("id",), read=_uncancel),
    "pay": _Verb(keys=("invoice", "amount", "with")),
    "refund": _Verb(keys=("invoice", "amount")),
    "credit_note": _Verb(keys=("invoice", "lines", "settle"), required=("invoice", "lines"), read=_credit_note),
    "void": _Verb(keys=("invoice",)),
    "set_method": _Verb(keys=("customer", "method", "decline_code")),
    "set_tax_check": _Verb(keys=("customer", "check")),
    "update_customer": _Verb(keys=("customer", "set"), required=("customer", "set"), read=_update_customer),
    "promise": _Verb(keys=("customer", "pay_by", "amount")),
    "payment_plan": _Verb(keys=("invoice", "instalments", "every", "first_at")),
    "extend": _Verb(keys=("invoice", "days")),
    "dispute": _Verb(keys=("invoice", "outcome", "decided_at")),
    "write_off": _Verb(keys=("invoice",)),
    "change_price": _Verb(keys=("plan", "price", "amount", "applies", "notice_days")),
}
