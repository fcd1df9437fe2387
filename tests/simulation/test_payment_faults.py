"""A process that charges forty customers, killed thirty times at random moments: nobody charged twice, nobody forgotten."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.worlds import bills, in_scope, make_customer, make_plan, run_until, subscribe

pytestmark = [pytest.mark.database, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]
CUSTOMERS, KILLS = 40, 30
CHARGER = """
import sys
from datetime import datetime, timedelta
from uuid import UUID
import django
django.setup()
from clearbill.billing.models import Invoice
from clearbill.payments.actions.checks import check_due
from clearbill.payments.actions.collecting import collect_invoice
from clearbill.scope.seller import seller_scope
seller, at = UUID(sys.argv[1]), datetime.fromisoformat(sys.argv[2])
with seller_scope(seller):
    rows = list(Invoice.objects.order_by("sequence").values_list("id", "customer_id"))
print("ready", flush=True)
check_due(seller, at=at, now=at + timedelta(days=1))
for invoice_id, customer_id in rows:
    collect_invoice(seller, invoice_id, customer_id=customer_id, at=at, now=at)
    print(".", end="", flush=True)
check_due(seller, at=at, now=at + timedelta(days=2))
"""


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Any]:
    """The sandbox as a server, with its state on disk."""
    from werkzeug.serving import make_server

    from clearbill.sandbox.server import Sandbox
    from clearbill.sandbox.store import Store
    from clearbill.scope.clock import wall_clock

    store = Store(tmp_path / "sandbox.sqlite3")
    application = Sandbox(store, url="http://127.0.0.1", clock=wall_clock)
    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield store, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(10)
    store.close()


def a_crowd(world: Any, url: str) -> None:
    """Customers with an open invoice and a stored card each; every fifth card is declined."""
    from clearbill.payments.actions.accounts import gateway_of, open_sandbox
    from clearbill.payments.models import GatewayAccount, PaymentMethod
    from clearbill.scope.ids import new_id

    make_plan(world, prices=[{"code": "fee", "model": "flat", "amount": "30.00", "bill": "in_advance"}])
    customers = [make_customer(world, f"c{number:03}") for number in range(CUSTOMERS)]
    for customer in customers:
        subscribe(world, customer)
    run_until(world, "2025-01-10T09:00")
    account_id = open_sandbox(world.id, base_url=url, at=world.at, actor="test")
    with in_scope(world):
        account = GatewayAccount.objects.get(id=account_id)
        gateway = gateway_of(account)
        for number, customer in enumerate(customers):
            declines_with = "insufficient_funds" if number % 5 == 0 else ""
            token = gateway.store_card(declines_with=declines_with, at=world.at).token
            own = {"id": new_id(world.at), "seller_id": world.id, "customer": customer, "account": account}
            PaymentMethod.objects.create(**own, kind="card", token=token, is_default=True, created_at=world.at)


def charger(world: Any, database_url: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "CLEARBILL_DATABASE_URL": database_url}
    command = [sys.executable, "-c", CHARGER, str(world.id), world.at.isoformat()]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


@pytest.mark.timeout(600)
def test_thirty_kills_charge_nobody_twice_and_forget_nobody(
    make_seller: Any, gateway: Any, database: str, databases: Any
) -> None:
    from clearbill.ledger.queries import balances
    from clearbill.payments.models import Movement, Payment

    store, url = gateway
    world, chance = make_seller(), random.Random(20250110)
    a_crowd(world, url)
    database_url = databases.server.app_url_for(database)
    for _ in range(KILLS):
        process = charger(world, database_url)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0, 0.15))
        process.kill()
        process.wait()
    for _ in range(2):
        assert charger(world, database_url).wait(timeout=120) == 0

    charged = store.all("SELECT data FROM charge WHERE state = 'succeeded'")
    paid = CUSTOMERS - CUSTOMERS // 5
    assert (len(charged), sum(row["amount"] for row in charged)) == (paid, paid * 3600)
    assert sorted(each["status"] for each in bills(world)) == ["open"] * (CUSTOMERS - paid) + ["paid"] * paid
    with in_scope(world):
        states = list(Payment.objects.values_list("state", flat=True))
        assert sorted(states) == ["requires_method"] * (CUSTOMERS - paid) + ["succeeded"] * paid
        assert Movement.objects.count() == paid
        assert balances()["clearing:sandbox", "EUR"] == paid * 3600
        assert balances()["receivable", "EUR"] == (CUSTOMERS - paid) * 3600
