"""What the rows of an import file mean: usage, customers, the catalogue, subscriptions.

Each kind prepares a batch of records (without writing, beside the batch before it), then stores it in the batch's
transaction. Rows answer with the receipts of usage intake: accepted, duplicate (changed nothing), refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from clearbill.billing.actions import usage, usage_wire
from clearbill.billing.actions.subscriptions import subscribe
from clearbill.billing.actions.usage import ACCEPTED, DUPLICATE, Receipt, ReceiptState
from clearbill.billing.actions.usage_event import IncomingEvent
from clearbill.billing.models import Subscription
from clearbill.cli.import_records import Record
from clearbill.cli.import_subscription import read_subscription
from clearbill.core.errors import Conflict, Malformed, NotFound, Refusal
from clearbill.customers.actions import PutState, put_customers
from clearbill.customers.queries import customer_ids_of
from clearbill.pricing.actions import put_meter, put_plan
from clearbill.scope.seller import seller_scope
from clearbill.web.api.body import parse_json

LIST_SEPARATOR = "|"
USAGE_COLUMNS = ("type", "customer", "timestamp", "key")
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a kind needs to know. ``columns`` are None for JSON lines; ``customers`` are references known so far."""

    seller_id: UUID
    at: datetime
    actor: str
    columns: tuple[str, ...] | None
    customers: dict[str, UUID]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How a kind's records are prepared and stored; ``required`` columns of CSV, None where only JSON lines will do."""

    required: tuple[str, ...] | None
    prepare: Callable[[Sequence[Record], Batch], object]
    store: Callable[[object, Batch], list[Receipt]]


def _prepare_usage(records: Sequence[Record], batch: Batch) -> usage.CheckedBatch:
    """In a scope of its own, since it runs beside the transaction of the batch before."""
    events = (
        [_json_event(record) for record in records] if batch.columns is None else _csv_events(records, batch.columns)
    )
    with seller_scope(batch.seller_id):
        return usage.check_batch(events, at=batch.at, customers=batch.customers)


def _json_event(record: Record) -> IncomingEvent | Refusal:
    return usage_wire.parse_event(record.fields) if isinstance(record.fields, bytes) else _refusal_of(record)


def _csv_events(records: Sequence[Record], columns: tuple[str, ...]) -> list[IncomingEvent | Refusal]:
    type_, customer, timestamp, key = (columns.index(name) for name in USAGE_COLUMNS)
    properties = [(index, name) for index, name in enumerate(columns) if name not in USAGE_COLUMNS]
    width = len(columns)
    events: list[IncomingEvent | Refusal] = []
    for record in records:
        row = record.fields
        if not isinstance(row, list) or len(row) != width:
            events.append(_refusal_of(record, width))
            continue
        events.append(
            IncomingEvent(
                type=row[type_],
                customer=row[customer],
                timestamp=row[timestamp],
                key=row[key],
                properties={name: row[index] for index, name in properties if row[index]},
            )
        )
    return events


def _store_usage(prepared: object, batch: Batch) -> list[Receipt]:
    assert isinstance(prepared, usage.CheckedBatch)
    return usage.store_batch(prepared, at=batch.at)


def _prepare_documents(records: Sequence[Record], batch: Batch) -> list[dict[str, object] | Refusal]:
    return [_document(record, batch.columns) for record in records]


def _document(record: Record, columns: tuple[str, ...] | None) -> dict[str, object] | Refusal:
    row = record.fields
    if isinstance(row, bytes):
        try:
            _decode(row)  # says where a line is broken; what the API takes is stricter
            found = parse_json(row)
        except Malformed as refusal:
            return refusal
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
            return Malformed("json_malformed", "This line is not JSON: {problem}", problem=str(problem)[:200])
        if not isinstance(found, dict):
            return Malformed("json_not_object", "Each line is one JSON object.")
        return found
    if not isinstance(row, list) or columns is None or len(row) != len(columns):
        return _refusal_of(record, len(columns or ()))
    return {name: value for name, value in zip(columns, row, strict=True) if value != ""}


def _store_customers(prepared: object, batch: Batch) -> list[Receipt]:
    assert isinstance(prepared, list)
    if batch.columns is not None:
        prepared = [row if isinstance(row, Refusal) else _customer_of_texts(row) for row in prepared]
    good = [row for row in prepared if not isinstance(row, Refusal)]
    answers = iter(put_customers(good, at=batch.at, actor=batch.actor))
    receipts = []
    for row in prepared:
        if isinstance(row, Refusal):
            receipts.append(_refused(row))
            continue
        answer = next(answers)
        if answer.refusal is not None:
            receipts.append(_refused(answer.refusal))
        else:
            receipts.append(DUPLICATE if answer.state is PutState.UNCHANGED else ACCEPTED)
    return receipts


