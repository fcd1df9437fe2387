"""Forms and refusals: a refused action shows at the field it's about."""

from __future__ import annotations

from django import forms

from clearbill.core.errors import Refusal
from clearbill.web.errors import sentence_of


def show_refusal(form: forms.Form, refusal: Refusal) -> None:
    """Put the refusal's sentence at its field; above all fields when the form hasn't that field."""
    field = refusal.field.partition(".")[0].partition("[")[0]
    form.add_error(field if field in form.fields else None, sentence_of(refusal))
