"""One HTTP call to a provider, with the only question that matters after a failure: may it have been executed?

Refused connections, names that don't resolve and TLS failures happen before a byte of the request was sent: *retryable*.
All else without a clear answer is *unknown*. There are no retries here: who calls has the idempotency key, and decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

import httpx

from clearbill.payments.gateways.protocol import Misconfigured, Retryable, Unknown

CONNECT_S = 5.0
READ_S = 20.0
MAX_ANSWER = 1024 * 1024
_SERVER_ERROR = 500
_TOO_MANY = 429

_mounted: ContextVar[Mapping[str, httpx.BaseTransport]] = ContextVar("mounted", default=MappingProxyType({}))


@contextmanager
def mounted(transports: Mapping[str, httpx.BaseTransport]) -> Iterator[None]:
    """Within the block addresses that begin so are reached in this process: for simulation, demos and tests."""
    token = _mounted.set({**_mounted.get(), **transports})
    try:
        yield
    finally:
        _mounted.reset(token)


def call(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    json: Any = None,
    params: Mapping[str, str] | None = None,
) -> tuple[int, Any]:
    """Status below 500 and the parsed answer. Raises Retryable, Misconfigured (401, 403) or Unknown."""
    timeout = httpx.Timeout(READ_S, connect=CONNECT_S)
    try:
        with httpx.Client(timeout=timeout, mounts=dict(_mounted.get()), follow_redirects=False) as client:
            answer = client.request(method, url, headers=dict(headers), json=json, params=params)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as problem:
        raise Retryable(str(problem)) from problem
    except httpx.HTTPError as problem:
        raise Unknown(f"{type(problem).__name__}: {problem}") from problem
    if answer.status_code == _TOO_MANY:
        raise Retryable("too many requests", after_s=_seconds(answer.headers.get("Retry-After", "")))
    if answer.status_code in (401, 403):
        raise Misconfigured(f"the gateway answers {answer.status_code}: is the key right?")
    if answer.status_code >= _SERVER_ERROR or len(answer.content) > MAX_ANSWER:
        raise Unknown(f"the gateway answers {answer.status_code}")
    try:
        return answer.status_code, answer.json()
    except ValueError as problem:
        raise Unknown("the answer isn't JSON") from problem


def _seconds(text: str) -> int:
    return min(int(text), 3600) if text.isascii() and text.isdigit() else 60
