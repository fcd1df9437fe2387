"""The catalogue: meters, plans, and dated versions of plans. What is published never changes."""

from __future__ import annotations

from typing import Any, Literal

from django.http import HttpRequest
from ninja import Router
from pydantic import Field

from clearbill.pricing import actions, queries
from clearbill.scope.ids import show_id
from clearbill.web.api.doors import acts, reads
from clearbill.web.api.shapes import (
    DecimalText,
    Document,
    InstantText,
    Page,
    Shown,
    described_by,
    instant_text,
    object_of,
    whole_list,
)

router = Router(tags=["Catalogue"])

Names = dict[Literal["en", "zh-Hans"], str]
Model = Literal["flat", "per_unit", "graduated", "volume", "package"]
Aggregation = Literal["count", "sum", "max", "unique_count"]
Interval = Literal["day", "week", "month", "quarter", "year"]


class NewMeter(Document):
    """What is counted: events of a type, apart by groups, added up to a quantity."""

    code: str = Field(examples=["api_calls"])
    name: Names = Field(None, examples=[{"en": "API calls", "zh-Hans": "API 调用"}])
    event_type: str = Field(None, description="Left out, it's the code.", examples=["api_call"])
    event: str = Field(None, description="Short for `event_type`.")
    aggregation: Aggregation
    property: str | None = Field(None, description="What is summed or compared; not for `count`.", examples=["bytes"])
    filters: dict[str, list[str]] = Field(
        None, description="Only events with these values.", examples=[{"region": ["eu"]}]
    )
    group_by: list[str] = Field(
        None, description="A quantity for each value of these properties.", examples=[["region"]]
    )


class Tier(Document):
    """A step of quantities up to and including `up_to`; the last one has none."""

    up_to: str = Field(None, examples=["1000"])
    unit_amount: str = Field(None, examples=["0.02"])
    flat_amount: str = Field(None, examples=["5.00"])


class NewPrice(Document):
    """A fee of a plan. Amounts are decimals as strings, in major units of the plan's currency; numbers are refused."""

    code: str = Field(examples=["calls"])
    model: Model
    currency: str = Field(None, description="The plan's; it can't be another.")
    amount: str = Field(None, description="`flat`, and `package`: the price of one package.", examples=["49.00"])
    unit_amount: str = Field(None, description="`per_unit`.", examples=["0.015"])
    tiers: list[Tier] = Field(None, description="`graduated` and `volume`.")
    size: str | int = Field(None, description="`package`: units in one.", examples=["1000"])
    free_units: str | int = Field(None, description="`package`: units before the first one.")
    quantity: str | int = Field(None, description="A fixed quantity, such as seats; not with a meter.")
    meter: str | None = Field(None, description="The meter whose quantity is charged.", examples=["api_calls"])
    bill: Literal["in_advance", "in_arrears"] = Field(None, description="Fees: in advance; usage: always in arrears.")
    prorated: bool = Field(None, description="Whether a part of a period costs a part.")
    tax: list[str] | None = Field(None, description="Tax codes; left out, all of the seller's; an empty list is none.")
    minimum: str = Field(None, examples=["10.00"])
    maximum: str = Field(None, examples=["500.00"])
    tiers_over: Literal["group", "all"] = Field(None, description="With groups: tiers for each, or over all of them.")
    name: Names = Field(None, examples=[{"en": "API calls", "zh-Hans": "API 调用"}])
    unit_name: Names = Field(None, examples=[{"en": "call", "zh-Hans": "次"}])


class NewVersion(Document):
    """Terms of a plan from an instant on."""

    name: Names = Field(None, examples=[{"en": "Team", "zh-Hans": "团队版"}])
    currency: str = Field(None, description="ISO 4217; left out, the seller's.", examples=["EUR"])
    interval: Interval
    interval_count: int = Field(None, description="`interval: month, interval_count: 6` is half a year.")
    valid_from: str = Field(
        None,
        description="From when on new subscriptions get them; left out, from now.",
        examples=["2025-07-01T00:00:00Z"],
    )
    policies: dict[str, str | int] = Field(None, description="Named billing policies.")
    prices: list[NewPrice]


class NewPlan(NewVersion):
    """A plan with its first terms."""

    code: str = Field(examples=["team"])


class Meter(Shown):
    """A meter."""

    id: str = Field(examples=["mtr_01jh7q2v8s1k8m5c4w2x6y9z3b"])
    code: str
    name: dict[str, str]
    event_type: str
    aggregation: str
    property: str | None
    filters: dict[str, list[str]]
    group_by: list[str]
    created_at: InstantText


