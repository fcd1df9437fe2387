"""Record facts, and relay them: what a transaction made true wakes what the wiring says, never earlier, never not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import accumulate
from uuid import UUID

from django.db import transaction

from clearbill.outbox.models import Fact, Pending
from clearbill.outbox.queries import FactRecord, facts_by_ids
from clearbill.scope.correlation import correlation_id
from clearbill.scope.ids import new_id
from clearbill.scope.seller import current_seller, seller_scope

BATCH_FACTS = 200
MAX_BATCHES = 50


def record_facts(facts: Sequence[tuple[str, Mapping[str, object]]], *, at: datetime) -> list[UUID]:
    """Save ``(type, data)`` pairs in the running seller scope, and rows that say they're to be relayed."""
    if not facts:
        return []
    seller_id = current_seller()
    rows = [
        Fact(
            id=new_id(at),
            seller_id=seller_id,
            type=type_,
            version=1,
            at=at,
            data=json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False),
            correlation_id=correlation_id(),
        )
        for type_, data in facts
    ]
    Fact.objects.bulk_create(rows)
    ids = [row.id for row in rows]
    parts = [ids[first : first + BATCH_FACTS] for first in range(0, len(ids), BATCH_FACTS)]
    Pending.objects.bulk_create(Pending(id=new_id(at), seller_id=seller_id, fact_ids=part, at=at) for part in parts)
    return ids


def relay(deliver: Callable[[Sequence[FactRecord]], None]) -> int:
    """Hand pending facts to ``deliver``, a batch of one seller in a transaction each. Returns facts passed on.

    ``deliver`` must only write to this database (defer jobs): it runs inside the transaction that forgets the batch.
    """
    done = 0
    for _ in range(MAX_BATCHES):
        passed_on = _relay_batch(deliver)
        if not passed_on:
            break
        done += passed_on
    return done


def _relay_batch(deliver: Callable[[Sequence[FactRecord]], None]) -> int:
    with transaction.atomic():
        free = Pending.objects.select_for_update(skip_locked=True).order_by("id")
        first = free.first()
        if first is None:
            return 0
        waiting = list(free.filter(seller_id=first.seller_id)[:BATCH_FACTS])
        bound = max(BATCH_FACTS, len(first.fact_ids))
        reached = accumulate(len(row.fact_ids) for row in waiting)
        rows = [row for row, facts_so_far in zip(waiting, reached, strict=True) if facts_so_far <= bound]
        with seller_scope(first.seller_id):
            facts = facts_by_ids([fact_id for row in rows for fact_id in row.fact_ids])
            deliver(facts)
        Pending.objects.filter(id__in=[row.id for row in rows]).delete()
    return len(facts)
