"""The commands: what they print, and that wrong input ends in one sentence and exit code 2, never in a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result

from clearbill.cli import bill, check, import_command, migrate, verify
from clearbill.cli.import_kinds import KINDS
from clearbill.cli.main import COMMANDS, commands, load
from clearbill.cli.stops import Failed
from clearbill.conf.config import Configuration
from clearbill.core.errors import Unacceptable
from clearbill.scope.ids import show_id
from tests.worlds import World, bills, in_scope, make_customer, make_plan, make_seller, run_until, subscribe

FEE = {"code": "fee", "model": "flat", "amount": "29.00", "bill": "in_advance"}


def clearbill(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The program itself, in an environment of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CLEARBILL_")}
    return subprocess.run(
        [sys.executable, "-m", "clearbill.cli.main", *arguments],
        cwd=folder,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def run(command: Any, *arguments: str) -> Result:
    """A command in this process, over the test's database."""
    return CliRunner().invoke(command, arguments)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_explains_itself(name: str) -> None:
    done = CliRunner().invoke(commands, [name, "--help"])

    assert done.exit_code == 0, done.output
    assert "Usage:" in done.output
    assert load(COMMANDS[name]).name == name


def test_help_answers_at_once_and_loads_no_framework(tmp_path: Path) -> None:
    began = time.monotonic()
    done = clearbill("--help", folder=tmp_path)

    assert done.returncode == 0
    assert all(name in done.stdout for name in COMMANDS)
    assert time.monotonic() - began < 3
    probe = "import sys, clearbill.cli.main; sys.exit(bool({'django', 'psycopg', 'rich'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "environment", "sentence"),
    [
        (["run"], {"CLEARBILL_COLOUR": "red"}, "CLEARBILL_COLOUR is not a setting of Clearbill"),
        (["run"], {"CLEARBILL_PORT": "many"}, "CLEARBILL_PORT is “many”"),
        (["bill"], {"CLEARBILL_SMTP_TLS": "yes"}, "allowed are off, starttls, tls"),
        (["check"], {"CLEARBILL_ENVIRONMENT": "production"}, "CLEARBILL_SECRET_KEY must be set"),
        (["bill"], {"CLEARBILL_DATABASE_URL": "mysql://x"}, "CLEARBILL_DATABASE_URL is (hidden)"),
        (["migrate"], {"CLEARBILL_DATABASE_URL": "postgresql://x@127.0.0.1:1/x"}, "doesn't answer"),
        (["migrate"], {"CLEARBILL_DATABASE_URL": "postgresql://x@127.0.0.1:1/x?nonsense=1"}, "can't be read"),
        (["migrate"], {"CLEARBILL_DATA_DIR": "/proc/none"}, "The data folder /proc/none can't be made"),
        (["migrate"], {"CLEARBILL_DATA_DIR": __file__}, "is a file. Set CLEARBILL_DATA_DIR to a folder"),
        (["bill", "--until", "2025-02-01"], {}, "has no offset"),
        (["bill", "--until", "soon"], {}, "is not an instant"),
        (["import", "weather", "x.csv"], {}, "is not one of"),
        (["import", "usage"], {}, "Missing argument"),
        (["fly"], {}, "No such command"),
        (["run", "--port"], {}, "No such option"),
    ],
)
def test_wrong_input_ends_with_a_sentence(
    tmp_path: Path, arguments: list[str], environment: dict[str, str], sentence: str
) -> None:
    done = clearbill(*arguments, folder=tmp_path, **environment)

    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / ".clearbill").exists()


def test_a_secret_is_never_shown(tmp_path: Path) -> None:
    done = clearbill("check", folder=tmp_path, CLEARBILL_DATABASE_URL="oops:hunter2@db")

    assert done.returncode == 2
    assert "hunter2" not in done.stdout + done.stderr


def test_a_refusal_is_its_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from clearbill.cli import main

    def refuse(**_options: Any) -> None:
        raise Unacceptable("some_code", "Write {count} instead.", count=3)

    monkeypatch.setattr(main, "commands", refuse)
    with pytest.raises(SystemExit) as ended:
        main.main()

    assert ended.value.code == 2
    assert capsys.readouterr().err == "Write 3 instead.\n"


