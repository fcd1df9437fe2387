"""Several workers on one run, some of them killed in the middle: nothing missing, nothing double, no number left out."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.worlds import bills, in_scope, make_customer, make_plan, subscribe

ROOT = Path(__file__).resolve().parents[2]
CUSTOMERS, PERIODS = 40, 6
WORKER = """
import sys
from datetime import datetime
from uuid import UUID
import django
django.setup()
from clearbill.billing.actions import bill_run
bill_run.BATCH_SUBSCRIPTIONS = 7
print("ready", flush=True)
sys.stdin.readline()
bill_run.run_due(UUID(sys.argv[1]), at=datetime.fromisoformat(sys.argv[2]))
"""


def start_worker(databases: Any, name: str, seller_id: Any, until: str) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "src"),
        "CLEARBILL_DATABASE_URL": databases.server.app_url_for(name),
    }
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(seller_id), until],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def go(worker: subprocess.Popen[str]) -> None:
    assert worker.stdin is not None
    assert worker.stdout is not None
    assert worker.stdout.readline() == "ready\n"
    worker.stdin.write("go\n")
    worker.stdin.flush()


def a_crowd(seller: Any) -> None:
    make_plan(seller, prices=[{"code": "fee", "model": "flat", "amount": "29.00", "bill": "in_advance"}])
    for number in range(CUSTOMERS):
        subscribe(seller, make_customer(seller, f"c{number:03}"))


def assert_whole(seller: Any) -> None:
    """Each customer once a period, numbers without gap in the order of the instants, books equal to the bills."""
    from clearbill.ledger.queries import balances

    found = bills(seller)
    assert Counter(each["customer"] for each in found) == {f"c{n:03}": PERIODS for n in range(CUSTOMERS)}
    assert sorted(each["number"] for each in found) == [f"ACME-{n + 1:06}" for n in range(CUSTOMERS * PERIODS)]
    with in_scope(seller):
        owed = balances()
    assert owed[("receivable", "EUR")] == CUSTOMERS * PERIODS * 3480
    assert sum(owed.values()) == 0


UNTIL = "2025-06-15T00:00:00+00:00"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_workers_killed_in_the_middle_leave_a_whole_run_behind(
    seller: Any, database: str, databases: Any, seed: int
) -> None:
    chance = random.Random(seed)
    a_crowd(seller)
    workers = [start_worker(databases, database, seller.id, UNTIL) for _ in range(3)]
    for worker in workers:
        go(worker)
    for worker in workers[:2]:
        time.sleep(chance.uniform(0.02, 0.3))
        worker.send_signal(signal.SIGKILL)
    for worker in workers:
        worker.wait(timeout=60)
    last = start_worker(databases, database, seller.id, UNTIL)
    go(last)
    assert last.wait(timeout=60) == 0

    assert_whole(seller)


def test_three_workers_share_a_run(seller: Any, database: str, databases: Any) -> None:
    a_crowd(seller)
    workers = [start_worker(databases, database, seller.id, UNTIL) for _ in range(3)]
    for worker in workers:
        go(worker)
    assert [worker.wait(timeout=60) for worker in workers] == [0, 0, 0]

    assert_whole(seller)
