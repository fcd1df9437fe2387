"""Who may enter, how often, and what is done only once."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from django.test import Client

from tests.worlds import ApiClient, api_client, wire

CUSTOMER = {"external_id": "acme", "name": "Acme"}


def test_without_a_key_nobody_enters_and_the_answer_says_how(database):
    response = Client().get("/api/v1/customers")
    assert response.status_code == 401
    assert response["Content-Type"] == "application/problem+json"
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert response.json()["code"] == "api_key_missing"
    assert "Authorization: Bearer" in response.json()["detail"]


def test_another_scheme_or_an_unknown_key_is_refused(database):
    for header in ["Basic abc", "Bearer", "Bearer ", "bearer", ""]:
        response = Client().get("/api/v1/customers", headers={"Authorization": header})
        assert (response.status_code, response.json()["code"]) == (401, "api_key_missing"), header
    for key in ["nonsense", "cb_test_" + "a" * 40, "cb_live_" + "a" * 40, "cb_test_\x00", "cb_test_é"]:
        response = ApiClient(key).get("/customers")
        assert (response.status_code, response.json()["code"]) == (401, "api_key_unknown"), key


def test_a_revoked_key_opens_nothing_any_more(seller):
    from clearbill.sellers.actions import create_key, revoke_key

    made = create_key(seller.id, name="Old", granter="owner", actor="cli", at=seller.at)
    assert ApiClient(made.text).get("/customers").status_code == 200
    revoke_key(seller.id, key_id=made.id, actor="cli", at=seller.at)
    assert ApiClient(made.text).get("/customers").json()["code"] == "api_key_unknown"


ROLES = [
    ("viewer", "/customers", 403),
    ("support", "/customers", 201),
    ("viewer", "/meters", 403),
    ("support", "/meters", 403),
    ("developer", "/meters", 201),
    ("support", "/usage", 403),
    ("finance", "/usage", 403),
    ("developer", "/usage", 200),
    ("developer", "/credit_notes", 403),
    ("finance", "/credit_notes", 404),
    ("viewer", "/test_clock", 403),
    ("viewer", "/invoices/preview", 404),
]


def test_a_keys_role_says_what_it_may_do(seller):
    line = {"line": 1, "amount": {"amount": "1.00", "currency": "EUR"}}
    bodies = {
        "/customers": CUSTOMER,
        "/meters": {"code": "calls", "aggregation": "count"},
        "/usage": {"events": []},
        "/credit_notes": {"invoice": "inv_00000000000000000000000000", "lines": [line], "reason": "x"},
        "/test_clock": {"to": "2025-01-11T00:00:00Z"},
        "/invoices/preview": {"customer": "cus_00000000000000000000000000"},
    }
    for role, path, status in ROLES:
        response = api_client(seller, role=role).post(path, bodies[path])
        assert response.status_code == status, (role, path, response.content)
        assert status != 403 or response.json()["code"] == "not_allowed"


def test_a_role_is_asked_before_the_body_is_read(seller):
    assert api_client(seller, role="viewer").send("POST", "/customers", b"{broken").status_code == 403


def test_above_its_rate_a_key_waits_and_others_dont(seller, monkeypatch):
    from clearbill.web.api import auth

    monkeypatch.setattr(auth, "REQUESTS_A_WINDOW", 2)
    one, other = api_client(seller), api_client(seller)
    assert [one.get("/seller").status_code for _ in range(3)] == [200, 200, 429]
    refused = one.get("/seller")
    assert refused.json()["code"] == "too_many_requests"
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert other.get("/seller").status_code == 200


def test_the_same_key_and_body_give_the_same_answer_and_act_once(api):
    first = api.post("/customers", CUSTOMER, idempotency_key="k-1")
    again = api.post("/customers", CUSTOMER, idempotency_key="k-1")
    assert (first.status_code, first["Idempotency-Replayed"]) == (201, "false")
    assert (again.status_code, again["Idempotency-Replayed"]) == (201, "true")
    assert first.content == again.content
    assert len(api.get("/customers").json()["data"]) == 1
    assert "Idempotency-Replayed" not in api.post("/meters", {"code": "m", "aggregation": "count"})


@pytest.mark.parametrize(
    ("path", "body"),
    [("/customers", {**CUSTOMER, "name": "Other"}), ("/meters", CUSTOMER)],
)
def test_the_same_key_with_another_request_is_refused(api, path, body):
    assert api.post("/customers", CUSTOMER, idempotency_key="k-1").status_code == 201
    refused = api.post(path, body, idempotency_key="k-1")
    assert (refused.status_code, refused.json()["code"]) == (409, "idempotency_key_reused")


def test_two_requests_at_once_with_one_key_act_once(api):
    def send(_number):
        try:
            return api.post("/customers", CUSTOMER, idempotency_key="at-once")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(send, range(4)))
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.content for answer in answers}) == 1
    assert sorted(answer["Idempotency-Replayed"] for answer in answers) == ["false", "true", "true", "true"]


def test_a_refused_request_leaves_its_key_free(api):
    assert api.post("/customers", {"external_id": "acme"}, idempotency_key="k-1").status_code == 422
    assert api.post("/customers", CUSTOMER, idempotency_key="k-1").status_code == 201


def test_two_sellers_may_use_the_same_idempotency_key(make_seller):
    one, other = api_client(make_seller(name="One")), api_client(make_seller(name="Other"))
    assert one.post("/customers", CUSTOMER, idempotency_key="k").status_code == 201
    answer = other.post("/customers", {**CUSTOMER, "name": "Another"}, idempotency_key="k")
    assert (answer.status_code, answer["Idempotency-Replayed"]) == (201, "false")


def test_a_bad_idempotency_key_is_refused(api):
    for key in ["", "k" * 256, "a\tb"]:
        refused = api.post("/customers", CUSTOMER, idempotency_key=key)
        assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_malformed")
    assert api.get("/customers").json()["data"] == []


def test_moving_the_clock_is_done_once_too(world):
    to = {"to": wire(world.world.at.replace(month=3))}
    first = world.api.post("/test_clock", to, idempotency_key="march")
    again = world.api.post("/test_clock", to, idempotency_key="march")
    assert first.json()["invoices"] > 0
    assert (again["Idempotency-Replayed"], again.content) == ("true", first.content)
    other = world.api.post("/test_clock", {"to": wire(world.world.at.replace(month=4))}, idempotency_key="march")
    assert other.json()["code"] == "idempotency_key_reused"
    assert world.api.get("/test_clock").json()["at"] == to["to"]


def test_every_answer_says_its_correlation_id_and_is_never_cached(api):
    answer = api._client.get("/api/v1/customers/cus_x", headers={**api._headers(), "X-Correlation-Id": "order-4711-a"})
    assert answer["X-Correlation-Id"] == "order-4711-a" == answer.json()["correlation_id"]
    assert answer["Cache-Control"] == "no-store"
    assert api.get("/customers")["Cache-Control"] == "no-store"


def test_an_unknown_address_and_method_are_problems_too(api):
    nowhere = api.get("/nowhere")
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "not_found")
    refused = api.send("DELETE", "/customers", b"")
    assert (refused.status_code, refused.json()["code"]) == (405, "method_not_allowed")
    assert refused["Content-Type"] == "application/problem+json"
    assert set(refused["Allow"].replace(" ", "").split(",")) >= {"GET", "POST"}


def test_a_fault_of_ours_says_nothing_but_its_correlation_id(api, monkeypatch):
    from clearbill.customers import queries

    def broken(**_given):
        raise RuntimeError("the secret inside")

    monkeypatch.setattr(queries, "customers_page", broken)
    answer = api.get("/customers")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "secret" not in answer.content.decode()
    assert answer.json()["correlation_id"] == answer["X-Correlation-Id"]


def test_while_the_database_is_away_the_caller_is_told_to_come_back(api, monkeypatch):
    from django.db import OperationalError

    from clearbill.customers import queries

    def gone(**_given):
        raise OperationalError("server closed the connection of 10.0.0.1")

    monkeypatch.setattr(queries, "customers_page", gone)
    answer = api.get("/customers")
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert answer["Retry-After"] == "5"
    assert "10.0.0.1" not in answer.content.decode()


def test_what_was_written_at_the_same_moment_is_a_conflict(api, monkeypatch):
    from clearbill.billing.models import Subscription

    api.post("/customers", CUSTOMER)
    api.post("/plans", {"code": "p", "interval": "month", "prices": [{"code": "f", "model": "flat", "amount": "1.00"}]})
    body = {"customer": "acme", "plan": "p", "external_id": "s"}
    assert api.post("/subscriptions", body).status_code == 201
    # as if the other request had committed between the look and the write
    manager = type(Subscription.objects)
    monkeypatch.setattr(
        manager, "filter", lambda self, *a, **k: self.none() if k == {"external_id": "s"} else self.all()
    )
    refused = api.post("/subscriptions", body)
    monkeypatch.undo()
    assert (refused.status_code, refused.json()["code"]) == (409, "changed_at_once")
    assert len(api.get("/subscriptions").json()["data"]) == 1


def test_problems_are_worded_in_the_callers_language(api):
    answer = api._client.get("/api/v1/invoices/inv_00000000000000000000000000", headers=api._headers())
    assert answer.json()["detail"] == "There is no such invoice."
    chinese = {**api._headers(), "Accept-Language": "zh-Hans"}
    answer = api._client.get("/api/v1/invoices/inv_00000000000000000000000000", headers=chinese)
    assert answer["Content-Language"] == "zh-hans"
    assert json.loads(answer.content)["code"] == "invoice_not_found"
