"""The PDF of an invoice: what it says, in both languages, the same bytes each time, whatever is in the names."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pypdf
import pytest

from clearbill.billing.documents.render import render_pdf

AT = datetime(2025, 2, 1, tzinfo=UTC)
TIER = {"step": "tier", "from": "0", "up_to": "1000", "quantity": "1000", "unit_amount": "0.01", "amount": "10.00"}
OPEN_TIER = {"step": "tier", "from": "1000", "quantity": "500", "unit_amount": "0.005", "amount": "2.50"}


def a_line(number: int = 1, **fields: object) -> dict[str, object]:
    return {
        "line": number,
        "price": "calls",
        "text": "API calls",
        "kind": "usage",
        "group": {},
        "period": {"start": "2025-01-01", "end": "2025-01-31"},
        "quantity": "1500",
        "unit": "calls",
        "unit_amount": None,
        "amount": "12.50",
        "discount": "0.00",
        "tax": "2.50",
        "tax_rates": [{"code": "vat", "rate": "20"}],
        "working": [TIER, OPEN_TIER],
        **fields,
    }


def a_document(**fields: object) -> dict[str, Any]:
    party = {"name": "Acme Cloud", "legal_name": "Acme Cloud SAS", "address": ["1 Example Street"], "country": "FR"}
    return {
        "kind": "invoice",
        "language": "en",
        "number": "ACME-000001",
        "issued_on": "2025-02-01",
        "due_on": "2025-02-15",
        "currency": "EUR",
        "seller": {**party, "email": "a@acme.example", "tax_ids": [{"label": "VAT", "value": "FR123"}], "bank": []},
        "customer": {"name": "杭州云帆科技有限公司", "address": [], "country": "CN", "email": "", "tax_ids": []},
        "period": {"start": "2025-01-01", "end": "2025-01-31"},
        "lines": [a_line()],
        "taxes": [{"code": "vat", "label": "VAT", "rate": "20", "base": "12.50", "amount": "2.50"}],
        "subtotal": "12.50",
        "discount": "0.00",
        "tax": "2.50",
        "total": "15.00",
        "credits": "0.00",
        "amount_due": "15.00",
        "tax_rounding": "rate",
        "tax_behavior": "exclusive",
        "payment_terms": None,
        "notes": [],
        "qr": None,
        "credits_invoice": None,
        "reason": None,
        **fields,
    }


def text_of(document: dict[str, Any]) -> str:
    reader = pypdf.PdfReader(io.BytesIO(render_pdf(document, at=AT)))
    return "\n".join(page.extract_text() for page in reader.pages)


def test_an_english_invoice_says_who_what_how_and_how_much() -> None:
    said = text_of(a_document())

    for part in ("Invoice", "ACME-000001", "Acme Cloud SAS", "VAT FR123", "杭州云帆科技有限公司", "API calls"):
        assert part in said
    assert "The first 1,000: 1,000 × €0.01 = €10.00" in said
    assert "Above 1,000: 500 × €0.005 = €2.50" in said
    assert "€15.00" in said


def test_a_chinese_invoice_is_in_chinese_whatever_language_is_active() -> None:
    said = text_of(a_document(language="zh-Hans"))

    for part in ("账单", "购买方", "应付金额", "2025年2月1日", "前 1,000：1,000 × €0.01 = €10.00"):
        assert part.replace(" ", "") in said.replace(" ", "")
    assert "Amount due" not in said


def test_a_credit_note_names_its_invoice_and_reason() -> None:
    said = text_of(
        a_document(
            kind="credit_note",
            due_on=None,
            credits_invoice={"number": "ACME-000001", "issued_on": "2025-02-01"},
            number="ACME-CN-000001",
            reason="unused_time",
        )
    )

    assert "Credit note" in said
    assert "ACME-CN-000001" in said
    assert "Unused time after the end of the subscription" in said


def test_the_same_document_gives_the_same_bytes() -> None:
    assert render_pdf(a_document(), at=AT) == render_pdf(a_document(), at=AT)


def test_three_hundred_lines_repeat_their_headings_and_number_their_pages() -> None:
    pdf = render_pdf(a_document(lines=[a_line(n) for n in range(1, 301)]), at=AT)
    pages = pypdf.PdfReader(io.BytesIO(pdf)).pages

    assert len(pages) > 10
    for number, page in enumerate(pages[:-1], 1):
        said = page.extract_text()
        assert "Description" in said
        assert f"Page {number} of {len(pages)}" in said


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ('#eval("1") $x$ *bold* `raw`', '#eval("1") $x$ *bold* `raw`'),
        ("a\u0000b\u202ec", "abc"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("]#panic()[", "]#panic()["),
        ("\\u{1F600} \\ // no comment", "\\u{1F600} \\ // no comment"),
    ],
)
def test_names_are_shown_and_never_read_as_code(hostile: str, shown: str) -> None:
    document = a_document()
    document["customer"]["name"] = hostile

    assert shown.replace(" ", "") in text_of(document).replace(" ", "").replace("\n", "")


def test_a_word_without_end_stays_on_the_page() -> None:
    document = a_document(lines=[a_line(text="x" * 500)])

    assert text_of(document).count("x") >= 500


def test_it_is_a_pdf_for_the_archive() -> None:
    reader = pypdf.PdfReader(io.BytesIO(render_pdf(a_document(), at=AT)))

    metadata = reader.xmp_metadata
    assert metadata is not None
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]  # type: ignore[index]
    raw = reader.trailer["/Root"]["/Metadata"].get_data().decode()  # type: ignore[index]
    assert "pdfaid:part" in raw
    assert ">3<" in raw
