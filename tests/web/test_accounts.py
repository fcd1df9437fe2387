"""Staff sign-in and the pages about team, keys, audit and settings, through the door as a browser sees them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import struct
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.core.cache import cache
from django.db import connections
from django.test import Client

from clearbill.cli.create_owner import command, create_owner
from clearbill.scope.clock import wall_clock
from clearbill.scope.ids import show_id
from clearbill.sellers import actions
from clearbill.sellers.models import ApiKey, Invitation, Seller, User
from clearbill.sellers.queries import authenticate_key, role_of, seller_by_id, user_id_of

AT = datetime(2026, 3, 1, tzinfo=UTC)
PASSWORD = "tower bridge 9 lamps"
EMAIL = "olga@acme.example"
PAGES = ("/console/team/", "/console/developers/", "/console/audit/", "/console/settings/")


def make_owner(email=EMAIL, seller_name="Acme"):
    return create_owner(
        email, seller_name=seller_name, country="FR", currency="EUR", timezone="Europe/Paris", password=PASSWORD, at=AT
    )


@pytest.fixture
def owner(database):
    return make_owner()


def sign_in(email=EMAIL, password=PASSWORD):
    browser = Client()
    browser.login_answer = browser.post("/accounts/login/", {"login": email, "password": password})
    return browser


@pytest.fixture
def browser(owner):
    return sign_in()


def join(owner, role, email="nina@acme.example"):
    user_id = actions.create_user(email, at=AT, password=PASSWORD, name="Nina")
    actions.add_member(owner.live_id, user_id=user_id, role=role, granter="owner", actor="cli", at=AT)
    return sign_in(email)


def words_of(answer):
    return answer.content.decode()


def code_of(secret):
    """The six digits of RFC 6238 that hold now, and for two more seconds at least."""
    if time.time() % 30 > 28:
        time.sleep(2)
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", int(time.time() // 30)), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset : offset + 4])[0] & 0x7FFFFFFF) % 10**6:06}"


@pytest.mark.parametrize("path", PAGES)
def test_a_stranger_is_sent_to_sign_in_and_back(database, path):
    answer = Client().get(path)
    assert answer.status_code == 302
    assert answer["Location"] == f"/accounts/login/?next={path}"


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("path", PAGES)
def test_an_owner_sees_each_page_in_both_languages(browser, path, language):
    answer = browser.get(path, {"lang": language})
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    assert f'<html lang="{language}"' in words_of(answer)


def test_the_case_of_an_address_doesnt_matter_but_the_password_does(owner):
    assert sign_in("OLGA@Acme.Example").login_answer.status_code == 302
    wrong = sign_in(password="not the password")
    assert wrong.login_answer.status_code == 200
    assert wrong.get("/console/team/").status_code == 302


@pytest.mark.parametrize("path", ["/accounts/signup/", "/accounts/3rdparty/signup/"])
def test_nobody_signs_up(database, path):
    answer = Client().post(
        path, {"email": "new@acme.example", "password1": PASSWORD, "password2": PASSWORD}, follow=True
    )
    assert answer.status_code in (200, 403)
    assert not User.objects.exists()


def test_the_address_of_an_account_cant_be_changed(browser):
    assert browser.post("/accounts/email/", {"action_add": "", "email": "x@y.example"}).status_code == 403


def test_a_forgotten_password_is_set_anew_by_a_mailed_link(owner):
    stranger = Client()
    stranger.post("/accounts/password/reset/?lang=en", {"email": EMAIL.upper()})
    assert mail.outbox[-1].to == [EMAIL]
    assert mail.outbox[-1].subject == "Set a new password for Clearbill"
    path = re.search(r"http://127\.0\.0\.1:8000(\S+)", mail.outbox[-1].body)[1]
    form = stranger.get(path)["Location"]
    stranger.post(form, {"password1": "short", "password2": "short"})
    assert User.objects.get(email=EMAIL).check_password(PASSWORD)
    stranger.post(form, {"password1": "seven blue kettles", "password2": "seven blue kettles"})
    assert sign_in(password="seven blue kettles").get("/console/team/").status_code == 200


def test_a_person_without_a_seller_is_told_so(owner):
    actions.create_user("lone@acme.example", at=AT, password=PASSWORD)
    assert sign_in("lone@acme.example").get("/console/team/").status_code == 403


def test_a_member_who_is_removed_sees_nothing_from_the_next_click(owner, browser):
    nina = join(owner, "viewer")
    assert nina.get("/console/team/").status_code == 200
    shown = show_id("user", user_id_of("nina@acme.example"))
    browser.post(f"/console/team/{shown}/remove/")
    assert nina.get("/console/team/").status_code == 403


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("admin", {"/console/team/", "/console/developers/", "/console/audit/", "/console/settings/"}),
        ("finance", {"/console/team/", "/console/audit/", "/console/settings/"}),
        ("support", {"/console/team/", "/console/settings/"}),
        ("developer", {"/console/team/", "/console/developers/", "/console/settings/"}),
        ("viewer", {"/console/team/", "/console/settings/"}),
    ],
)
def test_a_role_opens_its_pages_and_no_other(owner, role, allowed):
    nina = join(owner, role)
    assert {path for path in PAGES if nina.get(path).status_code == 200} == allowed


@pytest.mark.parametrize("role", ["finance", "support", "developer", "viewer"])
def test_who_may_not_manage_gets_403_on_every_change(owner, role):
    nina = join(owner, role)
    before = Seller.objects.filter(id=owner.live_id).values().get()
    me = show_id("user", user_id_of("nina@acme.example"))
    for path, form in (
        ("/console/team/invite/", {"email": "x@acme.example", "role": "viewer"}),
        (f"/console/team/{me}/role/", {"role": "owner"}),
        (f"/console/team/{show_id('user', owner.user_id)}/remove/", {}),
        ("/console/settings/profile/", {"name": "Mine"}),
        ("/console/settings/billing/", {"net_terms_days": "0"}),
        ("/console/settings/tax/", {"code": "vat", "rate": "0"}),
    ):
        assert nina.post(path, form).status_code == 403, path
    assert Seller.objects.filter(id=owner.live_id).values().get() == before
    assert role_of(user_id_of("nina@acme.example"), owner.live_id) == role
    assert not Invitation.objects.exists()


def test_another_companys_ids_open_nothing(owner, browser):
    other = make_owner("bo@other.example", "Other")
    key = actions.create_key(other.live_id, name="k", granter="owner", actor="cli", at=AT)
    invitation = actions.invite(
        other.live_id,
        email="x@other.example",
        role="viewer",
        granter="owner",
        invited_by=other.user_id,
        actor="cli",
        at=wall_clock(),
    )
    assert browser.post("/console/switch/", {"seller": str(other.live_id)}).status_code == 404
    bo = show_id("user", other.user_id)
    for path in (
        f"/console/developers/keys/{show_id('api_key', key.id)}/revoke/",
        f"/console/team/invitations/{show_id('invitation', invitation.id)}/withdraw/",
        f"/console/team/{bo}/remove/",
        f"/console/team/{bo}/role/",
    ):
        assert browser.post(path, {"role": "viewer"}).status_code == 404, path
    assert authenticate_key(key.text).seller_id == other.live_id
    assert actions.read_invitation(invitation.token, at=wall_clock()).email == "x@other.example"
    assert role_of(other.user_id, other.live_id) == "owner"


def test_a_session_that_names_another_companys_seller_falls_back_to_the_own(owner, browser):
    other = make_owner("bo@other.example", "Other GmbH")
    session = browser.session
    session["seller_id"] = str(other.live_id)
    session.save()
    page = words_of(browser.get("/console/team/"))
    assert "Other GmbH" not in page
    assert "Acme" in page


def test_switching_to_test_mode_shows_its_keys_only(owner, browser):
    live = actions.create_key(owner.live_id, name="live-key-name", granter="owner", actor="cli", at=AT)
    test = actions.create_key(owner.test_id, name="test-key-name", granter="owner", actor="cli", at=AT)
    assert (live.text[:8], test.text[:8]) == ("cb_live_", "cb_test_")
    page = words_of(browser.get("/console/developers/"))
    assert "live-key-name" in page
    assert "test-key-name" not in page
    browser.post("/console/switch/", {"seller": str(owner.test_id)})
    page = words_of(browser.get("/console/developers/"))
    assert "test-key-name" in page
    assert "live-key-name" not in page


def test_a_new_key_is_shown_once(browser):
    answer = browser.post("/console/developers/", {"name": "usage", "role": "developer"})
    text = re.search(r"cb_live_[0-9A-Za-z]{40}", words_of(answer))[0]
    assert "no-store" in answer["Cache-Control"]
    assert authenticate_key(text).role == "developer"
    page = words_of(browser.get("/console/developers/"))
    assert text not in page
    assert text[-4:] in page


def test_a_developer_cant_make_an_owners_key_by_hand(owner):
    nina = join(owner, "developer")
    assert nina.post("/console/developers/", {"name": "k", "role": "owner"}).status_code == 400
    assert not ApiKey.objects.exists()


def invite_by_page(browser, email="nina@acme.example", role="finance"):
    answer = browser.post("/console/team/invite/", {"email": email, "role": role})
    assert answer.status_code == 302
    return re.search(r"http://127\.0\.0\.1:8000(\S+)", queued_mail()[1])[1]


def queued_mail():
    """Recipient and text of the last message that waits to be sent."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT recipient, text FROM mail_message ORDER BY id DESC LIMIT 1")
        return cursor.fetchone()


