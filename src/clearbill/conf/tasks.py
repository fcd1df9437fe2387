"""The queue's set-up: the worker that works its jobs, and the rescue of jobs whose worker died.

Jobs are deferred over Django's own connection, so that they belong to the running transaction; the worker fetches them
over connections of its own. Which tasks there are is known by importing the wiring.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from asgiref.sync import async_to_sync
from procrastinate.contrib.django import DjangoApp, app
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Status

from clearbill.conf.wiring import LISTENERS

CONCURRENCY = 4
POLLING_S = 2
STOP_LIMIT_S = 10
DEAD_AFTER_S = 30
MAX_ATTEMPTS = 5
KEPT = timedelta(days=30)

__all__ = ["LISTENERS", "forget_old_jobs", "make_worker_app", "rescue_jobs", "worker_options"]

log = logging.getLogger("clearbill.jobs")


def make_worker_app() -> DjangoApp:
    """An app with the same tasks whose connections suit a worker; the tasks themselves keep to Django's."""
    worker_app = DjangoApp(connector=app.connector.get_worker_connector())
    worker_app.tasks = app.tasks
    return worker_app


def worker_options() -> dict[str, object]:
    """How the worker runs: what succeeded is forgotten, what failed stays to be looked at."""
    return {
        "concurrency": CONCURRENCY,
        "delete_jobs": "successful",
        "fetch_job_polling_interval": POLLING_S,
        "shutdown_graceful_timeout": STOP_LIMIT_S,
        "stalled_worker_timeout": DEAD_AFTER_S,
    }


def rescue_jobs() -> int:
    """Give jobs of dead workers to the living; returns how many. One that took several workers with it is given up."""
    stalled = list(async_to_sync(app.job_manager.get_stalled_jobs)(seconds_since_heartbeat=DEAD_AFTER_S))
    for job in stalled:
        try:
            _rescue(job)
        except ConnectorException:
            log.info("job was rescued by another process", extra={"job_id": job.id})
    return len(stalled)


def forget_old_jobs() -> None:
    """Delete jobs that failed long ago."""
    hours = int(KEPT.total_seconds()) // 3600
    async_to_sync(app.job_manager.delete_old_jobs)(nb_hours=hours, include_failed=True, include_aborted=True)


def _rescue(job: Job) -> None:
    given_up = job.attempts >= MAX_ATTEMPTS
    log.warning("job of a dead worker", extra={"job_id": job.id, "task": job.task_name, "given_up": given_up})
    # a job that must be alone in the queue may have a successor there already: the scheduler defers it anew
    if given_up or job.queueing_lock:
        async_to_sync(app.job_manager.finish_job)(job=job, status=Status.FAILED, delete_job=not given_up)
    else:
        async_to_sync(app.job_manager.retry_job)(job=job)
