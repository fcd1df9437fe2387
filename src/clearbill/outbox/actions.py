"""Record facts, and relay them: what a transaction made true wakes what the wiring says, never earlier, never not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from clearbill.outbox.models import Fact, Pending
from clearbill.scope.correlation import correlation_id
from clearbill.scope.ids import new_id
from clearbill.scope.seller import current_seller, seller_scope

RELAY_BATCH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class FactRecord:
    """A fact as the relay hands it on. ``data`` holds ids and numbers, no personal data."""

    id: UUID
    seller_id: UUID
    type: str
    version: int
    at: datetime
    data: Mapping[str, object]
    correlation_id: str


def record_facts(facts: Sequence[tuple[str, Mapping[str, object]]], *, at: datetime) -> list[UUID]:
    """Save ``(type, data)`` pairs in the running seller scope, and one row that says they're to be relayed."""
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
    Pending.objects.create(id=new_id(at), seller_id=seller_id, fact_ids=ids, at=at)
    return ids


def relay(deliver: Callable[[FactRecord], None], *, limit: int = RELAY_BATCH) -> int:
    """Hand up to ``limit`` pending rows' facts to ``deliver``, each row in one transaction. Returns rows passed on.

    ``deliver`` must only write to this database (defer jobs): it runs inside the transaction that forgets the row.
    """
    done = 0
    while done < limit:
        with transaction.atomic():
            row = Pending.objects.select_for_update(skip_locked=True).order_by("id").first()
            if row is None:
                break
            with seller_scope(row.seller_id):
                for fact in Fact.objects.filter(id__in=row.fact_ids).order_by("id"):
                    deliver(_record(fact))
            row.delete()
        done += 1
    return done


def _record(fact: Fact) -> FactRecord:
    return FactRecord(
        id=fact.id,
        seller_id=fact.seller_id,
        type=fact.type,
        version=fact.version,
        at=fact.at,
        data=json.loads(fact.data),
        correlation_id=fact.correlation_id,
    )
