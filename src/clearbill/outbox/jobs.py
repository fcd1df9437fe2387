"""The relay as a job: pending facts become jobs of those who listen, in the transaction that forgets them.

Who listens to what stands in ``conf/wiring.py``. A listener is a task that takes ``seller_id`` and ``fact_ids``; it may be
called twice with the same facts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol
from uuid import UUID

from clearbill.core.errors import ClearbillError
from clearbill.outbox.actions import relay
from clearbill.outbox.queries import FactRecord, facts_by_ids
from clearbill.scope.correlation import correlated
from clearbill.scope.ids import show_id
from clearbill.scope.seller import seller_scope

log = logging.getLogger("clearbill.outbox")


class Listener(Protocol):
    """A task of the queue that can be deferred."""

    def defer(self, *, seller_id: str, fact_ids: list[str]) -> int:
        """Put it into the queue, in the running transaction."""


class UnheardFacts(ClearbillError):
    """Some facts of a batch couldn't be worked on; the others were."""


def relay_pending(listeners: Mapping[str, Sequence[Listener]]) -> int:
    """Pass pending facts on to ``listeners``, by the type of the fact; returns how many facts."""
    return relay(partial(_defer, listeners=listeners))


def hear(seller_id: str, fact_ids: Sequence[str], act: Callable[[FactRecord], object]) -> None:
    """Do ``act`` for each fact, in a transaction and under the correlation id of its own.

    One that fails doesn't keep the others. Raises UnheardFacts at the end, so that the queue tries again.
    """
    owner = UUID(seller_id)
    with seller_scope(owner):
        facts = facts_by_ids([UUID(each) for each in fact_ids])
    failed = []
    for fact in facts:
        with correlated(fact.correlation_id):
            try:
                with seller_scope(owner):
                    act(fact)
            except Exception:  # the queue tries all of them again, and what went well is known again by its key
                log.exception("fact not worked on", extra={"fact_id": show_id("fact", fact.id), "type": fact.type})
                failed.append(show_id("fact", fact.id))
    if failed:
        raise UnheardFacts(f"{len(failed)} of {len(facts)} facts, the first is {failed[0]}")


def _defer(facts: Sequence[FactRecord], *, listeners: Mapping[str, Sequence[Listener]]) -> None:
    by_type: dict[str, list[FactRecord]] = {}
    for fact in facts:
        by_type.setdefault(fact.type, []).append(fact)
    for type_, group in by_type.items():
        for listener in listeners.get(type_, ()):
            listener.defer(seller_id=str(group[0].seller_id), fact_ids=[str(fact.id) for fact in group])
