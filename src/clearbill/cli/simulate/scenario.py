"""A scenario as it's played: the seller, the catalogue, the customers and the timeline, read from a file and checked.

The language is described in ``docs/scenarios.md``. Everything that's wrong is one ScenarioError with its place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from django.utils.translation import gettext as _

from clearbill.cli.simulate.catalogue import Document, read_meters, read_plans
from clearbill.cli.simulate.customers import read_customers
from clearbill.cli.simulate.later import need_neutral, not_yet, read_policies_here
from clearbill.cli.simulate.parse import (
    MAX_FILE_BYTES,
    ScenarioError,
    Value,
    plain_data,
    read_amount,
    read_choice,
    read_instant,
    read_list,
    read_object,
    read_text,
    read_whole,
    read_yaml,
    refusal_at,
)
from clearbill.cli.simulate.verbs import Step, read_timeline
from clearbill.core.errors import Refusal
from clearbill.sellers.profile import checked_profile

MAX_SPAN = timedelta(days=366 * 50)
_FILE = ("seller", "meters", "plans", "coupons", "customers", "timeline", "until")
_SELLER = (
    "name",
    "country",
    "currency",
    "timezone",
    "tax",
    "tax_behavior",
    "policies",
    "numbering",
    "net_terms_days",
    "dunning",
)
_STEP_OF_DUNNING = ("after_days", "do", "tone", "kind", "level", "as")
MAX_NET_TERMS_DAYS = 365
TAX_PLACES = 6
_TAX_CODE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """All that's played, in the engine's own documents. ``subscriptions`` are their customers by id, in file order."""

    seller: Document
    taxes: Sequence[Mapping[str, object]]
    meters: Mapping[str, Document]
    plans: Mapping[str, Document]
    customers: Mapping[str, Document]
    steps: Sequence[Step]
    subscriptions: Mapping[str, str]
    until: datetime

    @property
    def begins_at(self) -> datetime:
        """When the world is made: with the first entry of the timeline."""
        return min([step.at for step in self.steps] + [self.until])


def read_file(path: Path, *, until: datetime | None = None) -> Scenario:
    """The scenario of a file, up to ``until`` when that's given. Raises ScenarioError, OSError."""
    raw = path.read_bytes()
    if len(raw) > MAX_FILE_BYTES:
        found = _("{size} bytes").format(size=len(raw))
        raise ScenarioError(1, 1, found=found, expected=_("at most {limit}").format(limit=MAX_FILE_BYTES))
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = raw.count(b"\n", 0, problem.start) + 1
        column = problem.start - raw.rfind(b"\n", 0, problem.start)
        raise ScenarioError(line, column, found=_("a byte that isn't UTF-8"), expected=_("UTF-8 text")) from None
    return read_scenario(text, until=until)


def read_scenario(text: str, *, until: datetime | None = None) -> Scenario:
    """The scenario of a text. Raises ScenarioError."""
    root = read_yaml(text)
    members = read_object(root, known=_FILE, required=("seller", "until"))
    need_neutral(members, "coupons", neutral=(), empty=True)
    seller, taxes = _seller(members["seller"])
    currency = str(seller["currency"])
    meters = read_meters(members.get("meters"))
    tax_codes = tuple(str(rate["code"]) for rate in taxes)
    plans = read_plans(members.get("plans"), meters=tuple(meters), taxes=tax_codes, currency=currency)
    customers = read_customers(members.get("customers"), currency=currency)
    steps, subscriptions = read_timeline(
        members.get("timeline"),
        customers=tuple(customers),
        plans=tuple(plans),
        event_types={code: str(meter.get("event") or code) for code, meter in meters.items()},
    )
    scenario = Scenario(
        seller=seller,
        taxes=taxes,
        meters=meters,
        plans=plans,
        customers=customers,
        steps=steps,
        subscriptions=subscriptions,
        until=read_instant(members["until"]),
    )
    if scenario.until - scenario.begins_at > MAX_SPAN:
        raise members["until"].refused(_("an end at most 50 years after the beginning"))
    return scenario if until is None else replace(scenario, until=until)


def _seller(value: Value) -> tuple[Document, list[Mapping[str, object]]]:
    members = read_object(value, known=_SELLER, required=("name", "country", "currency"))
    profile: Document = {"timezone": "UTC", "net_terms_days": 0}
    for name in ("country", "currency", "timezone", "tax_behavior"):
        if name in members:
            profile[name] = plain_data(members[name])
    profile["name"] = read_text(members["name"])
    if "net_terms_days" in members:
        profile["net_terms_days"] = read_whole(members["net_terms_days"], least=0, most=MAX_NET_TERMS_DAYS)
    if "policies" in members:
        profile["policies"] = read_policies_here(members["policies"])
    if "numbering" in members:
        profile |= _numbering(members["numbering"])
    if "dunning" in members:
        _dunning(members["dunning"])
    try:
        checked = checked_profile(profile)
    except Refusal as refusal:
        renamed = {"number_prefix": "numbering.prefix", "number_format": "numbering.format"}
        raise refusal_at(value, refusal, renamed=renamed) from None
    return checked, _taxes(members.get("tax"))


def _numbering(value: Value) -> Document:
    members = read_object(value, known=("prefix", "per", "format"))
    need_neutral(members, "per", neutral=("seller",))
    numbering: Document = {}
    if "prefix" in members:
        numbering["number_prefix"] = read_text(members["prefix"])
    if "format" in members:
        numbering["number_format"] = read_text(members["format"])
        if "{customer_" in read_text(members["format"]):
            raise not_yet(
                members["format"], _("a number by customer"), instead="{prefix}, {year}, {month}, {seq}, {seq:06}"
            )
    return numbering


def _taxes(value: Value | None) -> list[Mapping[str, object]]:
    if value is None or value.is_nothing:
        return []
    if value.is_scalar:
        read_choice(value, ("auto",))
        raise not_yet(value, "“auto”", instead=_("a list of fixed rates"))
    rates: dict[str, str] = {}
    for entry in read_list(value):
        members = read_object(entry, known=("code", "rate"), required=("code", "rate"))
        code = read_text(members["code"])
        if not _TAX_CODE.fullmatch(code) or code in rates:
            raise members["code"].refused(_("a code of small letters, digits and - . _, each once"))
        rates[code] = read_amount(members["rate"], example="20")
        percent = Decimal(rates[code])
        if not 0 <= percent <= 100 or percent != round(percent, TAX_PLACES):
            raise members["rate"].refused(_("per cent from 0 to 100, with at most 6 places"))
    return [{"code": code, "rate": rate} for code, rate in rates.items()]


def _dunning(value: Value) -> None:
    """A policy's code, ``none``, or steps. Nobody is reminded yet, and ``cases`` stays empty."""
    if value.is_scalar:
        read_text(value)
        return
    for entry in read_list(value):
        read_object(entry, known=_STEP_OF_DUNNING, required=("after_days", "do"))
