"""Every act and every look that is written down has a name for people, and what was recorded beside it too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.utils import translation

from clearbill.web.console.audit_facts import facts_in_words
from clearbill.web.console.audit_names import AUDIT_NAMES

SOURCES = Path(__file__).resolve().parents[2] / "src" / "clearbill"
ACT = re.compile(r'record_audit\(\s*"([a-z_.]+)"')
LOOK = re.compile(r'record_look\(request, "([a-z_]+)", [^,)]+(?:, how="([a-z_]+)")?\)')


def written_down() -> set[str]:
    text = "\n".join(file.read_text(encoding="utf-8") for file in SOURCES.rglob("*.py"))
    return set(ACT.findall(text)) | {f"{kind}.{how or 'view'}" for kind, how in LOOK.findall(text)}


def test_every_audited_action_has_words_and_no_words_are_idle() -> None:
    assert len(written_down()) > 20
    assert set(AUDIT_NAMES) == written_down()


@pytest.mark.parametrize(
    ("data", "language", "told"),
    [
        ({"role": "finance"}, "en", [("Role", "Finance")]),
        ({"role": "finance"}, "zh-hans", [("角色", "财务")]),
        ({"from": "viewer", "to": "admin"}, "en", [("", "Viewer → Admin")]),
        ({"from": None, "to": "2025-03-01T00:00:00+00:00"}, "en", [("", "– → Mar 1, 2025, 1:00 AM UTC+1")]),
        ({"country": {"from": "DE", "to": "FR"}}, "en", [("Country", "Germany → France")]),
        ({"country": {"from": "DE", "to": "FR"}}, "zh-hans", [("国家", "德国 → 法国")]),
        ({"bank": "changed", "mfa_required": {"from": False, "to": True}}, "en", None),
        ({"timing": "at_period_end"}, "en", [("", "At the period's end")]),
        ({"fields": ["name", "net_terms_days"]}, "en", [("Changed", "Name, Days to pay")]),
        ({"rows": 3, "number": "A-1"}, "en", [("Customers", "3"), ("Number", "A-1")]),
        ({"a_new_fact": "as it is", "empty": ""}, "en", [("a new fact", "as it is"), ("empty", "–")]),
    ],
)
def test_what_an_entry_recorded_is_told_in_words_and_nothing_is_hidden(data, language, told):
    with translation.override(language):
        found = facts_in_words(data, zone="Europe/Paris")
    if told is None:
        assert [value for _name, value in found] == ["changed", "✗ → ✓"]
    else:
        assert [(name, value.replace("\u202f", " ")) for name, value in found] == told


def test_policies_are_told_as_the_settings_name_them():
    data = {"policies": {"from": {}, "to": {"rounding": "half_even", "grace_hours": 24}}}
    ((name, value),) = facts_in_words(data, zone="UTC")
    assert name
    assert value == "– → Rounding of amounts half to even (0.5 → 0, 1.5 → 2), Hours as a draft 24"
