"""The walls in the database itself, attacked with plain SQL as the application's role.

Row-level security can only be tested by a role that it binds: the first test makes sure of that.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from clearbill.core.errors import Fault
from clearbill.scope.ids import new_id, read_id
from clearbill.scope.seller import current_seller, seller_scope
from clearbill.scope.tables import UNSCOPED
from tests.worlds import START, FullWorld, full_world

APPEND_ONLY = {
    "billing_credit_note",
    "billing_credit_note_line",
    "billing_document_file",
    "billing_invoice",
    "billing_invoice_line",
    "billing_invoice_tax",
    "ledger_posting",
    "ledger_transaction",
    "outbox_fact",
    "payments_attempt",
    "payments_movement",
    "pricing_meter",
    "pricing_plan_version",
    "pricing_price",
    "scope_idempotency",
    "sellers_audit_entry",
    "sellers_tax_rate",
    "usage_event",
    "usage_key",
}
LOOK_BEYOND = {"usage_partition", "sellers_with_due_work", "sellers_with_payments_due"}
"""Functions that run with the owner's rights: each has an attack below."""


def rows(sql: str, *given: object) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, given or None)
        return cursor.fetchall() if cursor.description else []


def refused(sql: str, *given: object) -> bool:
    """Whether the database refuses a statement for want of rights, in a savepoint of its own."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, given or None)
    except DatabaseError as problem:
        return getattr(problem.__cause__, "sqlstate", "") == "42501"
    return False


def insert(table: str, seller: object) -> tuple[Any, ...]:
    """A row that lacks all but its seller: the wall refuses it before its emptiness does."""
    at = ", at" if table == "usage_event" else ""  # finds its partition by it
    return f"INSERT INTO {table} (seller_id{at}) VALUES (%s{', %s' if at else ''})", *(
        (seller, START) if at else (seller,)
    )


def tables() -> dict[str, bool]:
    """All tables of the schema that aren't partitions, and whether row-level security holds on them."""
    return dict(
        rows(
            "SELECT relname, relrowsecurity FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
            " AND relnamespace = current_schema()::regnamespace"
        )
    )


def scoped() -> list[str]:
    return sorted(name for name, is_secured in tables().items() if is_secured)


@pytest.fixture
def two(make_seller: Any) -> tuple[FullWorld, FullWorld]:
    """Two sellers, each with a row in every scoped table."""
    worlds = full_world(make_seller(name="Ours"), tag="our"), full_world(make_seller(name="Theirs"), tag="zzz")
    for each in worlds:
        _fill_the_rest(each)
    return worlds


def test_the_application_is_bound_by_the_walls(database: str) -> None:
    ((is_super, bypasses, creates_roles, creates_databases),) = rows(
        "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user"
    )
    assert not any((is_super, bypasses, creates_roles, creates_databases))
    owned = rows("SELECT relname FROM pg_class WHERE pg_has_role(current_user, relowner, 'MEMBER')")
    assert owned == []
    ((may_create,),) = rows("SELECT has_schema_privilege(current_schema(), 'CREATE')")
    assert not may_create
    assert (
        rows("SELECT 1 FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname = current_user") == []
    )


def test_every_table_is_behind_the_wall_or_named_as_open(database: str) -> None:
    found = tables()
    assert len(found) > 30
    open_tables = {name for name, is_secured in found.items() if not is_secured}
    assert open_tables <= set(UNSCOPED), open_tables - set(UNSCOPED)
    assert not {name for name, is_secured in found.items() if is_secured} & set(UNSCOPED)


def test_every_policy_asks_for_the_seller_when_reading_and_when_writing(database: str) -> None:
    policies = rows(
        "SELECT tablename, cmd, qual, with_check, roles::text FROM pg_policies WHERE schemaname = current_schema()"
    )
    assert {row[0] for row in policies} == set(scoped())
    assert len(policies) == len(scoped()), "a second policy would open what the first one closes"
    for table, command, reads, writes, roles in policies:
        assert command == "ALL", table
        assert roles == "{public}", table
        for condition in (reads, writes):
            assert "seller_id = " in condition, table
            assert "clearbill.seller" in condition, table
            assert " OR " not in condition, table


def test_partitions_are_reached_through_their_table_alone(two: tuple[FullWorld, FullWorld]) -> None:
    partitions = rows(
        "SELECT relname, relrowsecurity FROM pg_class WHERE relispartition AND relkind = 'r'"
        " AND relnamespace = current_schema()::regnamespace"
    )
    assert partitions
    for name, is_secured in partitions:
        assert is_secured or refused(f"SELECT 1 FROM {name}"), name


