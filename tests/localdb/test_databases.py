"""Roles without more rights than they need; databases created, cloned and dropped."""

import psycopg
import pytest
from psycopg import errors as pg

from clearbill import localdb
from clearbill.localdb.errors import ClusterBusy, DatabaseNameRefused, UnsafeRole

pytestmark = pytest.mark.database

RIGHTS = """
    SELECT concat_ws(' ', rolsuper, rolbypassrls, rolreplication, rolcreatedb, rolcreaterole)
      FROM pg_roles WHERE rolname = current_user
"""


@pytest.fixture(scope="module")
def server(shared_open_folder):
    with localdb.lease(shared_open_folder / "db") as running:
        yield running


def test_the_owner_creates_databases_and_roles_but_is_no_superuser(server, ask):
    assert ask(server.owner_url, RIGHTS) == "f f f t t"


def test_the_application_has_no_right_at_all(server, ask):
    assert ask(server.app_url, RIGHTS) == "f f f f f"


def test_the_main_database_belongs_to_the_owner(server, ask):
    owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'clearbill'"
    assert ask(server.app_url, owner) == "clearbill_owner"


def test_the_application_owns_nothing(server, ask):
    owned = """
        SELECT count(*) FROM pg_shdepend
         WHERE deptype = 'o' AND refobjid = 'clearbill_app'::regrole
    """
    assert ask(server.app_url, owned) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE DATABASE mine",
        "CREATE ROLE mine",
        "CREATE SCHEMA mine",
        "CREATE TABLE public.mine ()",
        "SET ROLE clearbill_owner",
        "SET ROLE postgres",
        "ALTER ROLE clearbill_app BYPASSRLS",
        "SELECT pg_read_file('/etc/passwd')",
        "COPY (SELECT 1) TO PROGRAM 'true'",
    ],
)
def test_the_application_may_not(server, ask, statement):
    with pytest.raises((pg.InsufficientPrivilege, pg.InvalidParameterValue)):
        ask(server.app_url, statement)


def test_row_level_security_binds_the_application(server, ask):
    ask(
        server.owner_url,
        "CREATE TABLE ruled AS SELECT 1 AS n; ALTER TABLE ruled ENABLE ROW LEVEL SECURITY;"
        "GRANT SELECT ON ruled TO clearbill_app",
    )
    assert ask(server.owner_url, "SELECT count(*) FROM ruled") == 1
    assert ask(server.app_url, "SELECT count(*) FROM ruled") == 0


@pytest.mark.parametrize(
    ("gained", "taken_back"),
    [
        ("ALTER ROLE clearbill_app BYPASSRLS", "ALTER ROLE clearbill_app NOBYPASSRLS"),
        ("ALTER ROLE clearbill_app SUPERUSER", "ALTER ROLE clearbill_app NOSUPERUSER"),
        ("ALTER ROLE clearbill_owner SUPERUSER", "ALTER ROLE clearbill_owner NOSUPERUSER"),
        ("GRANT clearbill_owner TO clearbill_app", "REVOKE clearbill_owner FROM clearbill_app"),
    ],
)
def test_a_role_that_gained_rights_is_refused(server, ask, superuser_url, gained, taken_back):
    ask(superuser_url(server), gained)
    try:
        with pytest.raises(UnsafeRole, match="ALTER ROLE or REVOKE"):
            localdb.start(server.data_dir)
    finally:
        ask(superuser_url(server), taken_back)
    with localdb.lease(server.data_dir) as again:
        assert again.pid == server.pid


def test_a_clone_has_what_its_template_had_and_then_its_own_life(server, ask):
    localdb.create_database(server, "seed")
    ask(server.owner_url_for("seed"), "CREATE TABLE kept AS SELECT 42 AS answer")
    localdb.create_database(server, "copy", template="seed")
    ask(server.owner_url_for("copy"), "UPDATE kept SET answer = 43")
    assert ask(server.owner_url_for("copy"), "SELECT answer FROM kept") == 43
    assert ask(server.owner_url_for("seed"), "SELECT answer FROM kept") == 42
    localdb.drop_database(server, "copy")
    assert not localdb.database_exists(server, "copy")
    assert localdb.database_exists(server, "seed")


@pytest.mark.slow  # PostgreSQL waits five seconds for the others to go
def test_a_template_that_somebody_uses_is_refused(server):
    localdb.create_database(server, "in_use")
    with psycopg.connect(server.owner_url_for("in_use")), pytest.raises(ClusterBusy, match="connected"):
        localdb.create_database(server, "copy_of_in_use", template="in_use")


def test_a_drop_ends_the_sessions_in_it(server):
    localdb.create_database(server, "dropped")
    with psycopg.connect(server.owner_url_for("dropped"), autocommit=True) as connection:
        localdb.drop_database(server, "dropped")
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    localdb.drop_database(server, "dropped")


@pytest.mark.parametrize("name", ["Mixed Case", "100%", "a/b?c=d&e", 'quo"te', "x'; DROP DATABASE clearbill", "账单"])
def test_any_name_makes_a_database_and_working_urls(server, ask, name):
    localdb.create_database(server, name)
    assert ask(server.owner_url_for(name), "SELECT current_database()") == name
    assert ask(server.app_url_for(name), "SELECT current_database()") == name
    localdb.drop_database(server, name)


@pytest.mark.parametrize("name", ["", "x" * 64, "账" * 22, "postgres", "template1", "nul\0"])
def test_a_name_that_cannot_be_is_refused(server, name):
    with pytest.raises(DatabaseNameRefused):
        localdb.create_database(server, name)
    with pytest.raises(DatabaseNameRefused):
        localdb.drop_database(server, name)


def test_the_books_are_not_dropped_and_names_not_taken_twice(server):
    with pytest.raises(DatabaseNameRefused, match="books"):
        localdb.drop_database(server, "clearbill")
    with pytest.raises(DatabaseNameRefused, match="already"):
        localdb.create_database(server, "clearbill")
    with pytest.raises(DatabaseNameRefused, match="no database 'nowhere'"):
        localdb.create_database(server, "x", template="nowhere")
