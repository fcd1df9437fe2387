"""The throw-away database: cloned from a migrated template for one run, dropped after it, also when it's interrupted.

Its server is an embedded one of its own, kept in the data folder between runs; with ``CLEARBILL_OWNER_URL`` it's that
server, on which a database of its own is made. What a killed run left behind goes with the next one.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from clearbill import localdb
from clearbill.conf.config import Configuration, ConfigurationError

FOLDER = "simulate"
_TEMPLATE = "clearbill_simulate_template_"
_CLONE = "clearbill_simulate_"
_CLONE_NAME = re.compile(r"clearbill_simulate_(\d+)_[0-9a-f]{8}")
_MIGRATING = ("Django", "procrastinate", "django-allauth")
_TEMPLATE_LOCK = 0x636C6273696D  # "clbsim" in ASCII


@dataclass(frozen=True, slots=True, kw_only=True)
class _Site:
    """A server: where its databases are reached, as owner and as application."""

    owner_url: str
    app_url: str
    is_ours: bool

    def owner(self, database: str) -> str:
        return _with_database(self.owner_url, database)

    def app(self, database: str) -> str:
        return _with_database(self.app_url, database)


@contextmanager
def throwaway_database(
    configuration: Configuration, *, told: Callable[[str], None] = lambda step: None
) -> Iterator[str]:
    """Run a block with Django's connections pointing at a fresh, migrated database; its name. ``told`` hears of slow steps.

    Raises LocalDatabaseError, ConfigurationError, psycopg.Error. Nothing else in the process may use Django's connections.
    """
    with _site(configuration) as site, _ended_by_signals():
        template = _template(site, told=told)
        name = f"{_CLONE}{os.getpid()}_{secrets.token_hex(4)}"
        try:
            _create(site, name, template=template)
            with _django_at(site, name):
                yield name
        finally:
            _drop(site, name)


@contextmanager
def _site(configuration: Configuration) -> Iterator[_Site]:
    if configuration.owner_url:
        if not configuration.database_url:
            raise ConfigurationError("CLEARBILL_OWNER_URL is set, so CLEARBILL_DATABASE_URL must be, too.")
        yield _Site(owner_url=configuration.owner_url, app_url=configuration.database_url, is_ours=False)
        return
    with localdb.lease(_folder(configuration.data_dir)) as server:
        site = _Site(owner_url=server.owner_url, app_url=server.app_url, is_ours=True)
        with open(server.data_dir / "simulate.lock", "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            _drop_left_behind(site)
        yield site


def _folder(data_dir: Path) -> Path:
    """Beside the embedded database, where we may write there, else in the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "clearbill"
    nearest = next(folder for folder in (data_dir.absolute(), *data_dir.absolute().parents) if folder.exists())
    return (data_dir if os.access(nearest, os.W_OK) else cache) / FOLDER


def _template(site: _Site, *, told: Callable[[str], None]) -> str:
    """The migrated template of this version, made when it's missing; one process makes it, others wait."""
    wanted = f"{_TEMPLATE}{_migrations_hash()}"
    with psycopg.connect(site.owner_url, autocommit=True) as connection:
        if wanted in _databases(connection):
            return wanted
        connection.execute("SELECT pg_advisory_lock(%s)", (_TEMPLATE_LOCK,))
        present = _databases(connection)
        if wanted in present:
            return wanted
        told("template")
        for name in sorted(present):
            if name.startswith(_TEMPLATE) and (site.is_ours or name == f"{wanted}_draft"):
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
        draft = f"{wanted}_draft"
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(draft)))
        with _django_at(site, draft):
            _migrate()
        connection.execute(
            sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(draft), sql.Identifier(wanted))
        )
    return wanted


def _migrate() -> None:
    from django.core.management import call_command

    call_command("migrate", database="owner", verbosity=0, skip_checks=True)


def _migrations_hash() -> str:
    """Names what a template holds: our migrations, and the versions of libraries that bring their own."""
    digest = hashlib.sha256()
    package = Path(__file__).resolve().parents[2]
    for path in [*sorted(package.glob("*/migrations/*.py")), package / "scope" / "tables.py"]:
        digest.update(path.read_bytes())
    for library in _MIGRATING:
        digest.update(f"{library} {version(library)}\n".encode())
    return digest.hexdigest()[:12]


def _create(site: _Site, name: str, *, template: str) -> None:
    with psycopg.connect(site.owner_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )


def _drop(site: _Site, name: str) -> None:
    with psycopg.connect(site.owner_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


def _drop_left_behind(site: _Site) -> None:
    """Drop what runs left that were killed: databases named after processes that are no more."""
    with psycopg.connect(site.owner_url, autocommit=True) as connection:
        for name in sorted(_databases(connection)):
            found = _CLONE_NAME.fullmatch(name)
            if found and not Path(f"/proc/{found[1]}").exists():
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


def _databases(connection: psycopg.Connection[tuple[object, ...]]) -> set[str]:
    rows = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", (f"{_CLONE}%",))
    return {str(row[0]) for row in rows}


def _with_database(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


@contextmanager
def _django_at(site: _Site, database: str) -> Iterator[None]:
    """Point Django's connections at ``database``; what they pointed at before comes back afterwards."""
    from django.conf import settings
    from django.db import connections

    before = dict(settings.DATABASES)
    _point({"default": _settings_of(site.app(database)), "owner": _settings_of(site.owner(database))})
    try:
        yield
    finally:
        for connection in connections.all(initialized_only=True):
            connection.close()
        _point(before)


def _settings_of(url: str) -> dict[str, object]:
    from clearbill.conf.settings import _database

    return _database(url)


def _point(databases: dict[str, dict[str, object]]) -> None:
    from django.conf import settings
    from django.db import connections

    for connection in connections.all(initialized_only=True):
        connection.close()
    settings.DATABASES.clear()
    settings.DATABASES.update(databases)
    connections.settings = connections.configure_settings(settings.DATABASES)
    for alias in ("default", "owner"):
        if hasattr(connections._connections, alias):
            delattr(connections._connections, alias)
    _forget_caches()


def _forget_caches() -> None:
    """What the process remembers of another database's catalogue."""
    from clearbill.pricing.queries import forget_cached

    forget_cached()


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does, so that the database is dropped."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, end)
    except ValueError:  # not the main thread: whoever started the thread ends it
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
