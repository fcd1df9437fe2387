"""A PDF as an answer to a browser."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.http import content_disposition_header


def pdf_answer(content: bytes, *, number: str) -> HttpResponse:
    """The file, shown in the browser and saved under the document's number."""
    response = HttpResponse(content, content_type="application/pdf")
    response["Content-Disposition"] = content_disposition_header(False, f"{number}.pdf") or "inline"
    response["Content-Length"] = str(len(content))
    return response
