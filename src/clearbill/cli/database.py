"""Django over a database that may be used: the configured one, else the embedded one for as long as it's needed.

A role that row-level security doesn't bind is refused: with it, one seller could see another's rows.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import django
import psycopg
from django.conf import settings
from django.db import InterfaceError, OperationalError, connections

from clearbill import localdb
from clearbill.cli.keeper import kept_running
from clearbill.cli.stops import Failed, Stopped
from clearbill.conf.config import Configuration, configuration_of_process

CONNECT_TIMEOUT_S = 10
_UNBOUND = """
    SELECT EXISTS (SELECT FROM pg_roles o WHERE o.rolsuper AND pg_has_role(r.oid, o.oid, 'MEMBER')),
           EXISTS (SELECT FROM pg_roles o WHERE o.rolbypassrls AND pg_has_role(r.oid, o.oid, 'MEMBER')),
           EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                    WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
                      AND pg_has_role(r.oid, c.relowner, 'MEMBER'))
      FROM pg_roles r WHERE r.rolname = current_user
"""


@contextmanager
def open_database() -> Iterator[Configuration]:
    """Set Django up and yield the configuration; children of this process find the same database by their environment.

    Raises Stopped when the database can't be had, doesn't answer, or its role isn't bound by row-level security; Failed
    when it stops answering in the middle.
    """
    with ExitStack() as stack:
        try:
            take_database(stack)
        except localdb.LocalDatabaseError as problem:
            raise Stopped(str(problem)) from None
        django.setup()
        stack.callback(_close)
        check_role()
        try:
            yield settings.CLEARBILL
        except (OperationalError, InterfaceError) as problem:
            raise Failed(
                f"The database stopped answering ({_one_line(problem)}). What was committed stays; start the command again"
                " to go on."
            ) from problem


def take_database(stack: ExitStack) -> None:
    """Lease the embedded database until ``stack`` ends, unless another is configured."""
    configuration = configuration_of_process()
    if configuration.owner_url and not configuration.database_url:
        raise Stopped(
            "CLEARBILL_OWNER_URL is set and CLEARBILL_DATABASE_URL isn't. Set both, or neither for the embedded database."
        )
    if not configuration.database_url:
        server = stack.enter_context(localdb.lease(configuration.data_dir))
        stack.enter_context(kept_running(server))
        os.environ["CLEARBILL_OWNER_URL"] = server.owner_url
        os.environ["CLEARBILL_DATABASE_URL"] = server.app_url


def check_role() -> None:
    """Raises Stopped when the application's role may see more than one seller's rows at a time."""
    for problem in role_problems():
        raise Stopped(
            f"The role of CLEARBILL_DATABASE_URL {problem}, so row-level security doesn't bind it. Use a role of its own"
            " that is neither superuser nor owner of the tables, and put the owner's into CLEARBILL_OWNER_URL."
        )


def role_problems() -> list[str]:
    """Why row-level security doesn't bind the application's role; empty when it does. Raises Stopped without answer."""
    try:
        # without Django's pool, which would try again and again
        with psycopg.connect(settings.CLEARBILL.database_url, connect_timeout=CONNECT_TIMEOUT_S) as connection:
            found = connection.execute(_UNBOUND).fetchone()
    except psycopg.ProgrammingError:
        # what libpq says may repeat the password
        raise Stopped(
            "CLEARBILL_DATABASE_URL can't be read. Write % as %25 and @ as %40 in a password, and look at what follows"
            " the question mark."
        ) from None
    except psycopg.OperationalError as problem:
        raise Stopped(f"The database of CLEARBILL_DATABASE_URL doesn't answer: {_one_line(problem)}") from None
    superuser, bypasses, owns = found or (False, False, False)
    if superuser:
        return ["is a superuser, or a member of one"]
    others = {
        "has BYPASSRLS, or is a member of a role that does": bypasses,
        "owns tables, or is a member of the role that does": owns,
    }
    return [problem for problem, holds in others.items() if holds]


def _one_line(problem: Exception) -> str:
    return " ".join(str(problem).split()) or type(problem).__name__


def _close() -> None:
    for each in connections.all(initialized_only=True):
        each.close()
        if each.vendor == "postgresql":
            each.close_pool()
