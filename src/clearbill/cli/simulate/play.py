"""Playing a scenario: the world is made, then the timeline runs instant by instant in the real engine.

At one instant: first what falls due, then the verbs in file order, then one bill run. The engine's own ``tick`` does the
due work at its exact instants, so the clock is only moved where something falls due. Verbs that don't look at what falls
due at their instant come before its bill run, so that both are on one invoice; for the others it has been billed already.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

from clearbill.billing.actions.bill_run import next_due_at
from clearbill.billing.actions.tick import tick
from clearbill.billing.queries.subscriptions import parked_work
from clearbill.cli.simulate.engine import ACTOR, PLAYED, Player, send_usage
from clearbill.cli.simulate.scenario import Scenario
from clearbill.cli.simulate.verbs import Step, is_available
from clearbill.conf.wiring import LISTENERS
from clearbill.core.errors import Fault, Refusal
from clearbill.customers.actions import create_customer
from clearbill.outbox.actions import relay
from clearbill.outbox.queries import FactRecord
from clearbill.pricing.actions import create_meter, create_plan
from clearbill.scope.seller import seller_scope
from clearbill.sellers.actions import create_seller, set_tax_rates

NOT_AVAILABLE = "verb_not_available"
_INSTANT = timedelta(microseconds=1)
_AFTER_BILLING = frozenset({"cancel", "uncancel", "credit_note"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A verb that the engine refused; play went on."""

    at: datetime
    position: int
    verb: str
    code: str


@dataclass(slots=True, kw_only=True)
class Played:
    """A played world: where its rows are, and what was refused."""

    seller_id: UUID
    customers: dict[str, UUID]
    subscriptions: dict[str, UUID] = field(default_factory=dict)
    refusals: list[Refused] = field(default_factory=list)


def play(scenario: Scenario, *, progress: Callable[[float], None] = lambda part: None) -> Played:
    """Play ``scenario`` in Django's database, as a new seller there. ``progress`` hears of the part that's done, 0 to 1.

    What falls due exactly at the end isn't played. Raises Fault when the engine couldn't bill a subscription.
    """
    played = _world(scenario)
    player = Player(seller_id=played.seller_id, customers=played.customers, subscriptions=played.subscriptions)
    steps = [step for step in scenario.steps if step.at < scenario.until]
    begins, length = scenario.begins_at, scenario.until - scenario.begins_at
    waiting: list[Step] = []
    due: datetime | None = None
    for at, entries in groupby(steps, key=lambda step: step.at):
        group = list(entries)
        settled = _settled(group, at=at)
        if due is not None and settled is not None and due <= settled:
            _send(waiting, player, played)
            due = _run(played.seller_id, at=settled)
            progress((at - begins) / length)
        moved = False
        for step in group:
            if step.verb == "usage":
                waiting.append(step)
                continue
            _send(waiting, player, played)
            moved = _act(step, player, played) or moved
        if moved:
            due = next_due_at(played.seller_id)
    _send(waiting, player, played)
    if steps:
        _run(played.seller_id, at=scenario.until - _INSTANT)
    _wake_listeners()
    played.refusals.sort(key=lambda refused: (refused.at, refused.position))
    progress(1.0)
    return played


def _settled(group: Sequence[Step], *, at: datetime) -> datetime | None:
    """Up to when due work must be done before ``group`` is played; None when it doesn't matter.

    Usage that isn't late lies behind every window that has closed, so it may go in before them: due work is then done in
    few large runs.
    """
    if any(step.verb in _AFTER_BILLING for step in group):
        return at
    if any(is_available(step.verb) and not _on_time(step) for step in group):
        return at - _INSTANT
    return None


def _on_time(step: Step) -> bool:
    timestamp = step.params.get("timestamp")
    return step.verb == "usage" and (timestamp is None or timestamp >= step.at)  # type: ignore[operator]


def _world(scenario: Scenario) -> Played:
    at = scenario.begins_at
    seller = create_seller(**{"actor": ACTOR, "at": at, **scenario.seller})  # type: ignore[arg-type]
    set_tax_rates(seller.id, rates=scenario.taxes, actor=ACTOR, at=at)
    with seller_scope(seller.id):
        for meter in scenario.meters.values():
            create_meter(meter, at=at, actor=ACTOR)
        for plan in scenario.plans.values():
            create_plan(plan, at=at, actor=ACTOR)
        customers = {
            name: create_customer(document, at=at, actor=ACTOR).id for name, document in scenario.customers.items()
        }
    return Played(seller_id=seller.id, customers=customers)


def _act(step: Step, player: Player, played: Played) -> bool:
    """Play one verb; whether it was accepted."""
    if not is_available(step.verb):
        played.refusals.append(Refused(at=step.at, position=step.position, verb=step.verb, code=NOT_AVAILABLE))
        return False
    try:
        with seller_scope(played.seller_id):
            PLAYED[step.verb](player, step)
    except Refusal as refusal:
        played.refusals.append(Refused(at=step.at, position=step.position, verb=step.verb, code=refusal.code))
        return False
    return True


def _send(waiting: list[Step], player: Player, played: Played) -> None:
    """Send the usage that was gathered since the last due work."""
    if waiting:
        with seller_scope(played.seller_id):
            codes = send_usage(player, waiting)
        played.refusals += [
            Refused(at=step.at, position=step.position, verb=step.verb, code=code)
            for step, code in zip(waiting, codes, strict=True)
            if code
        ]
        waiting.clear()


def _wake_listeners() -> None:
    """Hand the recorded facts to those who listen, as the worker does: messages are written, and none is sent."""
    heard: list[FactRecord] = []
    while relay(heard.extend):
        for (seller_id, type_), facts in groupby(heard, key=lambda fact: (fact.seller_id, fact.type)):
            fact_ids = [str(fact.id) for fact in facts]
            for listener in LISTENERS.get(type_, ()):
                listener(seller_id=str(seller_id), fact_ids=fact_ids)  # type: ignore[operator]
        heard.clear()


def _run(seller_id: UUID, *, at: datetime) -> datetime | None:
    """Do what is due up to ``at``; when the next is due."""
    report = tick(seller_id, at=at)
    if report.parked:
        with seller_scope(seller_id):
            problems = "; ".join(f"{row.subscription.external_id}: {row.problem}" for row in parked_work())
        raise Fault(f"the bill run had to leave out {problems}")
    return next_due_at(seller_id)