def test_a_file_that_the_system_does_not_give_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from clearbill.cli import main

    def refuse(**_options: Any) -> None:
        raise PermissionError(13, "Permission denied", "usage.csv.rejected.csv")

    monkeypatch.setattr(main, "commands", refuse)
    with pytest.raises(SystemExit) as ended:
        main.main()

    assert ended.value.code == 1
    assert capsys.readouterr().err == "usage.csv.rejected.csv: Permission denied.\n"


def test_a_database_that_ends_in_the_middle_ends_the_command_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import OperationalError

    from clearbill.cli import database

    for name in ("take_database", "check_role", "_close"):
        monkeypatch.setattr(database, name, lambda *_: None)
    with pytest.raises(Failed) as failed, database.open_database():
        raise OperationalError("terminating\nconnection")

    assert failed.value.exit_code == 1
    assert failed.value.message.startswith("The database stopped answering (terminating connection). What was")


@pytest.mark.parametrize("role", ["owner", "superuser"])
def test_a_role_that_sees_every_seller_is_refused(databases: Any, database: str, tmp_path: Path, role: str) -> None:
    owner = databases.server.owner_url_for(database)
    url = owner if role == "owner" else owner.replace("clearbill_owner@", "postgres@")

    done = clearbill("bill", folder=tmp_path, CLEARBILL_DATABASE_URL=url, CLEARBILL_OWNER_URL=owner)

    assert done.returncode == 2
    assert "row-level security doesn't bind it" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("power", ["SUPERUSER", "BYPASSRLS"])
def test_a_role_that_can_become_one_that_sees_every_seller_is_refused(
    databases: Any, database: str, tmp_path: Path, power: str
) -> None:
    owner = databases.server.owner_url_for(database)
    mighty, plain = f"mighty_{os.getpid()}", f"plain_{os.getpid()}"
    with psycopg.connect(owner.replace("clearbill_owner@", "postgres@"), autocommit=True) as superuser:
        superuser.execute(f"CREATE ROLE {mighty} {power} NOLOGIN")
        superuser.execute(f"CREATE ROLE {plain} LOGIN NOINHERIT IN ROLE {mighty}")
        try:
            url = owner.replace("clearbill_owner@", f"{plain}@")
            done = clearbill("bill", folder=tmp_path, CLEARBILL_DATABASE_URL=url, CLEARBILL_OWNER_URL=owner)
        finally:
            superuser.execute(f"DROP ROLE {plain}")
            superuser.execute(f"DROP ROLE {mighty}")

    assert done.returncode == 2, done.stderr
    assert "row-level security doesn't bind it" in done.stderr


def test_the_kinds_of_import_are_those_there_are() -> None:
    assert sorted(import_command.KINDS) == sorted(KINDS)


