"""Customers: what a document may say, one at a time and many at once, and whose they are."""

from __future__ import annotations

import pytest

from clearbill.core.errors import Conflict, Malformed, NotFound, Refusal, TooLarge
from clearbill.customers import actions
from clearbill.customers.actions import PutState, create_customer, put_customers, update_customer
from clearbill.customers.documents import check_customer
from clearbill.customers.queries import (
    customer_by_external_id,
    customer_by_id,
    customer_ids_of,
    customers_page,
)
from clearbill.scope.ids import show_id
from clearbill.scope.seller import seller_scope

ACME = {"external_id": "acme", "name": "Acme SARL"}


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("nickname", "x", "unknown_field"),
        ("external_id", "", "empty"),
        ("external_id", "a" * 129, "too_long"),
        ("external_id", "a\0b", "unprintable"),
        ("external_id", "cus_" + "0" * 26, "external_id_is_an_id"),
        ("name", "  ", "empty"),
        ("name", 5, "wrong_type"),
        ("email", "not an address", "email_malformed"),
        ("country", "XX", "unknown_country"),
        ("country", "fr", "unknown_country"),
        ("country", "EU", "unknown_country"),
        ("currency", "EURO", "unknown_currency"),
        ("currency", "XXX", "unknown_currency"),
        ("currency", "XAU", "unknown_currency"),
        ("timezone", "Europe/Atlantis", "unknown_timezone"),
        ("timezone", "../etc/passwd", "unknown_timezone"),
        ("locale", "fr", "unknown_value"),
        ("kind", "robot", "unknown_value"),
        ("address", "1 Street", "wrong_type"),
        ("address", ["x"] * 9, "too_many"),
        ("tax_ids", [5], "wrong_type"),
        ("net_terms_days", -1, "net_terms_days"),
        ("net_terms_days", 366, "net_terms_days"),
        ("net_terms_days", True, "net_terms_days"),
        ("policies", {"proration.unit": "hour"}, "policy_value"),
        ("policies", {"nonsense": 1}, "unknown_policy"),
        ("policies", [], "wrong_type"),
    ],
)
def test_a_field_that_is_wrong_is_refused_with_its_name(field: str, value: object, code: str) -> None:
    with pytest.raises(Refusal) as caught:
        check_customer({**ACME, field: value})
    assert caught.value.code == code
    assert caught.value.field.startswith(field)
    assert "{" not in caught.value.sentence


@pytest.mark.parametrize("field", ["external_id", "name"])
def test_a_customer_without_id_or_name_is_refused(field: str) -> None:
    with pytest.raises(Malformed, match="missing_field"):
        check_customer({key: value for key, value in ACME.items() if key != field})


def test_a_good_document_is_kept_as_it_stands_but_for_spaces_around_it() -> None:
    document = {
        "external_id": "北京-1",
        "name": " 北京云服务有限公司 ",
        "email": "pay@example.cn",
        "country": "CN",
        "currency": "CNY",
        "timezone": "Asia/Shanghai",
        "locale": "zh-Hans",
        "address": ["朝阳区 1 号"],
        "net_terms_days": None,
    }
    assert check_customer(document) == {**document, "name": "北京云服务有限公司"}


def test_a_new_customer_takes_the_sellers_currency_when_it_says_none(seller) -> None:
    with seller_scope(seller.id):
        made = create_customer(ACME, at=seller.at, actor="cli")
        assert (made.currency, made.locale, made.kind) == ("EUR", "en", "business")
        assert customer_by_id(made.id).name == customer_by_external_id("acme").name == "Acme SARL"


def test_the_same_external_id_is_taken_once(seller) -> None:
    with seller_scope(seller.id):
        create_customer(ACME, at=seller.at, actor="cli")
        with pytest.raises(Conflict, match="customer_exists"):
            create_customer({**ACME, "name": "Another"}, at=seller.at, actor="cli")
        assert [customer.name for customer in customers_page()] == ["Acme SARL"]