def test_an_invited_person_comes_in_by_the_mailed_link_once(owner, browser):
    path = invite_by_page(browser, email="Nina@Acme.example")
    assert queued_mail()[0] == "nina@acme.example"
    nina = Client()
    assert "nina@acme.example" in words_of(nina.get(path))
    form = {"name": "Nina", "password": "seven blue kettles", "repeated": "seven blue kettles"}
    for wrong in ({"repeated": "other"}, {"password": "short", "repeated": "short"}, {"name": ""}):
        assert nina.post(path, {**form, **wrong}).status_code == 200
        assert user_id_of("nina@acme.example") is None
    assert nina.post(path, form).status_code == 302
    assert nina.get("/console/audit/").status_code == 200
    assert Client().get(path).status_code == 410
    assert "nina@acme.example" in words_of(browser.get("/console/team/"))


def test_an_invitation_link_that_was_changed_or_is_old_is_gone(browser):
    path = invite_by_page(browser)
    assert Client().get(path[:-3] + "/").status_code == 410
    Invitation.objects.update(expires_at=wall_clock() - timedelta(seconds=1))
    assert Client().get(path).status_code == 410


def test_guessing_invitation_links_is_throttled(database):
    stranger = Client()
    # 41 requests fall into two windows of 20 at most
    answers = [stranger.get("/accounts/invitation/guess:guess/").status_code for _ in range(41)]
    assert answers[0] == 410
    assert 429 in answers


