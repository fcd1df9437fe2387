"""``clearbill worker``: works the jobs of the queue, and a scheduler beside it that wakes them.

The scheduler reads the clock, relays pending facts, and defers a tick for each seller with something due. It holds no
business time: stopped and started, it finds what is due where it lies. Any number of workers may run.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time

import click

PAUSE_S = 1
PAUSE_AFTER_FAILURE_S = 5
RESCUE_EVERY_S = 10
TIDY_EVERY_S = 3600
MAX_TIDY_BATCHES = 100

log = logging.getLogger("clearbill.worker")


@click.command("worker")
@click.option("--with-parent", is_flag=True, hidden=True)
def command(with_parent: bool) -> None:
    """Work jobs until stopped: bill what falls due, send mail. Start as many as you like."""
    from clearbill.cli.children import end_with_parent
    from clearbill.conf.tasks import make_worker_app, worker_options

    if with_parent:
        end_with_parent()
    stop, failed = threading.Event(), threading.Event()
    scheduler = threading.Thread(target=_schedule, args=(stop, failed), name="scheduler")
    scheduler.start()
    try:
        make_worker_app().run_worker(**worker_options())
    finally:
        stop.set()
        scheduler.join()
    if failed.is_set():
        sys.exit(1)


def wake() -> int:
    """Pass on what waits and wake who has something due; returns how many facts and ticks."""
    from clearbill.billing.jobs import wake_sellers
    from clearbill.conf.wiring import LISTENERS
    from clearbill.outbox.jobs import relay_pending
    from clearbill.payments.jobs import wake_payments
    from clearbill.scope.clock import wall_clock
    from clearbill.scope.correlation import correlated

    with correlated() as correlation_id:
        woken = wake_sellers(wall_clock(), correlation_id=correlation_id)
        woken += wake_payments(wall_clock(), correlation_id=correlation_id)
        return relay_pending(LISTENERS) + woken


def _schedule(stop: threading.Event, failed: threading.Event) -> None:
    from django.db import InterfaceError, OperationalError, close_old_connections

    rescued_s = tidied_s = 0.0
    pause_s = 0
    while not stop.wait(pause_s):
        pause_s = PAUSE_S
        try:
            wake()
            if time.monotonic() - rescued_s >= RESCUE_EVERY_S:
                rescued_s = time.monotonic()
                _rescue()
            if time.monotonic() - tidied_s >= TIDY_EVERY_S:
                tidied_s = time.monotonic()
                tidy()
        except (OperationalError, InterfaceError) as problem:
            log.warning("database doesn't answer", extra={"problem": str(problem)})
            pause_s = PAUSE_AFTER_FAILURE_S
        except Exception:
            log.exception("scheduler failed")
            failed.set()
            os.kill(os.getpid(), signal.SIGTERM)  # without it nothing would be woken: end, and be started again
            return
        finally:
            close_old_connections()


def _rescue() -> None:
    from clearbill.conf.tasks import rescue_jobs

    rescue_jobs()


def tidy() -> None:
    """Once an hour: what has had its time, of the queue, of sign-ins and of counted requests."""
    from importlib import import_module

    from django.conf import settings

    from clearbill.conf.tasks import forget_old_jobs
    from clearbill.scope.clock import wall_clock
    from clearbill.scope.rates import forget_counts
    from clearbill.scope.shared_cache import forget_expired

    forget_old_jobs()
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    at = wall_clock()
    for forget in (forget_counts, forget_expired):
        for _ in range(MAX_TIDY_BATCHES):
            if not forget(at):
                break
