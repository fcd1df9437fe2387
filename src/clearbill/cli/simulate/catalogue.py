"""The catalogue of a scenario: its meters and plans, as the documents that the engine's catalogue takes."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.utils.translation import gettext as _

from clearbill.cli.simulate.later import need_neutral, not_yet, read_policies_here
from clearbill.cli.simulate.parse import (
    Value,
    member_of,
    plain_data,
    read_choice,
    read_list,
    read_map,
    read_object,
    read_text,
    refusal_at,
)
from clearbill.core.errors import Refusal
from clearbill.core.price import Model
from clearbill.core.usage import Aggregation, parse_meter
from clearbill.pricing.documents import parse_plan

Document = dict[str, object]

_METER = ("code", "event", "aggregation", "property", "filters", "group_by", "carries_over")
_LATER_AGGREGATIONS = ("min", "average", "latest", "weighted_sum")
_PLAN = (
    "code",
    "interval",
    "interval_count",
    "currency",
    "usage_interval",
    "trial_days",
    "trial_price",
    "minimum_commitment",
    "thresholds",
    "policies",
    "prices",
)
_PRICE = (
    "code",
    "model",
    "meter",
    "bill",
    "tax",
    "currency",
    "prorated",
    "tiers_over",
    "minimum",
    "maximum",
    "usage_discount",
)
_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "flat": ("amount",),
    "per_unit": ("unit_amount", "quantity"),
    "graduated": ("tiers", "quantity"),
    "volume": ("tiers", "quantity"),
    "package": ("amount", "size", "free_units", "quantity"),
    "stairstep": ("tiers", "quantity"),
    "percentage": ("rate", "fixed_amount", "free_events", "free_amount", "min_per_event", "max_per_event"),
    "graduated_percentage": ("tiers",),
    "matrix": ("dimensions", "rows", "unit_amount"),
    "capacity": ("included", "unit_amount", "quantity"),
    "dynamic": (),
}
_TIER = ("up_to", "unit_amount", "flat_amount")
_MODELS = tuple(each.value for each in Model)


def read_meters(value: Value | None) -> dict[str, Document]:
    """Meters' documents by code, in their order."""
    meters: dict[str, Document] = {}
    for entry in [] if value is None else read_list(value):
        document = _meter(entry)
        code = str(document["code"])
        if code in meters:
            raise entry.refused(_("each code once"), found=_("the meter “{code}” again").format(code=code))
        meters[code] = document
    return meters


def read_plans(
    value: Value | None, *, meters: Collection[str], taxes: Collection[str], currency: str
) -> dict[str, Document]:
    """Plans' documents by code, in their order, checked as the catalogue would check them."""
    plans: dict[str, Document] = {}
    for entry in [] if value is None else read_list(value):
        document = _plan(entry, meters=meters, taxes=taxes, currency=currency)
        code = str(document["code"])
        if code in plans:
            raise entry.refused(_("each code once"), found=_("the plan “{code}” again").format(code=code))
        plans[code] = document
    return plans


def _meter(value: Value) -> Document:
    members = read_object(value, known=_METER, required=("code", "aggregation"))
    aggregation = read_choice(members["aggregation"], (*[each.value for each in Aggregation], *_LATER_AGGREGATIONS))
    if aggregation in _LATER_AGGREGATIONS:
        known = ", ".join(each.value for each in Aggregation)
        raise not_yet(members["aggregation"], f"“{aggregation}”", instead=known)
    need_neutral(members, "carries_over", neutral=("false",))
    document: Document = {
        name: _texts_of(member) if name in ("filters", "group_by") else plain_data(member)
        for name, member in members.items()
        if name != "carries_over"
    }
    document["code"] = read_text(members["code"])
    try:
        parse_meter(document, at_field="")
    except Refusal as refusal:
        raise refusal_at(value, refusal, renamed={"event_type": "event"}) from None
    return document


def _texts_of(value: Value) -> object:
    """Filters and groups compare texts, so ``[1, true]`` without quotes stands for what is written."""
    if value.is_nothing:
        return None
    if value.is_scalar:
        return value.scalar
    data = plain_data(value)
    if isinstance(data, dict):
        return {name: _texts_of(member) for name, member in read_map(value).items()}
    return [entry.scalar if entry.is_scalar else plain_data(entry) for entry in read_list(value)]


def _plan(value: Value, *, meters: Collection[str], taxes: Collection[str], currency: str) -> Document:
    members = read_object(value, known=_PLAN, required=("code", "interval", "prices"))
    own = currency if "currency" not in members else read_text(members["currency"])
    need_neutral(members, "trial_days", neutral=("0",))
    need_neutral(members, "trial_price", neutral=())
    need_neutral(members, "minimum_commitment", neutral=("0",))
    need_neutral(members, "thresholds", neutral=(), empty=True)
    if "usage_interval" in members:
        once = "interval_count" not in members or members["interval_count"].scalar == "1"
        need_neutral(members, "usage_interval", neutral=(members["interval"].scalar,) if once else ())
    document: Document = {"code": read_text(members["code"]), "currency": own}
    document |= {name: plain_data(members[name]) for name in ("interval", "interval_count") if name in members}
    if "policies" in members:
        document["policies"] = read_policies_here(members["policies"])
    document["prices"] = [_price(entry, taxes=taxes, currency=own) for entry in read_list(members["prices"])]
    try:
        parse_plan(document, meters=meters, default_currency=currency)
    except Refusal as refusal:
        raise refusal_at(value, refusal) from None
    return document


def _price(value: Value, *, taxes: Collection[str], currency: str) -> Document:
    model_value = member_of(value, "model")
    model = read_choice(model_value, tuple(_PARAMETERS))
    if model not in _MODELS:
        raise not_yet(model_value, _("the model “{model}”").format(model=model), instead=", ".join(_MODELS))
    members = read_object(value, known=(*_PRICE, *_PARAMETERS[model]), required=("code",))
    bill = members.get("bill")
    if bill is not None and read_choice(bill, ("in_advance", "in_arrears", "per_event")) == "per_event":
        raise not_yet(bill, "“per_event”", instead="in_advance, in_arrears")
    need_neutral(members, "currency", neutral=(currency,))
    need_neutral(members, "minimum", neutral=("0",))
    need_neutral(members, "maximum", neutral=())
    need_neutral(members, "usage_discount", neutral=())
    for entry in read_list(members["tax"]) if "tax" in members and not members["tax"].is_nothing else []:
        if read_text(entry) not in taxes:
            raise entry.refused(_("one of the seller's taxes: {known}").format(known=", ".join(taxes)))
    if "tiers" in members:
        for entry in read_list(members["tiers"]):
            read_object(entry, known=_TIER)
    dropped = ("currency", "minimum", "maximum", "usage_discount")
    return {name: plain_data(member) for name, member in members.items() if name not in dropped}