class ShownTier(Shown):
    """A step of quantities."""

    up_to: DecimalText | None = None
    unit_amount: DecimalText
    flat_amount: DecimalText | None = None


class Price(Shown):
    """A price of a version, with the defaults filled in. Amounts are decimals in major units of the version's currency."""

    code: str
    model: str
    bill: str
    prorated: bool
    tiers_over: str
    name: dict[str, str]
    unit_name: dict[str, str]
    amount: DecimalText | None = None
    unit_amount: DecimalText | None = None
    tiers: list[ShownTier] | None = None
    size: DecimalText | None = None
    free_units: DecimalText | None = None
    quantity: DecimalText | None = None
    meter: str | None = None
    tax: list[str] | None = None
    minimum: DecimalText | None = None
    maximum: DecimalText | None = None


class PlanVersion(Shown):
    """Terms of a plan."""

    id: str = Field(examples=["plv_01jh7q2v8s1k8m5c4w2x6y9z3b"])
    plan: str = Field(description="The plan's code.")
    number: int
    valid_from: InstantText
    currency: str
    interval: str
    interval_count: int
    policies: dict[str, str | int]
    prices: list[Price]
    created_at: InstantText


class Plan(Shown):
    """A plan with all its versions, newest first."""

    id: str = Field(examples=["pln_01jh7q2v8s1k8m5c4w2x6y9z3b"])
    code: str
    name: dict[str, str]
    versions: list[PlanVersion]
    created_at: InstantText


@acts(router, "/meters", gives=Meter, status=201, may="manage_catalogue")
def create_meter(request: HttpRequest, document: described_by(NewMeter)) -> Meter:
    """Create a meter.

    The same document again gives the meter that's there; a meter never changes, since bills rest on it.
    """
    return show_meter(actions.create_meter(document, at=request.at, actor=request.actor))


@reads(router, "/meters", gives=Page[Meter])
def list_meters(request: HttpRequest) -> Page[Meter]:
    """List all meters, by code."""
    return whole_list(show_meter(row) for row in queries.meters())


@reads(router, "/meters/{code}", gives=Meter)
def get_meter(request: HttpRequest, code: str) -> Meter:
    """Get a meter by its code."""
    return show_meter(queries.meter_by_code(code))


@acts(router, "/plans", gives=Plan, status=201, may="manage_catalogue")
def create_plan(request: HttpRequest, document: described_by(NewPlan)) -> Plan:
    """Create a plan with its first version."""
    version = actions.create_plan(document, at=request.at, actor=request.actor)
    return show_plan(queries.plan_by_code(version.plan.code))


@reads(router, "/plans", gives=Page[Plan])
def list_plans(request: HttpRequest) -> Page[Plan]:
    """List all plans with their versions, by code."""
    return whole_list(show_plan(row) for row in queries.plans())


@reads(router, "/plans/{code}", gives=Plan)
def get_plan(request: HttpRequest, code: str) -> Plan:
    """Get a plan by its code."""
    return show_plan(queries.plan_by_code(code))


@acts(router, "/plans/{code}/versions", gives=PlanVersion, status=201, may="manage_catalogue")
def publish_plan_version(request: HttpRequest, code: str, document: described_by(NewVersion)) -> PlanVersion:
    """Publish new terms of a plan.

    They hold for subscriptions that start at `valid_from` or later; those that run keep theirs.
    """
    made = actions.publish_version(code, document, at=request.at, actor=request.actor)
    plan = queries.plan_by_code(code)
    return next(show_version(version, plan=code) for version in plan.versions.all() if version.id == made.id)


def show_meter(row: Any) -> Meter:
    """A meter on the wire."""
    return Meter(
        id=show_id("meter", row.id), name=row.name, created_at=instant_text(row.created_at), **object_of(row.document)
    )


def show_plan(row: Any) -> Plan:
    """A plan on the wire."""
    return Plan(
        id=show_id("plan", row.id),
        code=row.code,
        name=row.name,
        versions=[show_version(version, plan=row.code) for version in row.versions.all()],
        created_at=instant_text(row.created_at),
    )


def show_version(row: Any, *, plan: str) -> PlanVersion:
    """A version on the wire."""
    return PlanVersion(
        id=show_id("plan_version", row.id),
        plan=plan,
        number=row.number,
        valid_from=instant_text(row.valid_from),
        currency=row.currency,
        interval=row.interval,
        interval_count=row.interval_count,
        policies=row.policies,
        prices=[Price(**object_of(price.document)) for price in row.prices.all()],
        created_at=instant_text(row.created_at),
    )
