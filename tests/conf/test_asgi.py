"""The door: what goes around every request, whatever becomes of it."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import httpx
import pytest

from clearbill.conf.asgi import application
from clearbill.scope.correlation import correlated, correlation_id


class Listener(logging.Handler):
    """Remembers under which correlation id things were logged."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(correlation_id())


@pytest.fixture
def listener() -> Any:
    found, log = Listener(), logging.getLogger("django.request")
    before = log.level
    log.addHandler(found)
    log.setLevel("WARNING")
    yield found
    log.removeHandler(found)
    log.setLevel(before)


def ask(path: str, **headers: str) -> httpx.Response:
    async def asked() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://localhost") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(asked())


def test_a_request_inherits_nothing_from_the_one_before_it_on_its_connection(listener: Listener) -> None:
    with correlated("left-by-another-request"):
        answer = ask("/api/v1/nothing-is-here")

    assert answer.status_code == 404
    assert listener.heard == [answer.headers["X-Correlation-Id"]]
    assert "left-by-another-request" not in listener.heard


def test_what_django_logs_by_itself_carries_the_callers_correlation_id(listener: Listener) -> None:
    answer = ask("/api/v1/nothing-is-here", **{"X-Correlation-Id": "order-4711-a"})

    assert answer.headers["X-Correlation-Id"] == "order-4711-a"
    assert listener.heard == ["order-4711-a"]


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/api/v1/customers", {"Content-Length": "100000000"}, 413),
        ("/console/", {"Content-Length": "100000000"}, 413),
        ("/console/", {"Host": "evil.example"}, 400),
        ("/api/v1/customers", {"Host": "evil.example"}, 400),
        ("/nothing-is-here", {}, 404),
        ("/healthz", {}, 200),
        ("/static/clearbill.css", {}, 200),
    ],
)
def test_every_answer_says_what_it_may_load_and_that_nobody_frames_it(
    path: str, headers: dict[str, str], status: int
) -> None:
    answer = ask(path, **headers)

    assert answer.status_code == status
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    if status >= 400:
        assert answer.headers["Cache-Control"] == "no-store"
        assert "evil.example" not in answer.text
    if status >= 400 and path.startswith("/api/"):
        assert answer.json()["status"] == status


def test_a_probe_is_answered_under_whatever_name_it_comes() -> None:
    assert ask("/healthz", Host="10.1.2.3:8000").json()["status"] == "ok"
