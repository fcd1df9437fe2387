"""Rate limits: the edge of a limit and of a window, and that all who knock are counted."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections

from clearbill.core.errors import Throttled
from clearbill.scope.models import RateCount
from clearbill.scope.rates import forget_counts, hit

AT = datetime(2026, 3, 1, 12, 0, 10, tzinfo=UTC)


def test_the_limit_th_request_passes_and_the_next_is_refused_with_the_wait(database):
    assert [hit("10.0.0.1", 3, 60, AT) for _ in range(3)] == [2, 1, 0]
    with pytest.raises(Throttled) as refused:
        hit("10.0.0.1", 3, 60, AT)
    # the window began at 12:00:00 and ends at 12:01:00
    assert refused.value.params["retry_after_s"] == 50
    assert hit("10.0.0.2", 3, 60, AT) == 2
    assert hit("10.0.0.1", 3, 3600, AT) == 2


@pytest.mark.parametrize(("after_s", "passes"), [(49, False), (50, True)])
def test_a_new_window_starts_anew(database, after_s, passes):
    hit("a", 1, 60, AT)
    later = AT + timedelta(seconds=after_s)
    if passes:
        assert hit("a", 1, 60, later) == 0
    else:
        with pytest.raises(Throttled):
            hit("a", 1, 60, later)


@pytest.mark.parametrize("bucket", ["x" * 5000, "nul\x00byte", "\udcff", ""])
def test_a_bucket_may_be_any_text(database, bucket):
    assert hit(bucket, 2, 60, AT) == 1
    assert hit(bucket, 2, 60, AT) == 0


def test_requests_at_once_are_all_counted(database):
    def knock():
        try:
            for _ in range(10):
                hit("busy", 1000, 60, AT)
        finally:
            connections["default"].close()

    threads = [threading.Thread(target=knock) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert RateCount.objects.get().count == 40


def test_old_counts_are_forgotten_and_young_ones_kept(database):
    hit("old", 5, 60, AT - timedelta(days=2))
    hit("young", 5, 60, AT)
    assert forget_counts(AT) == 1
    assert RateCount.objects.get().bucket == "60:young"
