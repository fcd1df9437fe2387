"""Words into a mail: both languages, nothing unescaped in a page, nothing escaped in a text, safe headers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearbill.core.errors import Fault
from clearbill.mail.rendering import KINDS, MAX_SUBJECT, one_line, render

CONTEXT: dict[str, Any] = {
    "customer_name": "Müller & Söhne <GmbH>",
    "number": "ACME-000007",
    "invoice_number": "ACME-000006",
    "amount_due": {"amount": "1234.50", "currency": "EUR"},
    "total": {"amount": "12.00", "currency": "EUR"},
    "due_on": "2025-02-14",
    "link": "https://billing.acme.example/portal/invoices/inv_1/?a=1&b=2",
    "minutes": 15,
    "days": 7,
    "amount": {"amount": "1234.50", "currency": "EUR"},
    "numbers": "ACME-000007",
    "last4": "4242",
    "pay_link": "https://billing.acme.example/pay/token/",
    "inviter": "Ada",
}


def seller(**changes: Any) -> SimpleNamespace:
    usual = {
        "name": "Acme & Co",
        "legal_name": "Acme Cloud SAS",
        "address": ["1 Example Street", "75001 Paris"],
        "email": "billing@acme.example",
        "is_test": False,
    }
    return SimpleNamespace(**{**usual, **changes})


def rendered(kind: str, language: str = "en", **changes: Any) -> Any:
    return render(kind, language=language, context={**CONTEXT, "seller": seller(), **changes})


@pytest.mark.parametrize("language", ["en", "zh-Hans"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_says_something_in_every_language(kind: str, language: str) -> None:
    mail = rendered(kind, language)

    assert mail.subject
    assert "Acme & Co" in mail.subject or "Acme & Co" in mail.text
    assert CONTEXT["link"] in mail.text
    assert "?a=1&amp;b=2" in mail.html
    assert f'<html lang="{language}">' in mail.html
    assert "{" not in mail.subject + mail.text


def test_an_invoice_names_number_amount_and_due_day() -> None:
    mail = rendered("invoice_issued")

    assert mail.subject == "Invoice ACME-000007 from Acme & Co"
    for text in (mail.text, mail.html):
        assert "ACME-000007" in text
        assert "€1,234.50" in text
        assert "Feb 14, 2025" in text


def test_names_are_escaped_in_the_page_and_left_alone_in_the_text() -> None:
    mail = rendered("invoice_issued")

    assert "Müller & Söhne <GmbH>" in mail.text
    assert "Müller &amp; Söhne &lt;GmbH&gt;" in mail.html
    assert "<GmbH>" not in mail.html


def test_a_test_seller_says_so_in_subject_and_body() -> None:
    mail = rendered("invoice_issued", seller=seller(is_test=True))

    assert mail.subject.startswith("[Test] ")
    assert "Test data" in mail.text
    assert "Test data" in mail.html


def test_a_number_with_line_breaks_makes_no_new_header() -> None:
    mail = rendered("invoice_issued", number="1\r\nBcc: everybody@else.example\r\n\r\nbody\x00")

    assert "\n" not in mail.subject
    assert "\r" not in mail.subject
    assert "\x00" not in mail.subject + mail.text + mail.html


def test_a_long_name_is_cut_in_the_subject_only() -> None:
    mail = rendered("invoice_issued", seller=seller(name="A" * 500))

    assert len(mail.subject) == MAX_SUBJECT
    assert mail.subject.endswith("…")
    assert "A" * 500 in mail.html


@pytest.mark.parametrize(("kind", "language"), [("surprise", "en"), ("invitation", "fr"), ("../base", "en")])
def test_an_unknown_kind_or_language_is_a_fault(kind: str, language: str) -> None:
    with pytest.raises(Fault):
        rendered(kind, language)


@given(st.text(max_size=400))
def test_a_header_line_is_one_line_whatever_the_text(text: str) -> None:
    line = one_line(text)

    assert len(line.splitlines()) <= 1
    assert len(line) <= MAX_SUBJECT
    assert all(letter == " " or letter.isprintable() or ord(letter) > 127 for letter in line)
    line.encode()
    assert one_line(line) == line


@pytest.mark.parametrize("kind", KINDS)
def test_chinese_mails_are_chinese(kind: str) -> None:
    english, chinese = rendered(kind), rendered(kind, "zh-Hans")

    assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese.subject)
    for line in english.text.splitlines():
        # what's left in English is a name, a number or an address
        assert line not in chinese.text or not line or "Acme" in line or line.startswith(("http", "--"))
