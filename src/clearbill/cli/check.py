"""``clearbill check``: what is missing for production, in one list. Looks only; changes nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import parseaddr
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from clearbill.cli.stops import Stopped

if TYPE_CHECKING:
    from clearbill.conf.config import Configuration

VERSIONS = range(15, 19)
SECRET_LENGTH = 40
DURABLE = ("fsync", "full_page_writes", "synchronous_commit")
RELAY_PORT = 25  # a real mail server on the same machine
LOOPBACK = ("127.0.0.1", "localhost", "::1")
# tables with a seller in them that row-level security doesn't scope
_UNSECURED = """
    SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace AND NOT c.relispartition
       AND a.attname = 'seller_id' AND NOT a.attisdropped AND NOT c.relrowsecurity
     ORDER BY c.relname
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that was looked at. ``missing`` says what to do; empty when it's as it should be."""

    subject: str
    missing: str = ""


@click.command("check")
def command() -> None:
    """Say what is missing for production; the exit code is 1 when something is."""
    from django.conf import settings
    from rich.console import Console

    console = Console()
    found = [*findings_of_settings(settings.CLEARBILL), *findings_of_database()]
    for each in found:
        mark = "[red]✗[/red]" if each.missing else "[green]✓[/green]"
        console.print(f"{mark} {each.subject}", highlight=False)
        if each.missing:
            console.print(f"    {each.missing}", style="dim", markup=False, highlight=False)
    missing = sum(bool(each.missing) for each in found)
    console.print(f"\n{missing} of {len(found)} are missing for production." if missing else "\nReady for production.")
    if missing:
        sys.exit(1)


def findings_of_settings(configuration: Configuration) -> Iterator[Finding]:
    """What the settings lack."""
    from clearbill.conf.config import DEVELOPMENT_SECRET

    def say(subject: str, *, good: bool, otherwise: str) -> Finding:
        return Finding(subject=subject, missing="" if good else otherwise)

    secret = configuration.secret_key
    public = urlsplit(configuration.public_url)
    hosts = configuration.allowed_hosts
    _, sender = parseaddr(configuration.mail_from)
    smtp_is_here = configuration.smtp_host in LOOPBACK
    yield say("production mode", good=configuration.is_production, otherwise="Set CLEARBILL_ENVIRONMENT to production.")
    yield say(
        "secret key",
        good=secret != DEVELOPMENT_SECRET and len(secret) >= SECRET_LENGTH,
        otherwise=f"Set CLEARBILL_SECRET_KEY to at least {SECRET_LENGTH} random characters, and keep it.",
    )
    yield say(
        "https",
        good=public.scheme == "https" and public.hostname not in LOOPBACK,
        otherwise="Set CLEARBILL_PUBLIC_URL to the https:// address that people use.",
    )
    yield say(
        "hosts",
        good="*" not in hosts and not any(host.startswith(".") for host in hosts),
        otherwise="CLEARBILL_ALLOWED_HOSTS must name each host; * and .domains let others' names in.",
    )
    yield say(
        "mail server",
        good=not smtp_is_here or configuration.smtp_port == RELAY_PORT,
        otherwise="Set CLEARBILL_SMTP_HOST, _PORT, _USER, _PASSWORD and _TLS; mail goes to the development box now.",
    )
    yield say(
        "encryption to the mail server",
        good=smtp_is_here or configuration.smtp_tls != "off",
        otherwise="Set CLEARBILL_SMTP_TLS to starttls or tls.",
    )
    yield say(
        "sender of mails",
        good=not sender.endswith((".example", "@localhost")),
        otherwise="Set CLEARBILL_MAIL_FROM to an address of your domain.",
    )


def findings_of_database() -> Iterator[Finding]:
    """What the database lacks; ``open_database`` has refused a role that isn't bound already."""
    from django.db import connections

    from clearbill.cli.database import role_problems
    from clearbill.cli.migrate import missing_migrations

    checks: dict[str, Callable[[], str]] = {
        "database role is bound by row-level security": lambda: "; ".join(role_problems()),
        "a role of its own owns the tables": lambda: (
            "" if "owner" in connections else "Set CLEARBILL_OWNER_URL, which `clearbill migrate` needs."
        ),
        "PostgreSQL 15 to 18": _version_problem,
        "no committed change can be lost": _durability_problem,
        "migrations": lambda: _migrations_problem(missing_migrations("default")),
        "row-level security on every table of sellers": _scope_problem,
    }
    for subject, check in checks.items():
        try:
            yield Finding(subject=subject, missing=check())
        except Stopped as problem:
            yield Finding(subject=subject, missing=problem.message)


def _version_problem() -> str:
    from django.db import connection

    major = connection.pg_version // 10_000
    return "" if major in VERSIONS else f"This is PostgreSQL {major}; use {VERSIONS[0]} to {VERSIONS[-1]}."


def _durability_problem() -> str:
    off = [name for name in DURABLE if _shown(name) not in ("on", "remote_write", "remote_apply", "local")]
    return f"{', '.join(off)} must be on: committed money could be lost." if off else ""


def _migrations_problem(missing: int) -> str:
    return f"{missing} are missing: run `clearbill migrate`." if missing else ""


def _scope_problem() -> str:
    from django.db import connection

    from clearbill.scope.tables import UNSCOPED

    with connection.cursor() as cursor:
        cursor.execute(_UNSECURED)
        open_tables = [name for (name,) in cursor.fetchall() if name not in UNSCOPED]
    return f"It's off for {', '.join(open_tables)}: restore it, or migrate anew." if open_tables else ""


def _shown(setting: str) -> str:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s)", [setting])
        return str(cursor.fetchone()[0])