def test_without_a_scope_nothing_is_seen_and_nothing_taken(two: tuple[FullWorld, FullWorld]) -> None:
    seller = two[0].world.id
    for table in scoped():
        assert rows(f"SELECT 1 FROM {table} LIMIT 1") == [], table
        assert refused(*insert(table, seller)), table
    # a scope that is over leaves nothing behind on its connection
    with seller_scope(seller):
        assert rows("SELECT 1 FROM customers_customer") != []
    assert rows("SELECT 1 FROM customers_customer") == []
    with pytest.raises(Fault):
        current_seller()


def test_in_a_scope_only_its_own_rows_are_seen(two: tuple[FullWorld, FullWorld]) -> None:
    ours, theirs = (each.world.id for each in two)
    for table in scoped():
        with seller_scope(theirs):
            assert rows(f"SELECT DISTINCT seller_id FROM {table}") == [(theirs,)], f"{table} has no row to attack"
        with seller_scope(ours):
            assert rows(f"SELECT DISTINCT seller_id FROM {table}") == [(ours,)], table
            assert rows(f"SELECT 1 FROM {table} WHERE seller_id = %s LIMIT 1", theirs) == [], table


def test_in_a_scope_anothers_rows_are_neither_written_nor_changed(two: tuple[FullWorld, FullWorld]) -> None:
    ours, theirs = (each.world.id for each in two)
    with seller_scope(ours):
        for table in scoped():
            assert refused(*insert(table, theirs)), table
            assert not refused(*insert(table, ours)), f"the attack on {table} proves nothing"
            assert refused(f"UPDATE {table} SET seller_id = %s", theirs), table
            for statement in (f"UPDATE {table} SET seller_id = seller_id", f"DELETE FROM {table}"):
                aimed = f"{statement} WHERE seller_id = %s"
                assert refused(aimed, theirs) or _changed(aimed, theirs) == 0, aimed


def test_what_is_append_only_is_never_changed_or_deleted(two: tuple[FullWorld, FullWorld]) -> None:
    for table in sorted(APPEND_ONLY):
        rights = {
            right: rows("SELECT has_table_privilege(current_user, %s, %s)", table, right)[0][0]
            for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
        }
        assert {right for right, held in rights.items() if held} == {"SELECT", "INSERT"}, table
        ((any_column,),) = rows("SELECT has_any_column_privilege(current_user, %s, 'UPDATE')", table)
        assert not any_column, table
    with seller_scope(two[0].world.id):
        for table in sorted(APPEND_ONLY):
            assert refused(f"UPDATE {table} SET seller_id = seller_id"), table
            assert refused(f"DELETE FROM {table}"), table
            assert refused(f"TRUNCATE {table}"), table


def test_what_can_be_changed_is_named_too(database: str) -> None:
    sql = """
        SELECT has_any_column_privilege(current_user, %s, 'UPDATE') OR has_table_privilege(current_user, %s, 'DELETE')
    """
    changeable = {name for name in scoped() if rows(sql, name, name) == [(True,)]}
    assert changeable.isdisjoint(APPEND_ONLY)
    assert changeable | APPEND_ONLY == set(scoped())


def test_the_scope_can_only_be_one_sellers_at_a_time(two: tuple[FullWorld, FullWorld]) -> None:
    ours, theirs = (each.world.id for each in two)
    with seller_scope(ours):
        with pytest.raises(Fault), seller_scope(theirs):
            raise AssertionError("another seller's scope was opened inside")
        with seller_scope(ours):
            assert current_seller() == ours
        assert rows("SELECT DISTINCT seller_id FROM customers_customer") == [(ours,)]


def test_a_refusal_inside_leaves_nothing_of_the_scope_behind(two: tuple[FullWorld, FullWorld]) -> None:
    ours = two[0].world.id
    with transaction.atomic():
        with pytest.raises(ZeroDivisionError), seller_scope(ours):
            _ = 1 // 0
        assert rows("SELECT 1 FROM customers_customer") == []
        with seller_scope(ours):
            assert rows("SELECT 1 FROM customers_customer") != []
        assert rows("SELECT 1 FROM customers_customer") == []


