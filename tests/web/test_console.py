"""The console as staff sees it: what is on the pages, in both languages, what forms say, and who may do what."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from clearbill.scope.ids import show_id
from tests.web.browsers import full, signed_in, words_of
from tests.worlds import bills, in_scope, instant, make_customer, make_plan, run_until, subscribe

pytestmark = pytest.mark.database


@pytest.fixture
def world(make_seller: Any) -> Any:
    return make_seller(name="Acme Cloud")


def first_invoice(world: Any) -> str:
    return f"/console/invoices/{show_id('invoice', bills(world)[0]['id'])}/"


# ── What is there ──


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ("Open €104.52 3 invoices", "Overdue", "Billed by month", "3 invoices are overdue", "ACME-000002")),
        ("zh-hans", ("未结清 €104.52 3 张账单", "逾期", "每月出账金额", "3 张账单已逾期", "ACME-000002")),
    ],
)
def test_home_says_what_is_open_and_what_waits(world: Any, language: str, expected: tuple[str, ...]) -> None:
    full(world)
    words = words_of(signed_in(world).get(f"/console/?lang={language}"))
    for each in expected:
        assert each in words


def test_an_empty_seller_is_told_what_to_do_first(world: Any) -> None:
    browser = signed_in(world)
    words = words_of(browser.get("/console/"))
    assert "Add a plan and a customer, start a subscription, and its first bill appears here." in words
    assert "Nothing waits." in words
    for place in ("customers", "subscriptions", "invoices", "credit-notes", "drafts", "usage", "catalogue", "journal"):
        assert 'class="empty"' in browser.get(f"/console/{place}/").content.decode(), place


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        (
            "en",
            (
                "Overdue",
                "Invoice issued",
                "Accounts receivable €34.80",
                "Deferred revenue €29.00",
                "Fixed price of €29.00",
            ),
        ),
        ("zh-hans", ("逾期", "开具了账单", "应收账款 €34.80", "递延收入 €29.00", "固定价格 €29.00")),
    ],
)
def test_an_invoice_shows_status_working_and_postings(world: Any, language: str, expected: tuple[str, ...]) -> None:
    full(world)
    words = words_of(signed_in(world).get(f"{first_invoice(world)}?lang={language}"))
    for each in (*expected, "€34.80", "VAT 20%"):
        assert each in words


def test_a_draft_and_a_credit_note_open(world: Any) -> None:
    from clearbill.billing.actions.credits import credit_invoice
    from clearbill.billing.queries.invoices import drafts

    customer = full(world, months=1)[0]
    fee = {"code": "late", "model": "flat", "amount": "5.00", "bill": "in_advance"}
    make_plan(world, "waiting", prices=[fee], policies={"grace_hours": 72})
    subscribe(replace(world, at=instant("2025-02-15T00:00")), customer, "waiting")
    run_until(world, "2025-02-15T12:00")
    with in_scope(world):
        draft = drafts()[0]
        note = credit_invoice(bills(world)[0]["id"], lines={1: 1000}, reason="Outage in May", at=world.at, actor="test")
    browser = signed_in(world)
    shown = words_of(browser.get(f"/console/drafts/{show_id('draft', draft.id)}/"))
    assert "€6.00" in shown
    assert "Draft" in shown
    shown = words_of(browser.get(f"/console/credit-notes/{show_id('credit_note', note.id)}/"))
    for each in ("€12.00", "Outage in May", "ACME-000001"):
        assert each in shown


def test_the_audit_trail_is_in_words_of_the_reader(world: Any) -> None:
    full(world)
    browser = signed_in(world)
    words = words_of(browser.get("/console/audit/"))
    assert "Joined the team" in words
    assert "Role Owner" in words
    assert "Jan 10, 2025, 10:00 AM UTC+1 → Mar 15, 2025, 1:00 AM UTC+1" in words
    assert "2025-03-15T" not in words
    assert "角色 所有者" in words_of(browser.get("/console/audit/?lang=zh-hans"))


def test_a_search_finds_by_number_and_by_customer_and_says_when_nothing_fits(world: Any) -> None:
    full(world, customers=2, months=1)
    browser = signed_in(world)
    assert "Acme1 Ltd" in words_of(browser.get("/console/invoices/?q=acme1"))
    assert "Acme0 Ltd" not in words_of(browser.get("/console/invoices/?q=acme1"))
    assert "None fits what you look for." in words_of(browser.get("/console/invoices/?q=nobody"))


@pytest.mark.parametrize("query", ["?before=x", "?status=x", "?page=-1", "?q=%00", "?before=99999999999999999999"])
@pytest.mark.parametrize("place", ["invoices", "customers", "subscriptions", "credit-notes", "journal", "audit"])
def test_a_broken_query_is_no_fault(world: Any, place: str, query: str) -> None:
    assert signed_in(world).get(f"/console/{place}/{query}").status_code in (200, 400, 404)


# ── Forms ──

CUSTOMER = {"name": "Beta GmbH", "external_id": "beta", "kind": "business", "currency": "EUR", "locale": "en"}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": ""}, "This field is required."),
        ({"email": "nobody"}, "Enter a valid email address."),
        ({"currency": "XXZ"}, "XXZ"),
        ({"country": "ZZ"}, "Select a valid choice."),
        ({"net_terms_days": "366"}, "365"),
        ({"external_id": "acme0"}, "acme0"),
        ({"address": "line\n" * 9}, "8"),
    ],
)
def test_a_customer_form_says_what_is_wrong_and_keeps_the_rest(world: Any, changed: dict[str, str], said: str) -> None:
    full(world, months=1)
    answer = signed_in(world).post("/console/customers/new/", {**CUSTOMER, "region": "Bavaria", **changed})
    assert answer.status_code == 400
    text = answer.content.decode()
    assert said in text
    assert 'value="Bavaria"' in text
    assert "field-errors" in text or 'role="alert"' in text


def test_a_customer_is_made_and_changed(world: Any) -> None:
    browser = signed_in(world)
    place = browser.post("/console/customers/new/", CUSTOMER)["Location"]
    assert "Beta GmbH" in words_of(browser.get(place))
    browser.post(f"{place}edit/", {**CUSTOMER, "name": "Beta SE", "country": "DE"})
    assert "Beta SE" in words_of(browser.get(place))
    assert "Country Germany" in words_of(browser.get(place))
    assert "国家 德国" in words_of(browser.get(f"{place}?lang=zh-hans"))


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ('{"interval": "month"', "line 1, column 21"),
        ("[]", "one object of fields"),
        ('{"interval": "month", "prices": [{"code": "x", "model": "flat", "amount": 49.0}]}', "amount"),
        ('{"interval": "month", "prices": [], "colour": "red"}', "colour"),
        ('{"interval": "fortnight", "prices": []}', "interval"),
        ('{"interval": "month", "interval": "year", "prices": []}', "interval"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_with_the_place_and_kept(world: Any, typed: str, said: str) -> None:
    browser = signed_in(world)
    answer = browser.post("/console/catalogue/new-plan/", {"code": "team", "document": typed, "review": "1"})
    assert answer.status_code == 400
    assert said in words_of(answer)
    assert typed in words_of(answer)
    assert browser.get("/console/catalogue/plans/team/").status_code == 404


@pytest.mark.parametrize(("typed", "stays"), [("a lot", "a lot"), ("1,234", "1,234"), ("-5", "-5"), ("1e3", "1e3")])
def test_what_is_no_amount_is_named_as_it_was_typed(world: Any, typed: str, stays: str) -> None:
    full(world, months=1)
    answer = signed_in(world).post(f"{first_invoice(world)}credit/", {"line_1": typed, "reason": "x", "review": "1"})
    assert answer.status_code == 400
    assert f"“{stays}” is not an amount" in words_of(answer)
    assert f'value="{typed}"' in answer.content.decode()


@pytest.mark.parametrize("typed", ["5", "5.0", "5,00"])
def test_a_credit_note_is_shown_before_it_is_issued(world: Any, typed: str) -> None:
    full(world, months=1)
    browser, form = signed_in(world), {"line_1": typed, "reason": "Outage", "seen": "0"}
    shown = browser.post(f"{first_invoice(world)}credit/", {**form, "review": "1"})
    assert "Credited, tax included €6.00" in words_of(shown)
    assert "No credit notes" in words_of(browser.get("/console/credit-notes/"))
    issued = browser.post(f"{first_invoice(world)}credit/", {**form, "issue": "1"})
    assert "€6.00" in words_of(browser.get(issued["Location"]))
    again = browser.post(f"{first_invoice(world)}credit/", {**form, "issue": "1"})
    assert "was credited in the meantime" in words_of(again)


def test_the_clock_only_goes_forward_and_not_too_far(world: Any) -> None:
    browser = signed_in(world)
    for to, said in (
        ("2025-01-01T00:00", "only goes forward"),
        ("2027-01-01T00:00", "within 400 days"),
        ("x", "valid"),
    ):
        answer = browser.post("/console/clock/", {"to": to})
        assert answer.status_code == 400
        assert said in words_of(answer)


def test_settings_that_cannot_be_are_named_and_kept(world: Any) -> None:
    browser = signed_in(world)
    answer = browser.post("/console/settings/tax/", {"code": "vat", "rate": "a fifth", "label": "VAT"})
    assert answer.status_code == 400
    assert 'value="a fifth"' in answer.content.decode()
    answer = browser.post("/console/settings/profile/", {"name": "Acme Cloud", "bank": "no colon here"})
    assert answer.status_code == 400
    assert "no colon here" in words_of(answer)


# ── Who may ──


def test_support_works_with_customers_and_sees_no_button_it_may_not_press(world: Any) -> None:
    customer = full(world)[0]
    owner, support = signed_in(world), signed_in(world, "support")
    invoice = first_invoice(world)
    assert "Give a credit note" in words_of(owner.get(invoice))
    assert "Give a credit note" not in words_of(support.get(invoice))
    assert support.get(f"{invoice}credit/").status_code == 403
    assert support.get("/console/audit/").status_code == 403
    assert support.post("/console/customers/new/", CUSTOMER).status_code == 302
    place = f"/console/customers/{show_id('customer', customer.id)}/"
    assert "Subscribe" in words_of(support.get(place))


def test_the_last_owner_is_offered_neither_another_role_nor_the_door(world: Any) -> None:
    browser = signed_in(world)
    signed_in(world, "support")
    page = browser.get("/console/team/").content.decode()
    assert page.count('href="#remove-') == 1
    assert page.count('href="#role-') == 1


def test_somebody_of_another_seller_sees_nothing_of_this_one(world: Any, make_seller: Any) -> None:
    customer = full(world, months=1)[0]
    stranger = signed_in(make_seller(name="Other"))
    for place in (first_invoice(world), f"/console/customers/{show_id('customer', customer.id)}/"):
        assert stranger.get(place).status_code == 404
    assert "Acme0" not in words_of(stranger.get("/console/customers/?q=Acme0"))
    assert make_customer(world, "later").id != customer.id
