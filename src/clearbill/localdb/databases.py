"""Roles and databases inside the cluster, and the asserts on a server's safety.

Two roles work on Clearbill's data: `clearbill_owner` owns the databases and migrates, `clearbill_app` is the
application, owns nothing and can't pass row-level security. The superuser is used in here only.
"""

from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import errors as pg
from psycopg import sql

from clearbill.localdb.cluster import SUPERUSER
from clearbill.localdb.errors import ClusterBusy, DatabaseNameRefused, UnsafeRole, UnsafeSettings
from clearbill.localdb.placement import PORT

OWNER_ROLE = "clearbill_owner"
APP_ROLE = "clearbill_app"
DATABASE = "clearbill"
SYSTEM_DATABASES = frozenset({"postgres", "template0", "template1"})
NAME_MAX_BYTES = 63
BOOTSTRAP_LOCK = 0x636C6561726269  # "clearbi" in ASCII: the superuser's database has no other locks

MUST_BE_ON = ("fsync", "full_page_writes", "synchronous_commit", "data_checksums")

ROLE_OPTIONS = {
    OWNER_ROLE: "LOGIN CREATEDB CREATEROLE NOSUPERUSER NOBYPASSRLS NOREPLICATION",
    APP_ROLE: "LOGIN NOCREATEDB NOCREATEROLE NOSUPERUSER NOBYPASSRLS NOREPLICATION",
}

UNSAFE_ROLES = """
    SELECT r.rolname
      FROM pg_roles r
     WHERE r.rolname IN ('clearbill_owner', 'clearbill_app')
       AND (r.rolsuper OR r.rolbypassrls OR r.rolreplication
            OR (r.rolname = 'clearbill_app'
                AND (r.rolcreaterole OR r.rolcreatedb
                     OR pg_has_role('clearbill_app', 'clearbill_owner', 'MEMBER')
                     OR EXISTS (SELECT FROM pg_database d WHERE d.datdba = r.oid))))
     ORDER BY r.rolname
"""


def url(socket_dir: Path, *, role: str, database: str) -> str:
    """A libpq URL over the unix socket."""
    host = quote(str(socket_dir), safe="")
    return f"postgresql://{role}@/{quote(database, safe='')}?host={host}&port={PORT}"


def connect_as_superuser(
    socket_dir: Path, *, database: str = "postgres", connect_timeout_s: int = 10
) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        host=str(socket_dir),
        port=PORT,
        user=SUPERUSER,
        dbname=database,
        autocommit=True,
        connect_timeout=connect_timeout_s,
        application_name="clearbill localdb",
        options="-c statement_timeout=0",
    )


def takes_connections(socket_dir: Path) -> bool:
    try:
        connect_as_superuser(socket_dir, connect_timeout_s=5).close()
    except psycopg.OperationalError:
        return False
    return True


def assert_safe_settings(socket_dir: Path) -> None:
    """Refuses a server that could lose a committed transaction or not notice a damaged page."""
    with connect_as_superuser(socket_dir) as connection:
        off = [name for name in MUST_BE_ON if _setting(connection, name) != "on"]
    if off:
        raise UnsafeSettings(
            f"The embedded database runs with {', '.join(off)} not on: committed money could be lost. Remove "
            "the setting from postgresql.conf and postgresql.auto.conf in the cluster and start again "
            "(data_checksums: stop, then `pg_checksums --enable`)."
        )


def ensure_roles(socket_dir: Path) -> None:
    """Makes roles and main database when missing; refuses roles that have gained rights since.

    The advisory lock waits for the session of a supervisor that was killed at this very work: the server
    goes on with its statement.
    """
    with connect_as_superuser(socket_dir) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (BOOTSTRAP_LOCK,))
        present = {str(row[0]) for row in connection.execute("SELECT rolname FROM pg_roles")}
        for role, options in ROLE_OPTIONS.items():
            if role not in present:
                connection.execute(sql.SQL("CREATE ROLE {} {}").format(sql.Identifier(role), sql.SQL(options)))
        unsafe = [str(row[0]) for row in connection.execute(UNSAFE_ROLES)]
        if unsafe:
            raise UnsafeRole(
                f"The role {' and '.join(unsafe)} has more rights than it may have: row-level security or "
                "the append-only rules would no longer bind it. Take them back with ALTER ROLE or REVOKE and "
                "start again."
            )
        if not _exists(connection, DATABASE):
            _create(connection, DATABASE, template=None)


def create(socket_dir: Path, *, name: str, template: str | None) -> None:
    """Creates a database of `clearbill_owner`, empty or as a copy of one that nobody is connected to."""
    _check_name(name)
    with connect_as_superuser(socket_dir) as connection:
        try:
            _create(connection, name, template=template)
        except pg.DuplicateDatabase:
            raise DatabaseNameRefused(f"There is a database {name!r} already. Drop it or take another name.")
        except pg.InvalidCatalogName:
            raise DatabaseNameRefused(f"There is no database {template!r} to copy. Create it first.")
        except pg.ObjectInUse:
            raise ClusterBusy(
                f"Somebody is connected to {template!r}, so it can't be copied. Close the connections and try again."
            )


def drop(socket_dir: Path, *, name: str) -> None:
    """Drops a database, ending whoever is connected to it. One that isn't there is no error."""
    _check_name(name)
    with connect_as_superuser(socket_dir) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def exists(socket_dir: Path, *, name: str) -> bool:
    with connect_as_superuser(socket_dir) as connection:
        return _exists(connection, name)


def _create(connection: psycopg.Connection[tuple[object, ...]], name: str, *, template: str | None) -> None:
    connection.execute(
        sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(OWNER_ROLE), sql.Identifier(template or "template0")
        )
    )


def _exists(connection: psycopg.Connection[tuple[object, ...]], name: str) -> bool:
    found = connection.execute("SELECT FROM pg_database WHERE datname = %s", (name,)).fetchone()
    return found is not None


def _setting(connection: psycopg.Connection[tuple[object, ...]], name: str) -> str:
    row = connection.execute("SELECT current_setting(%s)", (name,)).fetchone()
    return str(row[0]) if row is not None else ""


def _check_name(name: str) -> None:
    if name in SYSTEM_DATABASES or not 0 < len(name.encode()) <= NAME_MAX_BYTES or "\0" in name:
        raise DatabaseNameRefused(
            f"{name!r} can't be a database of Clearbill: it must have 1 to {NAME_MAX_BYTES} bytes and not be "
            "one of PostgreSQL's own."
        )
