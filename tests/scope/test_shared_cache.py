"""The cache that all processes share: what it promises Django, and that one of many who add at once succeeds."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connections

from clearbill.scope.clock import wall_clock
from clearbill.scope.shared_cache import forget_expired


def test_what_was_set_is_there_until_it_expires(database: str) -> None:
    assert cache.get("tries", []) == []
    cache.set("tries", [1.5, 2], timeout=60)
    assert cache.get("tries") == [1.5, 2]
    cache.set("tries", [3], timeout=None)
    assert cache.get("tries") == [3]
    cache.set("tries", [4], timeout=0)
    assert cache.get("tries", "gone") == "gone"


def test_adding_succeeds_only_where_nothing_is(database: str) -> None:
    assert cache.add("code", "y", timeout=60)
    assert not cache.add("code", "z", timeout=60)
    assert cache.get("code") == "y"
    cache.set("code", "y", timeout=-1)
    assert cache.add("code", "z", timeout=60)
    assert cache.get("code") == "z"


def test_touching_and_deleting_say_whether_it_was_there(database: str) -> None:
    assert not cache.touch("code", 60)
    cache.set("code", "y", timeout=60)
    assert cache.touch("code", 0)
    assert cache.get("code") is None
    cache.set("code", "y")
    assert cache.delete("code")
    assert not cache.delete("code")


def test_of_many_who_add_at_once_one_succeeds(database: str) -> None:
    won: list[bool] = []

    def add() -> None:
        try:
            won.append(cache.add("lock", True, timeout=60))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=add) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert sorted(won) == [False] * 7 + [True]


def test_only_what_has_expired_is_forgotten(database: str) -> None:
    cache.set("short", 1, timeout=60)
    cache.set("long", 1, timeout=6000)
    assert forget_expired(wall_clock()) == 0
    assert forget_expired(wall_clock() + timedelta(seconds=120)) == 1
    assert cache.get("long") == 1


def test_a_value_that_is_no_plain_json_is_a_fault(database: str) -> None:
    with pytest.raises(TypeError):
        cache.set("x", object())