def test_an_update_changes_what_it_names_and_never_the_external_id(seller) -> None:
    with seller_scope(seller.id):
        made = create_customer({**ACME, "country": "FR"}, at=seller.at, actor="cli")
        update_customer(made.id, {"name": "Acme SAS"}, at=seller.at, actor="cli")
        found = customer_by_id(made.id)
        assert (found.name, found.country) == ("Acme SAS", "FR")
        with pytest.raises(Malformed, match="external_id_is_fixed"):
            update_customer(made.id, {"external_id": "other"}, at=seller.at, actor="cli")


def test_many_rows_are_created_changed_left_alone_or_refused_each_by_itself(seller) -> None:
    with seller_scope(seller.id):
        first = put_customers([ACME, {"external_id": "b", "name": "B"}], at=seller.at, actor="cli")
        assert [receipt.state for receipt in first] == [PutState.CREATED, PutState.CREATED]
        rows = [ACME, {"external_id": "b", "name": "B2"}, {"external_id": "c"}, {"external_id": "d", "name": "D"}]
        second = put_customers(rows, at=seller.at, actor="cli")
        assert [receipt.state for receipt in second] == [
            PutState.UNCHANGED,
            PutState.UPDATED,
            PutState.REFUSED,
            PutState.CREATED,
        ]
        assert second[0].customer_id == first[0].customer_id
        assert second[2].refusal is not None
        assert second[2].refusal.code == "missing_field"
        assert sorted(customer.name for customer in customers_page()) == ["Acme SARL", "B2", "D"]


def test_a_row_that_comes_twice_in_one_call_ends_as_its_last(seller) -> None:
    with seller_scope(seller.id):
        put_customers([ACME, {**ACME, "name": "Later"}], at=seller.at, actor="cli")
        assert [customer.name for customer in customers_page()] == ["Later"]


def test_too_many_rows_are_refused_before_any_is_written(seller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "MAX_CUSTOMERS_A_CALL", 1)
    with seller_scope(seller.id):
        with pytest.raises(TooLarge, match="too_many_rows"):
            put_customers([ACME, {"external_id": "b", "name": "B"}], at=seller.at, actor="cli")
        assert customers_page() == []


def test_another_sellers_customer_is_not_found_by_any_way(make_seller) -> None:
    mine, theirs = make_seller(), make_seller(name="Other")
    with seller_scope(theirs.id):
        made = create_customer(ACME, at=theirs.at, actor="cli")
    with seller_scope(mine.id):
        for look in (
            lambda: customer_by_id(made.id),
            lambda: customer_by_external_id("acme"),
            lambda: update_customer(made.id, {"name": "Stolen"}, at=mine.at, actor="cli"),
        ):
            with pytest.raises(NotFound, match="customer_not_found"):
                look()
        assert customer_ids_of({"acme", show_id("customer", made.id)}) == {}
        assert customers_page(search="acme") == []
    with seller_scope(theirs.id):
        assert customer_by_id(made.id).name == "Acme SARL"


def test_a_page_goes_on_where_the_one_before_ended_and_a_search_reads_name_id_and_address(seller) -> None:
    rows = [{"external_id": f"c{n}", "name": f"Name {n}", "email": f"pay{n}@x.example"} for n in range(5)]
    with seller_scope(seller.id):
        for row in rows:
            create_customer(row, at=seller.at, actor="cli")
        everybody = customers_page(limit=100)
        assert everybody == sorted(everybody, key=lambda customer: customer.id, reverse=True)
        first = customers_page(limit=2)
        assert first + customers_page(before=first[-1].id, limit=100) == everybody
        for text in ("name 3", "C3", "PAY3@"):
            assert [customer.external_id for customer in customers_page(search=text)] == ["c3"]
        assert customers_page(search="100%") == []


def test_references_are_external_ids_or_ids(seller) -> None:
    with seller_scope(seller.id):
        made = create_customer(ACME, at=seller.at, actor="cli")
        shown = show_id("customer", made.id)
        found = customer_ids_of({"acme", shown, "nobody", "cus_broken", "nul\0"})
        assert found == {"acme": made.id, shown: made.id}
