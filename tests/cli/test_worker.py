"""The scheduler's hourly tidying: what has had its time goes, and nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.core.cache import cache

from clearbill.cli import worker
from clearbill.scope.clock import wall_clock
from clearbill.scope.models import RateCount
from clearbill.scope.rates import hit


def test_what_has_had_its_time_is_forgotten_every_hour(database: str) -> None:
    now = wall_clock()
    hit("old", 5, 60, now - timedelta(days=3))
    hit("new", 5, 60, now)
    for key, days in (("gone", -1), ("kept", 1)):
        Session.objects.create(session_key=key, session_data="", expire_date=now + timedelta(days=days))
        cache.set(key, 1, timeout=days * 86400)

    worker.tidy()

    assert [row.bucket for row in RateCount.objects.all()] == ["60:new"]
    assert [row.session_key for row in Session.objects.all()] == ["kept"]
    assert cache.get("kept") == 1


def test_tidying_goes_on_until_nothing_is_left(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from clearbill.scope import rates

    monkeypatch.setattr(rates, "FORGET_AT_ONCE", 2)
    for number in range(5):
        hit(f"old-{number}", 5, 60, wall_clock() - timedelta(days=3))

    worker.tidy()

    assert not RateCount.objects.exists()