@pytest.mark.parametrize(
    "seller", ["", "x", "'; DROP TABLE sellers_seller; --", "00000000-0000-0000-0000-000000000000"]
)
def test_a_scope_takes_ids_and_nothing_else(database: str, seller: str) -> None:
    if seller.count("-") == 4:
        with seller_scope(seller):  # type: ignore[arg-type]
            assert rows("SELECT 1 FROM customers_customer") == []
        return
    with pytest.raises(ValueError), seller_scope(seller):  # type: ignore[arg-type]
        raise AssertionError("the scope was opened")


def test_functions_with_the_owners_rights_are_few_and_named(database: str) -> None:
    found = rows(
        "SELECT proname, proconfig::text, has_function_privilege('public', oid, 'EXECUTE') FROM pg_proc"
        " WHERE prosecdef AND pronamespace = current_schema()::regnamespace"
    )
    assert {row[0] for row in found} == LOOK_BEYOND
    for name, settings, is_public in found:
        assert re.search(r'search_path=\w+, pg_temp"', settings or ""), f"{name}: {settings}"
        assert not is_public, name


def test_the_owners_functions_give_away_ids_and_dates_alone(two: tuple[FullWorld, FullWorld]) -> None:
    ours, theirs = (each.world.id for each in two)
    with seller_scope(ours):
        found = rows("SELECT * FROM sellers_with_due_work(now() + interval '5 years')")
        assert set(found) == {(ours,), (theirs,)}
        due = rows("SELECT * FROM sellers_with_payments_due(now() + interval '5 years')")
        assert set(due) == {(ours,), (theirs,)}
        assert rows("SELECT usage_partition('2031-05-01')::text") == [("",)]
        assert refused("SELECT 1 FROM usage_event_203105")
        with pytest.raises(Exception, match="out of range"), transaction.atomic():
            rows("SELECT usage_partition('1600-01-01')")


def _changed(sql: str, *given: object) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, given)
        return cursor.rowcount


def _fill_the_rest(world: FullWorld) -> None:
    """One row in each scoped table that the API alone leaves empty."""
    from clearbill.billing.models import ImportRun, Parked
    from clearbill.customers.links import make_sign_in_link
    from clearbill.mail.models import Message

    at = world.world.at
    own = {"seller_id": world.world.id, "id": new_id(at)}
    world.api.get(f"/invoices/{world.ids['invoice']}/pdf")
    world.api.post("/customers", {"external_id": "once", "name": "Once"}, idempotency_key="once")
    with seller_scope(world.world.id):
        make_sign_in_link(read_id("customer", world.ids["customer"]), at=at)
        subscription_id = read_id("subscription", world.ids["subscription"])
        Parked.objects.create(**own, subscription_id=subscription_id, due_at=at, code="x", problem="x", at=at)
        ImportRun.objects.create(**own, kind="usage", file_hash="0", file_name="a.csv", started_at=at)
        Message.objects.create(**own, kind="invoice", language="en", recipient="a@b.example", dedup_key="1", at=at)
        _pay(world, own)


def _pay(world: FullWorld, own: dict[str, Any]) -> None:
    """A gateway, a stored method, a try that ended well, a refund, an event."""
    from clearbill.payments import models

    at, payment_id = world.world.at, read_id("payment", world.ids["payment"])
    customer_id = read_id("customer", world.ids["customer"])
    account = models.GatewayAccount.objects.create(
        **own, gateway="sandbox", base_url="http://x", secret=b"x", webhook_secret=b"x", created_at=at
    )
    models.PaymentMethod.objects.create(
        **own, customer_id=customer_id, account=account, kind="card", token="t", created_at=at
    )
    common = {"amount_minor": 1, "currency": "EUR", "at": at}
    attempt = models.Attempt.objects.create(
        **own,
        **common,
        payment_id=payment_id,
        account=account,
        reference="r",
        kind="card",
        is_off_session=True,
        language="en",
        by="x",
    )
    models.AttemptState.objects.create(attempt=attempt, seller_id=own["seller_id"], state="pending", check_at=at, at=at)
    models.Movement.objects.create(**own, **common, payment_id=payment_id, kind="charge", cause=attempt.id)
    models.Refund.objects.create(
        **own, **common, payment_id=payment_id, attempt=attempt, reference="r", state="pending", check_at=at, by="x"
    )
    models.GatewayEvent.objects.create(**own, account=account, event_id="e", kind="charge", body="{}", received_at=at)
