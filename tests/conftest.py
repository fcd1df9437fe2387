"""Fixtures for tests that need PostgreSQL: one embedded server a session, one cloned database a test.

Tests run as the application's role, so row-level security binds them too. ``CLEARBILL_TEST_PG_BIN`` names the ``bin``
folder of another PostgreSQL; then the same tests run there.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import django
import pytest

os.environ["CLEARBILL_ENVIRONMENT"] = "test"
os.environ["CLEARBILL_LOG_LEVEL"] = os.environ.get("CLEARBILL_LOG_LEVEL", "error")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clearbill.conf.settings")
for _name in ("CLEARBILL_DATABASE_URL", "CLEARBILL_OWNER_URL"):
    os.environ.pop(_name, None)

django.setup()

ROOT = Path(__file__).resolve().parent.parent
START = datetime(2025, 1, 10, 9, tzinfo=UTC)


@dataclass(slots=True)
class Databases:
    """The session's server, its migrated template, and a count for names."""

    server: Any
    template: str
    made: int = 0
    names: list[str] = field(default_factory=list)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that asks for the database is marked so by asking."""
    for item in items:
        if {"database", "live_server_url"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.database)


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory, worker_id: str, django_db_blocker: Any) -> Iterator[Databases]:
    """The embedded server with a migrated template, shared by the session's processes through leases."""
    import fcntl

    from clearbill import localdb

    binaries = os.environ.get("CLEARBILL_TEST_PG_BIN")
    data = (
        ROOT
        / ".clearbill"
        / ("test-db" if not binaries else "test-db-" + hashlib.sha256(binaries.encode()).hexdigest()[:8])
    )
    data.parent.mkdir(exist_ok=True)
    template = f"template_{_migrations_hash()}"
    with localdb.lease(data, binaries=Path(binaries) if binaries else None) as server:
        with open(data.parent / "test-db.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not localdb.database_exists(server, template):
                _make_template(server, template, django_db_blocker)
        yield Databases(server=server, template=template)


@pytest.fixture
def database(databases: Databases, worker_id: str, django_db_blocker: Any) -> Iterator[str]:
    """A database of this test alone, cloned from the migrated template; Django's connections point at it."""
    from clearbill import localdb

    databases.made += 1
    name = f"test_{worker_id}_{os.getpid()}_{databases.made}"
    localdb.create_database(databases.server, name, template=databases.template)
    with django_db_blocker.unblock():
        _point_django_at(databases.server.app_url_for(name), databases.server.owner_url_for(name))
        _forget_caches()
        try:
            yield name
        finally:
            _close_django()
            localdb.drop_database(databases.server, name)


@pytest.fixture
def at() -> datetime:
    """The instant at which test worlds begin."""
    return START


@pytest.fixture
def make_seller(database: str) -> Any:
    """A function that makes sellers: ``make_seller(name=…, timezone=…, policies=…)``."""
    from tests.worlds import make_seller as make

    return make


@pytest.fixture
def seller(make_seller: Any) -> Any:
    """A test seller in euros, in Paris, with 20 % VAT, whose clock stands at ``START``."""
    return make_seller()


@pytest.fixture
def sandbox() -> Iterator[Any]:
    """The sandbox gateway in this process, behind HTTP."""
    from clearbill.payments.gateways.calls import mounted
    from clearbill.sandbox.server import Sandbox
    from clearbill.sandbox.store import Store
    from tests.shops import NOW, SANDBOX_URL, Wire

    store = Store(None)
    application = Sandbox(store, url=SANDBOX_URL, clock=lambda: NOW)
    with mounted({SANDBOX_URL: Wire(application)}):
        yield application
    store.close()


@pytest.fixture
def shop(make_seller: Any, sandbox: Any) -> Any:
    """A seller that takes payments at the sandbox, with a customer and an open invoice of 36.00 EUR."""
    from clearbill.payments.actions.accounts import open_sandbox
    from tests.shops import SANDBOX_URL, Shop
    from tests.worlds import bills, make_customer, make_plan, run_until, subscribe

    world = make_seller()
    make_plan(world, prices=[{"code": "fee", "model": "flat", "amount": "30.00", "bill": "in_advance"}])
    customer = make_customer(world)
    subscribe(world, customer)
    run_until(world, "2025-01-10T09:00")
    account_id = open_sandbox(world.id, base_url=SANDBOX_URL, at=world.at, actor="test")
    return Shop(
        world=world, customer=customer, invoice_id=bills(world)[0]["id"], account_id=account_id, sandbox=sandbox
    )


@pytest.fixture(autouse=True)
def _no_language_left_behind() -> Iterator[None]:
    from django.utils import translation

    yield
    translation.deactivate()


def _migrations_hash() -> str:
    digest = hashlib.sha256()
    for path in sorted((ROOT / "src").glob("clearbill/*/migrations/*.py")):
        digest.update(path.read_bytes())
    digest.update((ROOT / "requirements" / "run.txt").read_bytes())
    digest.update((ROOT / "src/clearbill/scope/tables.py").read_bytes())
    return digest.hexdigest()[:12]


def _make_template(server: Any, template: str, blocker: Any) -> None:
    from django.core.management import call_command

    from clearbill import localdb

    draft = f"{template}_draft"
    localdb.drop_database(server, draft)
    localdb.create_database(server, draft)
    with blocker.unblock():
        _point_django_at(server.app_url_for(draft), server.owner_url_for(draft))
        call_command("migrate", database="owner", verbosity=0, skip_checks=True)
        _close_django()
    localdb.create_database(server, template, template=draft)
    localdb.drop_database(server, draft)


def _point_django_at(app_url: str, owner_url: str) -> None:
    from django.conf import settings
    from django.db import connections

    from clearbill.conf.settings import _database

    _close_django()
    for alias, url in (("default", app_url), ("owner", owner_url)):
        settings.DATABASES[alias] = _database(url)
        connections.settings[alias] = connections.configure_settings({"default": settings.DATABASES[alias]})["default"]
        if hasattr(connections._connections, alias):
            delattr(connections._connections, alias)
    assert unquote(urlsplit(app_url).path.lstrip("/"))


def _close_django() -> None:
    from django.db import connections

    for connection in connections.all(initialized_only=True):
        connection.close()


def _forget_caches() -> None:
    from django.core.cache import cache

    from clearbill.pricing import queries

    cache.clear()
    forget = getattr(queries, "forget_cached", None)
    if forget is not None:
        forget()
