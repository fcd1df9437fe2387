"""Structured logs: one JSON object a line (or readable text on a terminal), each with its correlation id."""

from __future__ import annotations

import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from clearbill.scope.correlation import correlation_id

_HIDDEN = ("password", "secret", "token", "authorization", "api_key", "cookie")
# addresses that let somebody in, and API keys, wherever they stand in a text
_ADDRESS = re.compile(r"(/(?:portal/enter|accounts/invitation|accounts/password/reset/key|pay)/)[^/\s'\">?]+")
_KEY = re.compile(r"\b(cb_(?:live|test)_)[0-9A-Za-z]+")


def logging_configuration(log_format: str, level: str) -> dict[str, Any]:
    """A ``logging.config`` dictionary; ``log_format`` is ``json``, ``text`` or ``auto`` (text on a terminal)."""
    as_text = log_format == "text" or (log_format == "auto" and sys.stderr.isatty())
    shared = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _correlate,
    ]
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if as_text
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.format_exc_info,
                    _hide_secrets,
                    renderer,
                ],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": level.upper()},
        "loggers": {
            "procrastinate": {"level": "WARNING"},
            "httpx": {"level": "WARNING"},
            "uvicorn.access": {"level": "WARNING"},
            "fontTools": {"level": "WARNING"},
        },
    }


def _correlate(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    current = correlation_id()
    if current:
        event["correlation_id"] = current
    return event


def _hide_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key in event:
        if any(word in key.lower() for word in _HIDDEN):
            event[key] = "(hidden)"
        else:
            event[key] = _without_secrets(event[key])
    return event


def _without_secrets(value: Any) -> Any:
    """A text, or what would be shown as one, without what lets somebody in."""
    if value is None or isinstance(value, int | float):
        return value
    text = value if isinstance(value, str) else repr(value)
    hidden = _KEY.sub(r"\1(hidden)", _ADDRESS.sub(r"\1(hidden)", text))
    return value if hidden == text else hidden