def _customer_of_texts(row: Mapping[str, object]) -> dict[str, object]:
    """A customer's document of a CSV row: lists are separated by ``|``, the days to pay are a number."""
    document = dict(row)
    for name in ("address", "tax_ids"):
        if name in document:
            document[name] = [part.strip() for part in str(document[name]).split(LIST_SEPARATOR) if part.strip()]
    days = str(document.get("net_terms_days", ""))
    if days.isascii() and days.isdigit() and len(days) < 9:
        document["net_terms_days"] = int(days)
    return document


def _store_catalogue(prepared: object, batch: Batch) -> list[Receipt]:
    assert isinstance(prepared, list)
    return [_one(row, batch, _store_catalogue_row) for row in prepared]


def _store_catalogue_row(row: Mapping[str, object], batch: Batch) -> Receipt:
    if len(row) != 1 or next(iter(row)) not in ("meter", "plan", "subscription"):
        raise Malformed("catalogue_row", 'Each line is {"meter": {...}}, {"plan": {...}} or {"subscription": {...}}.')
    (what, document), *_none = row.items()
    if not isinstance(document, Mapping):
        raise Malformed("wrong_type", "“{name}” must be an object.", field=what, name=what)
    if what == "subscription":
        return _subscribe(document, batch)
    put = put_meter if what == "meter" else put_plan
    return ACCEPTED if put(document, at=batch.at, actor=batch.actor, backdated=True) else DUPLICATE


def _store_subscriptions(prepared: object, batch: Batch) -> list[Receipt]:
    assert isinstance(prepared, list)
    rows = [_unwrapped(row) for row in prepared]
    if batch.columns is not None:
        rows = [row if isinstance(row, Refusal) else _subscription_of_texts(row) for row in rows]
    return [_one(row, batch, _subscribe) for row in rows]


def _unwrapped(row: dict[str, object] | Refusal) -> dict[str, object] | Refusal:
    if not isinstance(row, Refusal) and set(row) == {"subscription"} and isinstance(row["subscription"], dict):
        return row["subscription"]
    return row


def _subscription_of_texts(row: Mapping[str, object]) -> dict[str, object]:
    """A subscription's document of a CSV row: ``quantity.seats`` is the quantity of the price ``seats``."""
    document = {name: value for name, value in row.items() if not name.startswith("quantity.")}
    quantities = {name.removeprefix("quantity."): value for name, value in row.items() if name.startswith("quantity.")}
    return {**document, "quantities": quantities} if quantities else document


def _subscribe(document: Mapping[str, object], batch: Batch) -> Receipt:
    """Start the subscription, unless one with its id is there; without an id it's named after customer and plan."""
    fields = read_subscription(document)
    if fields.customer not in batch.customers:
        batch.customers.update(customer_ids_of({fields.customer}))
    customer_id = batch.customers.get(fields.customer)
    if customer_id is None:
        raise NotFound(
            "customer_not_found", "There is no customer “{customer}”.", field="customer", customer=fields.customer[:128]
        )
    standing = Subscription.objects.select_related("plan_version__plan").filter(external_id=fields.external_id).first()
    if standing is None:
        subscribe(
            customer_id=customer_id,
            plan_code=fields.plan,
            anchor=fields.anchor,
            started_at=fields.starts_at,
            external_id=fields.external_id,
            quantities=fields.quantities,
            policies=fields.policies,
            at=batch.at,
            actor=batch.actor,
        )
        return ACCEPTED
    same = (standing.customer_id, standing.plan_version.plan.code) == (customer_id, fields.plan)
    if not same or fields.starts_at not in (None, standing.started_at):
        raise Conflict(
            "subscription_exists",
            "There is another subscription with the id “{id}” already.",
            field="id",
            id=fields.external_id,
        )
    return DUPLICATE


def _one(
    row: Mapping[str, object] | Refusal, batch: Batch, store: Callable[[Mapping[str, object], Batch], Receipt]
) -> Receipt:
    """One row in a savepoint of its own: a refused one leaves nothing behind."""
    if isinstance(row, Refusal):
        return _refused(row)
    try:
        with seller_scope(batch.seller_id):
            return store(row, batch)
    except Refusal as refusal:
        return _refused(refusal)


def _refused(refusal: Refusal) -> Receipt:
    return Receipt(state=ReceiptState.REFUSED, refusal=refusal)


def _refusal_of(record: Record, width: int = 0) -> Refusal:
    if isinstance(record.fields, Refusal):
        return record.fields
    return Malformed(
        "csv_columns",
        "Line {line} has {found} columns and the first line {expected}.",
        line=record.line,
        found=len(record.fields),
        expected=width,
    )


KINDS: Mapping[str, Kind] = {
    "customers": Kind(required=("external_id", "name"), prepare=_prepare_documents, store=_store_customers),
    "catalogue": Kind(required=None, prepare=_prepare_documents, store=_store_catalogue),
    "subscriptions": Kind(required=("customer", "plan"), prepare=_prepare_documents, store=_store_subscriptions),
    "usage": Kind(required=USAGE_COLUMNS, prepare=_prepare_usage, store=_store_usage),
}
