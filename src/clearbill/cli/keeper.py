"""The embedded database as long as a command needs it: killed under its users, it's started again.

Whoever holds a connection loses it and connects anew: the socket's path stays the same.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from clearbill import localdb

LOOK_EVERY_S = 1.0
PAUSE_AFTER_FAILURE_S = 10.0

log = logging.getLogger("clearbill.database")


@contextmanager
def kept_running(server: localdb.Server, *, look_every_s: float = LOOK_EVERY_S) -> Iterator[None]:
    """Look after ``server`` in a thread of its own until the block ends."""
    stop = threading.Event()
    keeper = threading.Thread(target=_keep, args=(server, stop, look_every_s), name="database", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        stop.set()
        keeper.join()


def _keep(server: localdb.Server, stop: threading.Event, look_every_s: float) -> None:
    pause_s = look_every_s
    while not stop.wait(pause_s):
        pause_s = look_every_s
        try:
            if not server.is_running() and server.revive():
                log.warning("the embedded database had ended and was started again")
        except (localdb.LocalDatabaseError, OSError) as problem:
            log.error("the embedded database ended and doesn't start", extra={"problem": str(problem)})
            pause_s = PAUSE_AFTER_FAILURE_S
