"""Roles and number formats: plain data and pure functions."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearbill.core.errors import Denied, Unacceptable
from clearbill.sellers.numbering import check_format, number_text
from clearbill.sellers.roles import PERMISSIONS, ROLES, allows, demand, grantable, may_grant, permissions_of


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        ("owner", ["manage_owners", "manage_team", "credit"], []),
        ("admin", ["manage_team", "manage_keys", "manage_settings", "credit"], ["manage_owners"]),
        (
            "finance",
            ["credit", "export", "view_audit", "manage_invoices"],
            ["manage_keys", "manage_team", "manage_settings"],
        ),
        ("support", ["view", "manage_customers"], ["credit", "export", "manage_keys", "view_audit"]),
        ("developer", ["manage_keys", "send_usage", "manage_catalogue"], ["credit", "manage_team", "view_audit"]),
        ("viewer", ["view"], [name for name in PERMISSIONS if name != "view"]),
    ],
)
def test_a_role_may_what_its_row_says(role, may, may_not):
    assert all(allows(role, permission) for permission in may)
    assert not any(allows(role, permission) for permission in may_not)


@given(st.text())
def test_a_role_that_isnt_known_may_nothing(role):
    if role not in ROLES:
        assert permissions_of(role) == frozenset()
        assert grantable(role) == []


def test_nobody_grants_more_than_they_have():
    for granter in ROLES:
        for role in ROLES:
            assert may_grant(granter, role) is (permissions_of(role) <= permissions_of(granter))
    assert grantable("admin") == ["admin", "finance", "support", "developer", "viewer"]
    assert grantable("developer") == ["support", "developer", "viewer"]


def test_a_permission_that_is_missing_is_denied():
    demand("finance", "credit")
    with pytest.raises(Denied):
        demand("viewer", "credit")


AT = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("number_format", "timezone", "seq", "text"),
    [
        ("{prefix}-{seq:06}", "UTC", 42, "ACME-000042"),
        ("{prefix}-{year}{month}-{seq:06}", "UTC", 1, "ACME-202601-000001"),
        # in Paris it's 1 February already
        ("{prefix}-{year}{month}-{seq:06}", "Europe/Paris", 1, "ACME-202602-000001"),
        ("{seq}", "UTC", 7, "7"),
        ("{seq:3}", "UTC", 7, "007"),
        ("{seq:03}", "UTC", 12345, "12345"),
    ],
)
def test_a_number_is_written_as_its_format_says(number_format, timezone, seq, text):
    assert check_format(number_format) == number_format
    assert number_text(number_format, prefix="ACME", seq=seq, issued_at=AT, timezone=timezone) == text


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.integers(1, 12))
def test_two_numbers_of_a_series_never_look_the_same(first, second, digits):
    written = [
        number_text(f"{{prefix}}{{seq:0{digits}}}", prefix="A", seq=seq, issued_at=AT, timezone="UTC")
        for seq in (first, second)
    ]
    assert (written[0] == written[1]) is (first == second)


@given(st.text(max_size=40))
def test_a_format_is_either_refused_or_usable(text):
    try:
        check_format(text)
    except Unacceptable:
        return
    assert "12345" in number_text(text, prefix="A", seq=12345, issued_at=AT, timezone="UTC")
