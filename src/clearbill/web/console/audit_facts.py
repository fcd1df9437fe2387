"""What an audit entry recorded beside its action, in words of the active language: roles, days, settings before and after.

A name or value without words here is shown as it was recorded: nothing in the audit trail is hidden.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clearbill.scope.local_formats import active_locale, format_instant
from clearbill.web.console.role_names import ROLE_NAMES
from clearbill.web.console.settings_forms import BillingForm, ProfileForm, TaxRateForm
from clearbill.web.console.words import policy_words

FACT_NAMES: dict[str, Promise] = {
    "code": gettext_lazy("Code"),
    "fields": gettext_lazy("Changed"),
    "is_test": gettext_lazy("Test mode"),
    "number": gettext_lazy("Number"),
    "plan": gettext_lazy("Plan"),
    "rates": gettext_lazy("Tax rates"),
    "role": gettext_lazy("Role"),
    "rows": gettext_lazy("Customers"),
}
VALUE_NAMES: dict[str, Mapping[str, Promise]] = {
    "role": ROLE_NAMES,
    "timing": {
        "at_period_end": gettext_lazy("At the period's end"),
        "immediately": gettext_lazy("at once"),
    },
}
SPEAKING = {"timing"}
LANGUAGES = {"en": "English", "zh-Hans": "简体中文"}
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")


def facts_in_words(data: Mapping[str, object], *, zone: str) -> list[tuple[str, str]]:
    """Label and value of each fact; a change of one thing has no label."""
    if set(data) == {"from", "to"}:
        return [("", _change(data, name="role", zone=zone))]
    return [(name_of_fact(name), _value(value, name=name, zone=zone)) for name, value in data.items()]


def name_of_fact(name: str) -> str:
    """As the forms call it, where they have it; what speaks for itself has none."""
    if name in SPEAKING:
        return ""
    if name in FACT_NAMES:
        return str(FACT_NAMES[name])
    for form in (ProfileForm, BillingForm, TaxRateForm):
        if name in form.base_fields:
            return str(form.base_fields[name].label)
    return name.replace("_", " ")


def _change(value: Mapping[str, object], *, name: str, zone: str) -> str:
    before, after = (_value(value[key], name=name, zone=zone) for key in ("from", "to"))
    return f"{before} → {after}"


def _value(value: object, *, name: str, zone: str) -> str:
    match value:
        case None | "":
            return "–"
        case bool():
            return "✓" if value else "✗"
        case dict() if set(value) == {"from", "to"}:
            return _change(value, name=name, zone=zone)
        case dict() if name == "policies":
            return ", ".join(f"{label} {chosen}" for label, chosen in policy_words(value)) or "–"
        case dict():
            parts = (f"{name_of_fact(str(key))} {_value(part, name=key, zone=zone)}" for key, part in value.items())
            return ", ".join(parts) or "–"
        case list() if name == "fields":
            return ", ".join(name_of_fact(str(each)) for each in value) or "–"
        case list():
            return ", ".join(_value(part, name=name, zone=zone) for part in value) or "–"
        case str():
            return _text(value, name=name, zone=zone)
        case _:
            return str(value)


def _text(value: str, *, name: str, zone: str) -> str:
    if value == "changed":
        return _("changed")
    if _INSTANT.match(value):
        return format_instant(datetime.fromisoformat(value), zone)
    if name == "country":
        return str(active_locale().territories.get(value, value))
    if name == "locale":
        return LANGUAGES.get(value, value)
    return str(VALUE_NAMES.get(name, {}).get(value, value))
