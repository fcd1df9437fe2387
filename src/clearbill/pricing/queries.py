"""Reads of the catalogue, in the running seller scope. Versions and prices never change, so their values are cached."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import Prefetch, QuerySet

from clearbill.core.errors import NotFound
from clearbill.core.price import Price as PriceValue
from clearbill.core.price import parse_price
from clearbill.core.usage import Meter as MeterValue
from clearbill.core.usage import parse_meter
from clearbill.pricing.models import Meter, Plan, PlanVersion, Price
from clearbill.scope.seller import current_seller

MAX_LISTED = 1_000
MAX_CACHED_VERSIONS = 10_000
PricePairs = tuple[tuple[UUID, PriceValue], ...]

_pairs_by_version: dict[tuple[UUID, UUID], PricePairs] = {}


def meters() -> list[Meter]:
    """All meters, by code."""
    return list(Meter.objects.order_by("code")[:MAX_LISTED])


def meter_by_code(code: str) -> Meter:
    """Raises NotFound ``meter_not_found``."""
    found = None if "\0" in code else Meter.objects.filter(code=code).first()
    if found is None:
        raise NotFound("meter_not_found", "There is no meter “{code}”.", code=code[:64])
    return found


def meter_value(row: Meter) -> MeterValue:
    """The meter as a value of ``core``."""
    return parse_meter(json.loads(row.document))


def meters_by_code() -> dict[str, MeterValue]:
    """All meters as values, by their codes."""
    return {row.code: meter_value(row) for row in Meter.objects.all()}


def plans() -> list[Plan]:
    """All plans by code, with ``versions`` (newest first) and their ``prices`` (in order) at hand."""
    return list(_plans().order_by("code")[:MAX_LISTED])


def plan_by_code(code: str) -> Plan:
    """One plan like those of ``plans``. Raises NotFound ``plan_not_found``."""
    found = None if "\0" in code else _plans().filter(code=code).first()
    if found is None:
        raise _no_plan(code)
    return found


def plan_version_at(plan_code: str, at: datetime) -> PlanVersion:
    """The version in force at ``at``, its plan at hand. Raises NotFound ``plan_not_found`` and ``plan_not_yet_valid``."""
    rows = PlanVersion.objects.filter(plan__code=plan_code.replace("\0", "")).select_related("plan")
    found = rows.filter(valid_from__lte=at).order_by("-valid_from").first()
    if found is not None:
        return found
    first = rows.order_by("valid_from").first()
    if first is None:
        raise _no_plan(plan_code)
    raise NotFound(
        "plan_not_yet_valid",
        "The plan “{code}” is on sale from {valid_from} only.",
        code=plan_code,
        valid_from=first.valid_from.isoformat(),
    )


def prices_of(version_ids: Iterable[UUID]) -> dict[UUID, PricePairs]:
    """``(price's id, price)`` of each version, in the plan's order. Versions of other sellers aren't there."""
    seller_id = current_seller()
    wanted = set(version_ids)
    missing = [each for each in wanted if (seller_id, each) not in _pairs_by_version]
    if missing:
        if len(_pairs_by_version) + len(missing) > MAX_CACHED_VERSIONS:
            _pairs_by_version.clear()
            missing = list(wanted)
        rows = Price.objects.filter(version_id__in=missing).select_related("version").order_by("position")
        pairs: dict[UUID, list[tuple[UUID, PriceValue]]] = {each: [] for each in missing}
        for row in rows:
            pairs[row.version_id].append((row.id, price_value(row)))
        _pairs_by_version.update({(seller_id, each): tuple(found) for each, found in pairs.items() if found})
    return {each: _pairs_by_version[(seller_id, each)] for each in wanted if (seller_id, each) in _pairs_by_version}


def prices_by_id(price_ids: Collection[UUID]) -> dict[UUID, PriceValue]:
    """Prices as values, by their rows' ids."""
    wanted = set(price_ids)
    if not wanted:
        return {}
    versions = set(Price.objects.filter(id__in=wanted).values_list("version_id", flat=True))
    return {
        price_id: price for pairs in prices_of(versions).values() for price_id, price in pairs if price_id in wanted
    }


def price_value(row: Price) -> PriceValue:
    """The price as a value of ``core``; its version is at hand."""
    document = json.loads(row.document)
    meter = document.get("meter")
    return parse_price(document, currency=row.version.currency, meters=() if meter is None else (meter,))


def forget_cached() -> None:
    """Empty the cache; for tests, whose databases come and go."""
    _pairs_by_version.clear()


def _plans() -> QuerySet[Plan]:
    prices = Prefetch("prices", Price.objects.select_related("version").order_by("position"))
    versions = PlanVersion.objects.order_by("-number").prefetch_related(prices)
    return Plan.objects.prefetch_related(Prefetch("versions", versions))


def _no_plan(code: str) -> NotFound:
    return NotFound("plan_not_found", "There is no plan “{code}”.", code=code[:64])
