"""Configuration: ``CLEARBILL_*`` from the environment and ``.env``, read once into a typed object.

An unknown or wrong variable stops the start with its name, its value and what is allowed. Secrets are never shown.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit

PREFIX = "CLEARBILL_"
DEVELOPMENT_SECRET = "development-only-secret-of-a-machine-that-bills-nobody"  # noqa: S105


class ConfigurationError(Exception):
    """A variable is unknown, wrong or missing. The message is for the person who starts the program."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """All settings. ``owner_url`` migrates; ``database_url`` is the application's role, which row-level security binds."""

    environment: str = "development"
    database_url: str = field(default="", repr=False)
    owner_url: str = field(default="", repr=False)
    data_dir: Path = Path(".clearbill/data")
    secret_key: str = field(default=DEVELOPMENT_SECRET, repr=False)
    public_url: str = "http://127.0.0.1:8000"
    allowed_hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]")
    bind: str = "127.0.0.1"
    port: int = 8000
    threads: int = 16
    smtp_host: str = "127.0.0.1"
    smtp_port: int = 8025
    smtp_user: str = ""
    smtp_password: str = field(default="", repr=False)
    smtp_tls: str = "off"
    mailbox_port: int = 8026
    sandbox_port: int = 8027
    mail_from: str = "billing@clearbill.example"
    trusted_proxies: int = 0
    log_format: str = "auto"
    log_level: str = "info"
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = field(default="", repr=False)

    @property
    def app_role(self) -> str:
        """The application's database role: the user of ``database_url``."""
        role = urlsplit(self.database_url).username or "clearbill_app"
        if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", role):
            raise ConfigurationError(f"The role “{role}” in CLEARBILL_DATABASE_URL must be a plain lower-case name.")
        return role

    @property
    def is_production(self) -> bool:
        """Whether strict cookies, hosts and secrets are demanded."""
        return self.environment == "production"


_CHOICES = {
    "environment": ("development", "production", "test"),
    "smtp_tls": ("off", "starttls", "tls"),
    "log_format": ("auto", "json", "text"),
    "log_level": ("debug", "info", "warning", "error"),
}
_LEAST = {"trusted_proxies": 0}
MOST = 65535
_SECRET = {each.name for each in fields(Configuration) if not each.repr}
_DEFAULTS = {each.name: each.default for each in fields(Configuration)}
_FOR_TESTS_ONLY = {"TEST_PG_BIN", "CONTRACTS", "PYTHON", "SCREENSHOTS"}


def read_configuration(environ: Mapping[str, str], *, dotenv: Path | None = None) -> Configuration:
    """The configuration of ``environ``, with ``dotenv``'s lines beneath it. Raises ConfigurationError."""
    found = {**_dotenv(dotenv), **environ}
    values: dict[str, object] = {}
    for name, text in sorted(found.items()):
        if not name.startswith(PREFIX) or name.removeprefix(PREFIX) in _FOR_TESTS_ONLY:
            continue
        setting = name.removeprefix(PREFIX).lower()
        if setting not in _DEFAULTS:
            known = ", ".join(PREFIX + key.upper() for key in _DEFAULTS)
            raise ConfigurationError(f"{name} is not a setting of Clearbill. Known are: {known}.")
        values[setting] = _value(setting, text)
    configuration = Configuration(**values)  # type: ignore[arg-type]
    _check_production(configuration)
    return configuration


def _value(setting: str, text: str) -> object:
    name, shown = PREFIX + setting.upper(), "(hidden)" if setting in _SECRET else f"“{text}”"
    kind = type(_DEFAULTS[setting])
    if setting in _CHOICES and text not in _CHOICES[setting]:
        raise ConfigurationError(f"{name} is {shown}; allowed are {', '.join(_CHOICES[setting])}.")
    if setting in ("database_url", "owner_url") and not _is_address(text, ("postgresql", "postgres"), host=False):
        raise ConfigurationError(f"{name} is {shown}; it must look like postgresql://user@host:5432/database.")
    if setting == "public_url" and not _is_address(text, ("http", "https"), host=True):
        raise ConfigurationError(f"{name} is {shown}; it must be an address such as https://billing.example.com.")
    if kind is int:
        least = _LEAST.get(setting, 1)
        if not (text.isascii() and text.isdigit()) or not least <= int(text) <= MOST:
            raise ConfigurationError(f"{name} is {shown}; it must be a whole number from {least} to {MOST}.")
        return int(text)
    if kind is tuple:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if issubclass(kind, Path):
        if not text:
            raise ConfigurationError(f"{name} is empty; it must name a folder.")
        return Path(text)
    return text


def _is_address(text: str, schemes: tuple[str, ...], *, host: bool) -> bool:
    """Whether ``text`` can be taken apart as an address of one of ``schemes``, its port included."""
    try:
        parts = urlsplit(text)
        return parts.scheme in schemes and (parts.port or 1) > 0 and (bool(parts.hostname) or not host)
    except ValueError:
        return False


def _check_production(configuration: Configuration) -> None:
    if not configuration.is_production:
        return
    if configuration.secret_key == DEVELOPMENT_SECRET or len(configuration.secret_key) < 40:
        raise ConfigurationError("CLEARBILL_SECRET_KEY must be set to at least 40 random characters in production.")
    if urlsplit(configuration.public_url).scheme != "https":
        raise ConfigurationError("CLEARBILL_PUBLIC_URL must start with https:// in production.")


def _dotenv(path: Path | None) -> dict[str, str]:
    if path is None or not path.is_file():
        return {}
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as problem:
        raise ConfigurationError(f"{path} can't be read: {problem.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} isn't text in UTF-8.") from None
    values = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        if not equals or not re.fullmatch(r"[A-Z][A-Z0-9_]*", name.strip()):
            raise ConfigurationError(f"{path}, line {number}: write NAME=value.")
        values[name.strip()] = value.strip().strip("\"'")
    return values


def configuration_of_process() -> Configuration:
    """The configuration of this process: its environment, and ``.env`` in the working folder."""
    return read_configuration(os.environ, dotenv=Path(".env"))
