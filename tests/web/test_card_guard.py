"""A card number in a form, a body or an address is refused, and stands nowhere afterwards."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from tests.worlds import api_client

pytestmark = pytest.mark.database
NUMBER = "4242424242424242"


@pytest.mark.parametrize(
    ("address", "body", "kind"),
    [
        ("/api/v1/customers", '{"external_id": "a", "name": "4242 4242 4242 4242"}', "application/json"),
        ("/api/v1/customers", '{"external_id": 4242424242424242}', "application/json"),
        ("/api/v1/customers", '{"name": "\\u0034242424242424242"}', "application/json"),
        ("/api/v1/usage", '{"type": "x", "key": "4242-4242-4242-4242"}', "application/x-ndjson"),
        ("/accounts/login/", "login=a%40b.example&password=4242+4242+4242+4242", "application/x-www-form-urlencoded"),
        ("/accounts/login/", "login=%34242424242424242", "application/x-www-form-urlencoded"),
        ("/portal/sign-out/", "x=４２４２４２４２４２４２４２４２", "application/x-www-form-urlencoded"),
        ("/console/customers/?q=4242+4242+4242+4242", None, ""),
        ("/nowhere/4242424242424242/", None, ""),
    ],
)
def test_it_is_refused_and_leaves_no_trace(
    seller: Any, caplog: pytest.LogCaptureFixture, address: str, body: str | None, kind: str
) -> None:
    caplog.set_level(logging.DEBUG)
    browser = Client()
    answer = browser.get(address) if body is None else browser.post(address, body.encode(), content_type=kind)
    assert answer.status_code == 422
    assert NUMBER not in answer.content.decode()
    logged = caplog.text.replace(" ", "").replace("+", "").replace("-", "")
    assert NUMBER not in logged
    with connections["owner"].cursor() as cursor:
        for table in ("customers_customer", "usage_event", "sellers_audit_entry", "scope_idempotency_record"):
            cursor.execute("SELECT to_regclass(%s)", [table])
            if cursor.fetchone()[0] is not None:
                cursor.execute(f"SELECT count(*) FROM {table} t WHERE t::text LIKE '%4242%4242%'")
                assert cursor.fetchone() == (0,)


def test_other_numbers_go_through(seller: Any) -> None:
    api = api_client(seller)
    body = {"external_id": "2024110512345678", "name": "Acme, phone +86 138 1234 5678"}
    assert api.post("/customers", body).status_code == 201
