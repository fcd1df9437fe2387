"""Logs: one JSON object a line, and nothing in it that lets somebody in."""

from __future__ import annotations

import io
import json
import logging
import logging.config
from typing import Any

import pytest

from clearbill.conf.logs import logging_configuration
from clearbill.scope.correlation import correlated


@pytest.fixture
def logged() -> Any:
    """Says something as the configured logs would; returns the line's object."""
    configuration = logging_configuration("json", "info")
    settings = configuration["formatters"]["structured"]
    formatter = settings["()"](**{name: value for name, value in settings.items() if name != "()"})
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    log = logging.getLogger("clearbill.test_logs")
    log.addHandler(handler)
    log.propagate = False
    log.setLevel("INFO")

    def say(*words: object, **extra: object) -> dict[str, Any]:
        log.warning(*words, **extra)
        found: dict[str, Any] = json.loads(stream.getvalue().splitlines()[-1])
        return found

    yield say
    log.removeHandler(handler)


@pytest.mark.parametrize(
    "path",
    [
        "/portal/enter/sel_1.cus_2.Zx9secretZx9/",
        "/accounts/invitation/Zx9secretZx9:sig-1_/",
        "/accounts/password/reset/key/1b-Zx9secretZx9/",
        "/pay/Zx9secretZx9/start/",
    ],
)
def test_an_address_that_lets_somebody_in_is_not_written_down(logged: Any, path: str) -> None:
    class Request:
        def __repr__(self) -> str:
            return f"<WSGIRequest: POST {path!r}>"

    said = logged("%s: %s", "Too Many Requests", path, extra={"path": path, "request": Request(), "status_code": 429})

    assert "Zx9secretZx9" not in json.dumps(said)
    assert said["path"].endswith("(hidden)/") or "(hidden)/start/" in said["path"]
    assert said["status_code"] == 429


def test_an_api_key_is_not_written_down_wherever_it_stands(logged: Any) -> None:
    key = "cb_live_" + "Zx9" * 12
    try:
        raise ValueError(f"no {key} here")
    except ValueError:
        said = logged("refused %s", key, extra={"given": [key]}, exc_info=True)

    assert "Zx9" not in json.dumps(said).replace("test_logs", "")
    assert "cb_live_(hidden)" in said["event"]
    assert "ValueError" in said["exception"]


@pytest.mark.parametrize("name", ["password", "client_secret", "csrf_token", "Authorization", "smtp_api_key"])
def test_what_is_called_a_secret_is_hidden(logged: Any, name: str) -> None:
    assert logged("x", extra={name: "hunter2"})[name] == "(hidden)"


def test_a_line_says_under_which_correlation_id_it_was_written(logged: Any) -> None:
    with correlated("order-4711-a"):
        assert logged("x", extra={"count": 3})["correlation_id"] == "order-4711-a"
    assert "correlation_id" not in logged("x")
