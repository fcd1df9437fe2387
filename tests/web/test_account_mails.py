"""Mails of the sign-in: whether they can be sent says nothing about whose addresses are known."""

from __future__ import annotations

import logging
import smtplib
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.test import Client

from clearbill.cli.create_owner import create_owner


@pytest.mark.parametrize("problem", [ConnectionRefusedError("gone"), smtplib.SMTPServerDisconnected("gone")])
def test_a_mail_server_that_is_down_does_not_tell_who_has_an_account(
    database: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, problem: Exception
) -> None:
    create_owner(
        "olga@acme.example",
        seller_name="Acme",
        country="FR",
        currency="EUR",
        timezone="UTC",
        at=datetime(2026, 3, 1, tzinfo=UTC),
    )

    def fail(*_given: Any, **_named: Any) -> None:
        raise problem

    monkeypatch.setattr(EmailMessage, "send", fail)
    answers = [
        Client(raise_request_exception=False).post("/accounts/password/reset/", {"email": email})
        for email in ("olga@acme.example", "nobody@acme.example")
    ]

    assert [(each.status_code, each["Location"]) for each in answers] == [(302, "/accounts/password/reset/done/")] * 2
    failed = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.getMessage() for record in failed] == ["mail of a sign-in wasn't sent"]