def test_settings_are_saved_and_a_wrong_one_keeps_what_was_typed(owner, browser):
    form = {
        "name": "Acme",
        "legal_name": "Acme SA",
        "email": "",
        "address": "1 Example Street\n\nParis",
        "country": "CN",
        "currency": "cny",
        "timezone": "Asia/Shanghai",
        "locale": "zh-Hans",
        "tax_ids": "VAT: FR1",
        "bank": "",
    }
    assert browser.post("/console/settings/profile/", form).status_code == 302
    seller = seller_by_id(owner.live_id)
    assert (seller.legal_name, seller.country, seller.currency) == ("Acme SA", "CN", "CNY")
    assert seller.address == ["1 Example Street", "Paris"]
    assert seller.tax_ids == [{"label": "VAT", "value": "FR1"}]
    answer = browser.post("/console/settings/profile/", {**form, "legal_name": "Typed SA", "currency": "QQQ"})
    assert answer.status_code == 400
    assert "Typed SA" in words_of(answer)
    assert seller_by_id(owner.live_id).legal_name == "Acme SA"


def test_a_second_factor_that_is_demanded_is_set_up_before_anything_else(owner, browser):
    actions.update_seller(owner.live_id, mfa_required=True, actor="cli", at=AT)
    for seller_id in (owner.test_id, owner.live_id):
        assert browser.post("/console/switch/", {"seller": str(seller_id)}).status_code == 302
        for path in PAGES:
            assert browser.get(path)["Location"] == "/accounts/2fa/totp/activate/", path
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
    secret = re.search(r"\b[A-Z2-7]{32}\b", words_of(browser.get("/accounts/2fa/totp/activate/")))[0]
    browser.post("/accounts/2fa/totp/activate/", {"code": code_of(secret)})
    assert browser.get("/console/team/").status_code == 200

    cache.clear()  # it holds the code just used, which can't be used again
    thief = sign_in()
    assert thief.login_answer["Location"] == "/accounts/2fa/authenticate/"
    assert thief.get("/console/team/").status_code == 302
    wrong = f"{(int(code_of(secret)) + 1) % 10**6:06}"
    thief.post("/accounts/2fa/authenticate/", {"code": wrong})
    assert thief.get("/console/team/").status_code == 302
    thief.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    assert thief.get("/console/team/").status_code == 200


def test_a_form_from_elsewhere_is_refused(owner):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(User.objects.get(id=owner.user_id))
    assert browser.post("/console/developers/", {"name": "k", "role": "viewer"}).status_code == 403
    assert not ApiKey.objects.exists()


def test_the_audit_page_names_people_and_keys_and_pages_back(owner, browser):
    for index in range(60):
        actions.create_key(
            owner.live_id,
            name=f"k{index}",
            granter="owner",
            actor=f"user:{show_id('user', owner.user_id)}",
            at=AT + timedelta(seconds=index),
        )
    first = words_of(browser.get("/console/audit/?lang=en"))
    assert first.count("API key made") == 50
    older = re.search(r'rel="next" href="([^"]+)"', first)[1].replace("&amp;", "&")
    second = words_of(browser.get("/console/audit/" + older))
    assert second.count("API key made") == 10
    assert EMAIL in first
    assert browser.get("/console/audit/?before=aud_nonsense").status_code == 200


def test_create_owner_on_the_command_line_says_what_is_wrong_and_exits_with_2(database):
    from click.testing import CliRunner

    words = [EMAIL, "--seller", "Acme", "--currency", "EUR", "--country"]
    wrong = CliRunner().invoke(command, [*words, "XX"])
    assert wrong.exit_code == 2
    assert "“XX” is not a country" in wrong.output
    assert not Seller.objects.exists()
    good = CliRunner().invoke(command, [*words, "FR"])
    assert good.exit_code == 0
    password = re.search(r"shown only now: (\S+)", good.output)[1]
    assert sign_in(password=password).get("/console/team/").status_code == 200
    assert CliRunner().invoke(command, [*words, "FR"]).exit_code == 2