def test_an_import_says_how_many_rows_came_in(seller: World, tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    file.write_text("external_id,name,email,country,currency\nacme,Acme Ltd,a@acme.example,FR,EUR\nbad,,x,FR,EUR\n")

    done = run(import_command.command, "customers", str(file))

    assert done.exit_code == 1  # something was refused
    assert "2 rows: 1 accepted, 0 known already, 1 refused." in done.output
    assert (tmp_path / "customers.csv.rejected.csv").exists()


def test_a_file_that_is_not_there_is_refused(seller: World, tmp_path: Path) -> None:
    done = run(import_command.command, "customers", str(tmp_path / "nothing.csv"))

    assert isinstance(done.exception, Unacceptable)
    assert done.exception.code == "import_no_file"


def test_bill_moves_the_clock_of_a_test_seller(seller: World) -> None:
    make_plan(seller, prices=[FEE])
    subscribe(seller, make_customer(seller))

    done = run(bill.command, "--seller", show_id("seller", seller.id), "--until", "2025-03-10T09:00Z")

    assert done.exit_code == 0, done.output
    assert "3 invoices made final." in done.output
    assert len(bills(seller)) == 3
    assert "0 invoices" in run(bill.command).output


def test_bill_refuses_an_unknown_and_an_ambiguous_seller(seller: World) -> None:
    make_seller(name="Other")

    unknown = run(bill.command, "--seller", "Nobody")
    several = run(bill.command, "--until", "2025-03-10T09:00Z")

    assert unknown.exit_code == several.exit_code == 2
    assert "There is no seller “Nobody”" in unknown.output
    assert "Several sellers could be meant" in several.output
    assert show_id("seller", seller.id) in several.output


def test_verify_recomputes_every_invoice(seller: World) -> None:
    make_plan(seller, prices=[FEE])
    subscribe(seller, make_customer(seller))
    run_until(seller, "2025-03-15T00:00")

    assert "3 invoices verified, 0 of them differ." in run(verify.command, "--all").output
    assert "1 invoices verified" in run(verify.command, "ACME-000002").output


def test_verify_shows_the_first_step_that_differs(seller: World, databases: Any, database: str) -> None:
    import psycopg

    make_plan(seller, prices=[FEE])
    subscribe(seller, make_customer(seller))
    run_until(seller, "2025-01-15T00:00")
    with psycopg.connect(databases.server.owner_url_for(database)) as owner:
        owner.execute("ALTER TABLE billing_invoice_line DISABLE ROW LEVEL SECURITY")
        owner.execute("UPDATE billing_invoice_line SET tax_minor = tax_minor + 1")

    done = run(verify.command, "--all")

    assert done.exit_code == 1
    assert "ACME-000001: line 1: tax" in done.output
    assert "stored      581" in done.output
    assert "recomputed  580" in done.output


def test_verify_names_what_is_not_there_and_what_to_say(seller: World) -> None:
    missing, nothing, both = run(verify.command, "ACME-9"), run(verify.command), run(verify.command, "A", "--all")

    assert "There is no invoice ACME-9." in missing.output
    assert "Name the invoices to verify, or say --all." in nothing.output
    assert {missing.exit_code, nothing.exit_code, both.exit_code} == {2}


def test_migrate_gives_the_rights_that_a_killed_migration_did_not(database: str) -> None:
    from django.conf import settings
    from django.db import connections

    role = settings.CLEARBILL.app_role
    with connections["owner"].cursor() as cursor:
        cursor.execute(f'REVOKE ALL ON sellers_seller, scope_rate_count FROM "{role}"')
        cursor.execute(f'REVOKE ALL ON SEQUENCE scope_rate_count_id_seq FROM "{role}"')

        assert "The database is up to date." in run(migrate.command).output

        cursor.execute("SELECT has_table_privilege(%s, 'sellers_seller', 'UPDATE')", [role])
        assert cursor.fetchone() == (True,)
        cursor.execute("SELECT has_sequence_privilege(%s, 'scope_rate_count_id_seq', 'USAGE')", [role])
        assert cursor.fetchone() == (True,)


def test_migrate_has_nothing_to_do_the_second_time(database: str) -> None:
    assert "The database is up to date." in run(migrate.command).output


def test_check_says_what_development_lacks(database: str, databases: Any, settings: Any) -> None:
    settings.CLEARBILL = Configuration(database_url=databases.server.app_url_for(database))

    done = run(check.command)

    assert done.exit_code == 1
    assert "✗ production mode" in done.output
    assert "✓ row-level security on every table of sellers" in done.output
    assert "✓ migrations" in done.output


def test_check_finds_a_table_without_row_level_security(database: str, databases: Any, settings: Any) -> None:
    import psycopg

    settings.CLEARBILL = Configuration(database_url=databases.server.app_url_for(database))
    with psycopg.connect(databases.server.owner_url_for(database)) as owner:
        owner.execute("ALTER TABLE billing_invoice DISABLE ROW LEVEL SECURITY")

    assert "It's off for billing_invoice" in run(check.command).output


def test_a_production_configuration_lacks_nothing() -> None:
    complete = Configuration(
        environment="production",
        secret_key="s" * 40,
        public_url="https://billing.acme.test",
        allowed_hosts=("billing.acme.test",),
        smtp_host="smtp.acme.test",
        smtp_tls="starttls",
        mail_from="billing@acme.test",
    )

    assert [each.subject for each in check.findings_of_settings(complete) if each.missing] == []


def test_another_sellers_numbers_are_found_only_in_its_scope(seller: World) -> None:
    other = make_seller(name="Other")
    make_plan(other, prices=[FEE])
    subscribe(other, make_customer(other))
    run_until(other, "2025-01-15T00:00")

    done = run(verify.command, "ACME-000001", "--seller", show_id("seller", seller.id))

    assert done.exit_code == 2
    with in_scope(other):
        assert len(bills(other)) == 1


def test_an_owner_alone_never_leads_to_another_database(tmp_path: Path) -> None:
    done = clearbill("migrate", folder=tmp_path, CLEARBILL_OWNER_URL="postgresql://owner@127.0.0.1:1/clearbill")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Set both, or neither" in done.stderr
    assert list(tmp_path.iterdir()) == []
