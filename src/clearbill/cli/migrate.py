"""``clearbill migrate``: bring the database up to this version, as its owner, one process at a time."""

from __future__ import annotations

import click
from django.db import DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor

from clearbill.cli.stops import Stopped

LOCK = 0x636C62696D6967  # "clbimig": nobody else's advisory lock in this database
LOCK_TIMEOUT = "30s"


@click.command("migrate")
def command() -> None:
    """Bring the database up to this version. Needs CLEARBILL_OWNER_URL unless the database is the embedded one."""
    done = migrate()
    click.echo(f"{done} migrations done." if done else "The database is up to date.")


def migrate() -> int:
    """Do the migrations that are missing; returns how many. A second process waits, then finds nothing to do.

    Raises Stopped when there is something to do and no owner, or the database refuses.
    """
    alias = "owner" if "owner" in connections else "default"
    missing = missing_migrations(alias)
    if not missing:
        if alias == "owner":
            _complete_grants()
        return 0
    if alias != "owner":
        raise Stopped(
            f"{missing} migrations are missing, and only the tables' owner may do them: set CLEARBILL_OWNER_URL."
        )
    try:
        return _migrate_alone()
    except DatabaseError as problem:
        raise Stopped(f"The database refused the migration: {str(problem).strip()}") from problem


def missing_migrations(alias: str) -> int:
    """How many migrations the database behind ``alias`` doesn't have yet."""
    try:
        executor = MigrationExecutor(connections[alias])
        return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except DatabaseError as problem:
        raise Stopped(f"The database doesn't answer: {str(problem).strip()}") from problem


def _complete_grants() -> None:
    """What comes after the last migration; killed in between, there's no migration left that would do it."""
    from django.conf import settings

    from clearbill.scope.tables import grant_unscoped, grants_missing, pin_search_paths

    role = settings.CLEARBILL.app_role
    if grants_missing(connections["owner"], role):
        pin_search_paths(connections["owner"])
        grant_unscoped(connections["owner"], role)


def _migrate_alone() -> int:
    from django.core.management import call_command

    connection = connections["owner"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        try:
            cursor.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
            missing = missing_migrations("owner")
            if missing:
                call_command("migrate", database="owner", verbosity=0, skip_checks=True, interactive=False)
        finally:
            cursor.execute("SET lock_timeout = DEFAULT")
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
    return missing
