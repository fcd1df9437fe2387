"""A seller's profile, test clock, tax rates and numbers."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connections, transaction

from clearbill.core.errors import Conflict, Fault, Refusal
from clearbill.scope.clock import clock_of
from clearbill.scope.seller import seller_scope
from clearbill.sellers import actions
from clearbill.sellers.models import NumberSeries, Seller, TaxRate
from clearbill.sellers.queries import audit_entries, seller_by_id, tax_rates, tax_rates_to_come

AT = datetime(2026, 3, 1, tzinfo=UTC)
WHO = {"actor": "cli", "at": AT}


@pytest.fixture
def live(database):
    return actions.create_seller(name="Acme", country="FR", currency="EUR", timezone="Europe/Paris", **WHO)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("country", "ZZ", "unknown_country"),
        ("country", 7, "not_text"),
        ("currency", "XXX", "unknown_currency"),
        ("timezone", "CET", "unknown_timezone"),
        ("timezone", "../../etc/passwd", "unknown_timezone"),
        ("locale", "fr", "unknown_locale"),
        ("email", "nobody", "email_malformed"),
        ("name", "", "text_length"),
        ("name", "x" * 201, "text_length"),
        ("name", "two\nlines", "text_length"),
        ("address", ["line"] * 9, "address_shape"),
        ("address", "line", "address_shape"),
        ("tax_ids", [{"label": "VAT"}], "entries_shape"),
        ("bank", {"label": "IBAN", "value": "FR"}, "entries_shape"),
        ("tax_behavior", "mixed", "unknown_choice"),
        ("policies", {"no.such": 1}, "unknown_policy"),
        ("policies", {"tax.rounding": "up"}, "policy_value"),
        ("policies", [], "policies_shape"),
        ("mfa_required", "yes", "not_truth"),
        ("number_prefix", "{x}", "number_prefix"),
        ("number_format", "{prefix}", "number_format_seq"),
        ("number_format", "{seq}{seq}", "number_format_seq"),
        ("number_format", "{day}-{seq}", "number_format_place"),
        ("number_format", "{seq:0.5}", "number_format_place"),
        ("number_format", "{seq:099}", "number_format_place"),
        ("number_format", "<b>{seq}", "number_format_text"),
        ("number_format", "{seq", "number_format_seq"),
        ("number_format", "{{seq}", "number_format_text"),
        ("net_terms_days", -1, "net_terms_days"),
        ("net_terms_days", 366, "net_terms_days"),
        ("net_terms_days", True, "net_terms_days"),
        ("is_test", True, "unknown_field"),
        ("id", "x", "unknown_field"),
    ],
)
def test_a_wrong_field_is_refused_by_name_and_nothing_changes(live, field, value, code):
    before = Seller.objects.filter(id=live.id).values().get()
    with pytest.raises(Refusal) as refused:
        actions.update_seller(live.id, **WHO, **{"legal_name": "Changed", field: value})
    assert refused.value.code == code
    assert refused.value.field.startswith(field)
    assert Seller.objects.filter(id=live.id).values().get() == before


def test_a_change_is_stored_and_audited_with_what_it_was(live):
    actions.update_seller(live.id, **WHO, net_terms_days=30, email="Desk@Acme.example", name="Acme")
    seller = seller_by_id(live.id)
    assert (seller.net_terms_days, seller.email) == (30, "desk@acme.example")
    with seller_scope(live.id):
        entry = next(row for row in audit_entries() if row.action == "seller.update")
    assert entry.data == {"net_terms_days": {"from": 14, "to": 30}, "email": "changed"}


def test_a_change_that_changes_nothing_leaves_no_audit_row(live):
    actions.update_seller(live.id, **WHO, name="Acme", country="FR")
    with seller_scope(live.id):
        assert [row.action for row in audit_entries()] == ["seller.create"]


def test_only_a_test_sellers_clock_moves_and_only_forward(live):
    test = actions.create_seller(
        name="Acme", country="FR", currency="EUR", timezone="UTC", is_test=True, live_id=live.id, **WHO
    )
    with pytest.raises(Conflict) as refused:
        actions.set_test_clock(live.id, at=AT, actor="cli")
    assert refused.value.code == "clock_of_live_seller"
    start = datetime(2013, 1, 1, tzinfo=UTC)
    actions.set_test_clock(test.id, at=start, actor="cli")
    assert clock_of(seller_by_id(test.id)) == start
    actions.set_test_clock(test.id, at=start, actor="cli")
    actions.set_test_clock(test.id, at=start + timedelta(days=1), actor="cli")
    with pytest.raises(Conflict) as refused:
        actions.set_test_clock(test.id, at=start, actor="cli")
    assert refused.value.code == "clock_backwards"
    with pytest.raises(Refusal) as refused:
        actions.set_test_clock(test.id, at=datetime(2014, 1, 1), actor="cli")
    assert refused.value.code == "time_naive"


def test_a_test_seller_belongs_to_a_live_one(live):
    words = {"name": "T", "country": "FR", "currency": "EUR", "timezone": "UTC"}
    test = actions.create_seller(**words, is_test=True, live_id=live.id, **WHO)
    for wrong in ({"live_id": live.id}, {"live_id": test.id, "is_test": True}):
        with pytest.raises(Refusal) as refused:
            actions.create_seller(**words, **wrong, **WHO)
        assert refused.value.code == "live_seller_wrong"


@pytest.mark.parametrize(
    ("asked", "rates"),
    [
        (AT - timedelta(microseconds=1), {}),
        (AT, {"vat": Decimal(20)}),
        (AT + timedelta(days=30) - timedelta(microseconds=1), {"vat": Decimal(20)}),
        (AT + timedelta(days=30), {"vat": Decimal("21.5")}),
    ],
)
def test_a_tax_rate_holds_from_its_instant(live, asked, rates):
    actions.set_tax_rates(live.id, rates=[{"code": "vat", "rate": "20", "label": "VAT"}], **WHO)
    later = AT + timedelta(days=30)
    actions.set_tax_rates(live.id, rates=[{"code": "vat", "rate": "21.5"}], valid_from=later, **WHO)
    with seller_scope(live.id):
        found = tax_rates(asked)
        assert {rate.code: rate.rate for rate in found} == rates
        assert all(rate.label == "VAT" for rate in found)
        assert [rate.rate for rate in tax_rates_to_come(AT)] == [Decimal("21.5")]


def test_setting_the_same_rate_again_adds_nothing(live):
    rates = [{"code": "vat", "rate": "20"}]
    assert actions.set_tax_rates(live.id, rates=rates, **WHO) == 1
    assert actions.set_tax_rates(live.id, rates=[{"code": "vat", "rate": "20.000"}], **WHO) == 0
    with seller_scope(live.id):
        assert TaxRate.objects.count() == 1


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"code": "vat", "rate": 20}, "decimal_not_string"),
        ({"code": "vat", "rate": "-1"}, "tax_rate_percent"),
        ({"code": "vat", "rate": "100.1"}, "tax_rate_percent"),
        ({"code": "vat", "rate": "1.1234567"}, "too_many_decimals"),
        ({"code": "VAT 1", "rate": "1"}, "tax_code"),
        ({"code": "vat"}, "tax_rate_shape"),
        ({"code": "vat", "rate": "1", "from": "x"}, "tax_rate_shape"),
    ],
)
def test_a_wrong_tax_rate_is_refused(live, entry, code):
    with pytest.raises(Refusal) as refused:
        actions.set_tax_rates(live.id, rates=[{"code": "good", "rate": "1"}, entry], **WHO)
    assert refused.value.code == code
    with seller_scope(live.id):
        assert not TaxRate.objects.exists()


def test_a_tax_rate_neither_starts_in_the_past_nor_replaces_one(live):
    with pytest.raises(Refusal) as refused:
        actions.set_tax_rates(
            live.id, rates=[{"code": "vat", "rate": "1"}], valid_from=AT - timedelta(seconds=1), **WHO
        )
    assert refused.value.code == "tax_rate_past"
    actions.set_tax_rates(live.id, rates=[{"code": "vat", "rate": "20"}], **WHO)
    with pytest.raises(Conflict) as refused:
        actions.set_tax_rates(live.id, rates=[{"code": "vat", "rate": "21"}], **WHO)
    assert refused.value.code == "tax_rate_exists"


def test_numbers_are_given_back_by_a_rollback(live):
    with seller_scope(live.id):
        assert list(actions.next_numbers("invoice", 3, at=AT)) == [1, 2, 3]

    class Crash(Exception):
        pass

    with pytest.raises(Crash), seller_scope(live.id):
        assert list(actions.next_numbers("invoice", 5, at=AT)) == [4, 5, 6, 7, 8]
        raise Crash
    with seller_scope(live.id):
        assert list(actions.next_numbers("invoice", 1, at=AT)) == [4]
        assert list(actions.next_numbers("credit_note", 1, at=AT)) == [1]


def test_numbers_taken_by_many_at_once_have_no_gap_and_no_double(live):
    taken, start = [], threading.Barrier(4)

    def take():
        start.wait()
        try:
            for size in (1, 3, 2, 5):
                with seller_scope(live.id):
                    taken.extend(actions.next_numbers("invoice", size, at=AT))
        finally:
            connections["default"].close()

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(1, 45))


@pytest.mark.parametrize("count", [0, -1, 100_001])
def test_an_odd_count_of_numbers_is_a_fault(live, count):
    with pytest.raises(Fault), seller_scope(live.id):
        actions.next_numbers("invoice", count, at=AT)


def test_another_sellers_numbers_rates_and_audit_rows_are_out_of_sight(live, make_seller):
    actions.set_tax_rates(live.id, rates=[{"code": "vat", "rate": "20"}], **WHO)
    with seller_scope(live.id):
        actions.next_numbers("invoice", 1, at=AT)
    other = make_seller(taxes=())
    with seller_scope(other.id):
        assert tax_rates(AT + timedelta(days=999)) == []
        assert audit_entries() == []
        assert not NumberSeries.objects.exists()
        assert NumberSeries.objects.filter(seller_id=live.id).update(last_value=99) == 0
        assert list(actions.next_numbers("invoice", 1, at=AT)) == [1]


def test_an_action_for_one_seller_inside_another_sellers_scope_is_a_fault(live, make_seller):
    with pytest.raises(Fault), seller_scope(make_seller().id):
        actions.update_seller(live.id, **WHO, net_terms_days=1)
    assert seller_by_id(live.id).net_terms_days == 14


def test_the_database_refuses_to_change_audit_rows_and_tax_rates(live):
    from django.db import DatabaseError

    from clearbill.sellers.models import AuditEntry

    actions.set_tax_rates(live.id, rates=[{"code": "vat", "rate": "20"}], **WHO)
    for attempt in (
        lambda: AuditEntry.objects.update(actor="nobody"),
        lambda: AuditEntry.objects.all().delete(),
        lambda: TaxRate.objects.update(rate=0),
        lambda: TaxRate.objects.all().delete(),
    ):
        with pytest.raises(DatabaseError), seller_scope(live.id), transaction.atomic():
            attempt()
