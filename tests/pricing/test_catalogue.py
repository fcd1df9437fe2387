"""The catalogue: meters that never change, plans whose terms are dated versions, and what is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from clearbill.core.errors import Conflict, Malformed, NotFound, Refusal, Unacceptable
from clearbill.pricing import queries
from clearbill.pricing.actions import create_meter, create_plan, publish_version, put_meter, put_plan
from clearbill.pricing.documents import parse_plan, read_instant
from clearbill.pricing.models import PlanVersion, Price
from clearbill.pricing.queries import (
    meter_by_code,
    meters,
    meters_by_code,
    plan_by_code,
    plan_version_at,
    plans,
    prices_by_id,
    prices_of,
)
from tests.worlds import in_scope

FEE: dict[str, Any] = {"code": "fee", "model": "flat", "amount": "29.00"}
USE: dict[str, Any] = {"code": "calls", "model": "per_unit", "meter": "calls", "unit_amount": "0.010"}
PRO: dict[str, Any] = {"code": "pro", "name": {"en": "Pro"}, "currency": "EUR", "interval": "month", "prices": [FEE]}
CALLS: dict[str, Any] = {"code": "calls", "aggregation": "count"}
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"colour": "red"}, "plan_unknown_field", "colour"),
        ({"code": None}, "code_malformed", "code"),
        ({"code": "a b"}, "code_malformed", "code"),
        ({"name": "Pro"}, "names_malformed", "name"),
        ({"name": {"fr": "Pro"}}, "names_malformed", "name"),
        ({"currency": "EURO"}, "unknown_currency", "currency"),
        ({"currency": 978}, "currency_shape", "currency"),
        ({"interval": "fortnight"}, "unknown_interval", "interval"),
        ({"interval": None}, "unknown_interval", "interval"),
        ({"interval_count": 0}, "interval_count", "interval_count"),
        ({"interval_count": 121}, "interval_count", "interval_count"),
        ({"interval_count": True}, "interval_count", "interval_count"),
        ({"interval_count": "1"}, "interval_count", "interval_count"),
        ({"valid_from": "2025-01-01T00:00:00"}, "time_naive", "valid_from"),
        ({"valid_from": "soon"}, "instant_malformed", "valid_from"),
        ({"policies": [1]}, "policies_shape", "policies"),
        ({"policies": {"nonsense": "1"}}, "unknown_policy", "policies.nonsense"),
        ({"prices": []}, "prices_shape", "prices"),
        ({"prices": "fee"}, "prices_shape", "prices"),
        ({"prices": [FEE] * 101}, "prices_shape", "prices"),
        ({"prices": [FEE, FEE]}, "price_code_twice", "prices[1].code"),
        ({"prices": [{**FEE, "minimum": "5"}]}, "price_bounds_unavailable", "prices[0].minimum"),
        ({"prices": [{**FEE, "maximum": "5"}]}, "price_bounds_unavailable", "prices[0].maximum"),
        ({"prices": [{**FEE, "amount": 29}]}, "decimal_not_string", "prices[0].amount"),
        ({"prices": [USE]}, "unknown_meter", "prices[0].meter"),
    ],
)
def test_a_plans_document_is_refused_at_the_field_that_is_wrong(changes: dict[str, Any], code: str, field: str) -> None:
    with pytest.raises(Refusal) as caught:
        parse_plan({**PRO, **changes}, meters=(), default_currency="EUR")
    assert (caught.value.code, caught.value.field) == (code, field)
    assert "{" not in caught.value.sentence.replace('{"en"', "")


def test_an_instant_is_read_in_any_zone_and_kept_in_utc() -> None:
    read = read_instant("2025-01-01T01:30:00+01:30", field="x")
    assert read.isoformat() == "2025-01-01T00:00:00+00:00"


def test_a_meter_is_made_once_and_never_means_something_else(seller: Any) -> None:
    with in_scope(seller):
        made = create_meter(CALLS, at=seller.at, actor="cli")
        assert create_meter({**CALLS, "event_type": "calls"}, at=seller.at, actor="cli").id == made.id
        assert put_meter(CALLS, at=seller.at, actor="cli") is False
        assert put_meter({**CALLS, "code": "more"}, at=seller.at, actor="cli") is True
        with pytest.raises(Conflict, match="meter_exists"):
            create_meter({**CALLS, "aggregation": "sum", "property": "units"}, at=seller.at, actor="cli")
        assert [meter.code for meter in meters()] == ["calls", "more"]
        assert meters_by_code()["calls"].event_type == "calls"
        assert meter_by_code("more").code == "more"
        with pytest.raises(NotFound, match="meter_not_found"):
            meter_by_code("none")


def test_a_plan_has_a_version_with_prices_in_their_order(seller: Any) -> None:
    with in_scope(seller):
        create_meter(CALLS, at=seller.at, actor="cli")
        version = create_plan({**PRO, "prices": [USE, FEE]}, at=seller.at, actor="cli")
        pairs = prices_of({version.id})[version.id]
        assert [(price.code, price.meter, price.currency) for _id, price in pairs] == [
            ("calls", "calls", "EUR"),
            ("fee", None, "EUR"),
        ]
        assert prices_by_id({pairs[1][0]}) == {pairs[1][0]: pairs[1][1]}
        assert prices_by_id(set()) == {}
        assert plan_version_at("pro", seller.at).id == version.id
        (plan,) = plans()
        assert [(each.number, len(each.prices.all())) for each in plan.versions.all()] == [(1, 2)]
        assert plan_by_code("pro").id == plan.id


def test_the_same_terms_make_no_second_version(seller: Any) -> None:
    with in_scope(seller):
        first = create_plan(PRO, at=seller.at, actor="cli")
        later = seller.at + DAY
        assert create_plan(PRO, at=later, actor="cli").id == first.id
        assert (
            publish_version("pro", {**PRO, "prices": [{**FEE, "amount": "29"}]}, at=later, actor="cli").id == first.id
        )
        assert put_plan({**PRO, "valid_from": seller.at.isoformat()}, at=later, actor="cli") is False
        with pytest.raises(Conflict, match="plan_exists"):
            create_plan({**PRO, "prices": [{**FEE, "amount": "30.00"}]}, at=later, actor="cli")
        assert PlanVersion.objects.count() == Price.objects.count() == 1


def test_new_terms_hold_from_their_day_and_the_old_ones_until_then(seller: Any) -> None:
    dearer = {**PRO, "prices": [{**FEE, "amount": "39.00"}]}
    with in_scope(seller):
        first = create_plan(PRO, at=seller.at, actor="cli")
        starts = seller.at + 10 * DAY
        second = publish_version("pro", dearer, valid_from=starts, at=seller.at, actor="cli")
        assert second.number == 2
        for at, version in (
            (seller.at, first),
            (starts - timedelta(microseconds=1), first),
            (starts, second),
            (starts + DAY, second),
        ):
            assert plan_version_at("pro", at).id == version.id
        with pytest.raises(NotFound, match="plan_not_yet_valid"):
            plan_version_at("pro", seller.at - timedelta(microseconds=1))
        with pytest.raises(NotFound, match="plan_not_found"):
            plan_version_at("none", seller.at)


def test_new_terms_cannot_begin_in_the_past_or_before_others(seller: Any) -> None:
    def dearer(amount: str) -> dict[str, Any]:
        return {**PRO, "prices": [{**FEE, "amount": amount}]}

    with in_scope(seller):
        create_plan(PRO, at=seller.at, actor="cli")
        now = seller.at + DAY
        for starts in (now - timedelta(microseconds=1), seller.at):
            with pytest.raises(Unacceptable, match="price_version_in_past"):
                publish_version("pro", dearer("39.00"), valid_from=starts, at=now, actor="cli")
        publish_version("pro", dearer("39.00"), valid_from=now, at=now, actor="cli")
        publish_version("pro", dearer("49.00"), valid_from=now + 5 * DAY, at=now, actor="cli")
        for days in (1, 5):
            with pytest.raises(Unacceptable, match="price_version_too_early"):
                publish_version("pro", dearer("59.00"), valid_from=now + days * DAY, at=now, actor="cli")
        taken = {**dearer("69.00"), "valid_from": (now + 5 * DAY).isoformat()}
        with pytest.raises(Unacceptable, match="price_version_too_early"):
            put_plan(taken, at=now, actor="cli")
        assert PlanVersion.objects.count() == 3


@pytest.mark.parametrize(
    ("is_test", "backdated", "refused"), [(True, False, False), (False, True, False), (False, False, True)]
)
def test_a_live_plan_begins_in_the_past_only_by_import(
    seller: Any, is_test: bool, backdated: bool, refused: bool
) -> None:
    seller.seller.is_test, seller.seller.test_clock_at = is_test, None
    seller.seller.save()
    document = {**PRO, "valid_from": (seller.at - DAY).isoformat()}
    with in_scope(seller):
        if refused:
            with pytest.raises(Unacceptable, match="price_version_in_past"):
                create_plan(document, at=seller.at, actor="cli", backdated=backdated)
            assert plans() == []
        else:
            assert create_plan(document, at=seller.at, actor="cli", backdated=backdated).valid_from == seller.at - DAY


def test_a_tax_that_the_seller_does_not_have_is_refused(seller: Any) -> None:
    with in_scope(seller):
        create_plan({**PRO, "prices": [{**FEE, "tax": ["vat"]}]}, at=seller.at, actor="cli")
        with pytest.raises(Unacceptable, match="unknown_tax"):
            create_plan({**PRO, "code": "b", "prices": [{**FEE, "tax": ["gst"]}]}, at=seller.at, actor="cli")


def test_a_document_of_another_plan_is_not_published(seller: Any) -> None:
    with in_scope(seller):
        create_plan(PRO, at=seller.at, actor="cli")
        with pytest.raises(Malformed, match="plan_code"):
            publish_version("pro", {**PRO, "code": "other"}, at=seller.at, actor="cli")
        with pytest.raises(NotFound, match="plan_not_found"):
            publish_version("none", {**PRO, "code": "none"}, at=seller.at, actor="cli")


def test_another_sellers_catalogue_is_out_of_reach_even_when_its_prices_are_cached(make_seller: Any) -> None:
    mine, theirs = make_seller(), make_seller(name="Other")
    with in_scope(theirs):
        create_meter(CALLS, at=theirs.at, actor="cli")
        version = create_plan({**PRO, "prices": [USE]}, at=theirs.at, actor="cli")
        ((price_id, _price),) = prices_of({version.id})[version.id]
    with in_scope(mine):
        assert prices_of({version.id}) == {}
        assert prices_by_id({price_id}) == {}
        assert (meters(), plans(), meters_by_code()) == ([], [], {})
        for look in (
            lambda: plan_version_at("pro", mine.at),
            lambda: plan_by_code("pro"),
            lambda: meter_by_code("calls"),
        ):
            with pytest.raises(NotFound):
                look()
        with pytest.raises(Unacceptable, match="unknown_meter"):
            create_plan({**PRO, "prices": [USE]}, at=mine.at, actor="cli")
        assert create_plan(PRO, at=mine.at, actor="cli").number == 1


def test_the_cache_is_bounded_and_answers_as_the_tables_do(seller: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "MAX_CACHED_VERSIONS", 2)
    with in_scope(seller):
        versions = [create_plan({**PRO, "code": f"p{n}"}, at=seller.at, actor="cli").id for n in range(4)]
        for wanted in ({versions[0]}, set(versions), {versions[3]}, set(versions[:2])):
            assert set(prices_of(wanted)) == wanted
