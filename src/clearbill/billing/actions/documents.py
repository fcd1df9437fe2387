"""PDFs: made once from the frozen document, kept by its hash, and given out again byte for byte."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime

from django.db import IntegrityError, transaction

from clearbill.billing.documents.render import render_pdf
from clearbill.billing.models import CreditNote, DocumentFile, Invoice
from clearbill.billing.queries.invoices import kept_pdf
from clearbill.scope.ids import new_id


def pdf_of(row: Invoice | CreditNote, *, at: datetime) -> bytes:
    """The PDF of a final invoice or credit note, in the running seller scope."""
    digest = hashlib.sha256(row.document.encode()).digest()
    found = kept_pdf(digest)
    if found is not None:
        return found
    content = render_pdf(json.loads(row.document), at=row.issued_at)
    try:
        with transaction.atomic():
            DocumentFile.objects.create(
                id=new_id(at), seller_id=row.seller_id, document_hash=digest, content=content, at=at
            )
    except IntegrityError:
        return kept_pdf(digest) or content  # another process was first, with the same bytes
    return content
