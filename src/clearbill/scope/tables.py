"""Which tables are scoped, which are not and why, and the SQL that secures them. Used by migrations and tests.

Every table is either secured here by row-level security or named in ``UNSCOPED`` with its reason; a test walks the
database's catalogue and finds any other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import migrations

UNSCOPED = {
    "sellers_seller": "the list of sellers: whose due work is looked for, and whose name a sign-in shows",
    "sellers_user": "staff sign in before a seller is chosen",
    "sellers_membership": "which sellers a signed-in person may enter",
    "sellers_invitation": "an invited person has no seller yet; looked up by the hash of the link",
    "sellers_api_key": "a request's seller is found by the hash of its key",
    "scope_rate_count": "counted by address before anybody is known",
    "scope_cache": "tries and used codes of sign-ins, before anybody is known; shared by all processes",
    "outbox_pending": "what the relay has to pass on, for all sellers; holds ids only",
    "django_session": "sign-in sessions",
    "django_migrations": "Django's own",
    "django_content_type": "Django's own",
    "django_site": "Django's own",
    "auth_permission": "Django's own, unused",
    "auth_group": "Django's own, unused",
    "auth_group_permissions": "Django's own, unused",
    "usersessions_usersession": "which browsers a person is signed in with",
    "account_emailaddress": "sign-in",
    "account_emailconfirmation": "sign-in",
    "mfa_authenticator": "second factor of a sign-in",
    "socialaccount_socialaccount": "sign-in through OpenID Connect",
    "socialaccount_socialapp": "sign-in through OpenID Connect",
    "socialaccount_socialapp_sites": "sign-in through OpenID Connect",
    "socialaccount_socialtoken": "sign-in through OpenID Connect",
    "procrastinate_jobs": "the queue: jobs hold ids only and open the scope themselves",
    "procrastinate_events": "the queue",
    "procrastinate_periodic_defers": "the queue",
    "procrastinate_workers": "the queue",
}

_SCOPE = "NULLIF(current_setting('clearbill.seller', true), '')::uuid"


def secure(table: str, *, append_only: bool = False, mutable: str = "SELECT, INSERT, UPDATE, DELETE") -> Any:
    """A migration operation: row-level security by ``seller_id`` and the application role's grants on ``table``."""
    grants = "SELECT, INSERT" if append_only else mutable
    return _operation(
        lambda role: [
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"CREATE POLICY seller_scope ON {table} USING (seller_id = {_SCOPE}) WITH CHECK (seller_id = {_SCOPE})",
            f'GRANT {grants} ON {table} TO "{role}"',
        ]
    )


def grant_unscoped(connection: Any, role: str) -> None:
    """Give the application role its rights on the tables named above; run by the owner after every migration.

    After each one, because libraries add tables of their own; a table that isn't named stays out of reach.
    """
    with connection.cursor() as cursor:
        for name, kind in _unscoped_there(cursor):
            if kind == "S":
                cursor.execute(f'GRANT USAGE, SELECT ON SEQUENCE "{name}" TO "{role}"')
            else:
                cursor.execute(f'GRANT {_rights(name)} ON "{name}" TO "{role}"')


def pin_search_paths(connection: Any) -> None:
    """Let SECURITY DEFINER functions look into temporary tables last; run by the owner after every migration.

    Unnamed, ``pg_temp`` comes first, and whoever calls them could put a table of its own before ours.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT format('ALTER FUNCTION %s SET search_path = %I, pg_temp', oid::regprocedure, current_schema())"
            " FROM pg_proc WHERE prosecdef AND pronamespace = current_schema()::regnamespace"
            " AND NOT COALESCE(proconfig::text ~ 'search_path=[^\"]*pg_temp', false)"
        )
        for (statement,) in cursor.fetchall():
            cursor.execute(statement)


def grants_missing(connection: Any, role: str) -> bool:
    """Whether the role lacks a right that :func:`grant_unscoped` gives: a migration was killed just before it."""
    with connection.cursor() as cursor:
        for name, kind in _unscoped_there(cursor):
            asked = "has_sequence_privilege" if kind == "S" else "has_table_privilege"
            for right in ("USAGE" if kind == "S" else _rights(name)).split(", "):
                cursor.execute(f"SELECT {asked}(%s, quote_ident(%s), %s)", [role, name, right])
                if not cursor.fetchone()[0]:
                    return True
    return False


def _unscoped_there(cursor: Any) -> list[tuple[str, str]]:
    """The unscoped tables that exist, and their sequences, by name and kind."""
    cursor.execute(
        "SELECT relname, relkind FROM pg_class"
        " WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'S')"
    )
    return [
        (name, kind)
        for name, kind in cursor.fetchall()
        if (name.startswith(tuple(UNSCOPED)) if kind == "S" else name in UNSCOPED)
    ]


def _rights(name: str) -> str:
    return "SELECT" if name == "django_migrations" else "SELECT, INSERT, UPDATE, DELETE"


def owner_functions(*signatures: str) -> Any:
    """A migration operation: SECURITY DEFINER functions that the application role, and nobody else, may call."""
    return _operation(
        lambda role: [
            statement
            for signature in signatures
            for statement in (
                f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC",
                f'GRANT EXECUTE ON FUNCTION {signature} TO "{role}"',
            )
        ]
    )


def _operation(statements: Callable[[str], list[str]]) -> Any:
    def forwards(_apps: Any, schema_editor: Any) -> None:
        for statement in statements(settings.CLEARBILL.app_role):
            # without params a literal % is left alone
            schema_editor.execute(statement, params=None)

    return migrations.RunPython(forwards, migrations.RunPython.noop, elidable=False)
