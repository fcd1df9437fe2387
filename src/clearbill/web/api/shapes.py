"""What the wire looks like everywhere in the API: money, instants, ids, pages, problems.

A subject's own shapes stand with its endpoints. Requests refuse unknown fields and never turn one type into another.
Whole documents of the domain (a customer, a plan) are checked by the domain itself, and only described by shapes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from ninja import Body
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler, WithJsonSchema
from pydantic_core import PydanticCustomError

from clearbill.core.errors import Malformed, Refusal
from clearbill.core.money import Money as MoneyValue
from clearbill.core.money import parse_decimal, parse_money, plain, to_wire
from clearbill.scope.ids import read_id

MAX_PAGE = 100
REF = "#/components/schemas/{model}"
MAX_TEXT = 300
MAX_REFERENCE = 128
Item = TypeVar("Item")
Row = TypeVar("Row")


class Given(BaseModel):
    """A request's body."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Asked(BaseModel):
    """What stands behind the ``?`` of an address; others than these are refused."""

    model_config = ConfigDict(extra="forbid")


class Document(BaseModel):
    """A body that the domain checks by itself. See :func:`described_by`."""

    model_config = ConfigDict(extra="forbid")


def _may_grow(schema: dict[str, Any]) -> None:
    schema.pop("additionalProperties", None)


class Shown(BaseModel):
    """A part of an answer. We fill in exactly its fields; readers must bear new ones."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_may_grow)


def checked(check: Callable[[object], Any]) -> BeforeValidator:
    """A validator out of a function that refuses: the field's path is added by who collects the errors."""

    def validate(value: object) -> Any:
        try:
            return check(value)
        except Refusal as refusal:
            raise PydanticCustomError("refusal", "refused", {"refusal": refusal}) from None

    return BeforeValidator(validate)


def read_instant(value: object) -> datetime:
    """An instant of its RFC 3339 text, in UTC. Raises Malformed ``time_malformed`` and ``time_naive``."""
    try:
        instant = datetime.fromisoformat(value) if isinstance(value, str) and "T" in value.upper() else None
        found = None if instant is None or instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        instant = None
    if instant is None:
        raise Malformed(
            "time_malformed",
            "“{text}” is not an instant; write it like 2025-01-31T23:59:59Z.",
            text=str(value)[:40],
        )
    if found is None:
        raise Malformed(
            "time_naive",
            "“{text}” says no zone; end it with Z for UTC, or with an offset such as +02:00.",
            text=str(value)[:40],
        )
    return found


Instant = Annotated[
    datetime,
    checked(read_instant),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2025-01-31T23:59:59Z"]}),
]
Quantity = Annotated[
    Decimal,
    checked(parse_decimal),
    WithJsonSchema({"type": "string", "description": "A decimal as a string.", "examples": ["5"]}),
]
Policies = Annotated[
    dict[str, Any],
    WithJsonSchema(
        {
            "type": "object",
            "additionalProperties": {"type": ["string", "integer"]},
            "description": "Named billing policies, such as `grace_hours`.",
        }
    ),
]
Cursor = Annotated[
    str, Field(max_length=64, description="`next` of the page before. Left out: the first page.", examples=[None])
]
Limit = Annotated[int, Field(ge=1, le=MAX_PAGE, description="Rows on a page.")]
Reference = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_REFERENCE,
        description="A customer's id (`cus_…`), or your own name for them (`external_id`).",
        examples=["acme"],
    ),
]
InstantText = Annotated[
    str,
    Field(json_schema_extra={"format": "date-time"}, description="RFC 3339, UTC.", examples=["2025-01-10T09:00:00Z"]),
]
DecimalText = Annotated[str, Field(description="A decimal as a string.", examples=["0.015"])]


class Money(Shown):
    """An amount in major units with exactly its currency's digits."""

    amount: str = Field(examples=["10.00"], description="A decimal as a string; a number is refused.")
    currency: str = Field(examples=["EUR"], description="ISO 4217.")


class _Described:
    """Puts the JSON schema of ``shape`` in the place of what it annotates."""

    def __init__(self, shape: type[BaseModel]) -> None:
        self._shape = shape

    def __get_pydantic_json_schema__(self, _core_schema: object, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return handler(self._shape.__pydantic_core_schema__)  # type: ignore[arg-type]


MoneyGiven = Annotated[MoneyValue, checked(parse_money), _Described(Money)]


class Page(Shown, Generic[Item]):
    """A page of a list. Go on with `?cursor=` and the text in `next`; `next` is null on the last page."""

    data: list[Item]
    next: str | None = None


class Problem(Shown):
    """Why a request was refused (RFC 9457). `code` is stable; `detail` is for people, in the language they asked for."""

    type: str = Field(examples=["https://clearbill.example/problems/customer_not_found"])
    title: str = Field(examples=["customer not found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["There is no such customer."])
    code: str = Field(examples=["customer_not_found"])
    correlation_id: str = Field(description="Quote it when you ask for help; it's in our logs.")
    field: str | None = Field(None, description="The offending input: `prices[1].tiers[0].up_to`.")
    errors: list[FieldProblem] | None = Field(None, description="All offending inputs, when there are several.")


class FieldProblem(Shown):
    """One offending input of several."""

    field: str
    code: str
    detail: str


def described_by(shape: type[Document]) -> Any:
    """The type of a body that the domain checks by itself, and that the API's document describes by ``shape``."""
    return Annotated[dict[str, Any], _Described(shape), Body()]


def instant_text(at: datetime) -> str:
    """RFC 3339 in UTC, ending in Z."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def optional_instant_text(at: datetime | None) -> str | None:
    """The same, where there may be none."""
    return None if at is None else instant_text(at)


def money(minor: int, currency: str) -> Money:
    """An amount on the wire."""
    return Money.model_validate(to_wire(minor, currency))


def decimal_text(value: Decimal) -> str:
    """A decimal without exponent and without trailing zeros."""
    return plain(value)


def object_of(text: str) -> Any:
    """Stored JSON as values; its numbers stay exact."""
    return json.loads(text, parse_float=Decimal)


def page_of(
    rows: Sequence[Row], *, limit: int, show: Callable[[Row], Item], cursor: Callable[[Row], str]
) -> Page[Item]:
    """A page of ``rows``. A full page has a next one, which may turn out to be empty."""
    return Page(data=[show(row) for row in rows], next=cursor(rows[-1]) if rows and len(rows) == limit else None)


def whole_list(items: Iterable[Item]) -> Page[Item]:
    """A list that always fits one page."""
    return Page(data=list(items))


def read_cursor(kind: str, text: str | None) -> UUID | None:
    """The id in a cursor. Raises Malformed ``cursor_malformed``."""
    if not text:
        return None
    try:
        return read_id(kind, text)
    except Malformed:
        raise _cursor_malformed() from None


def read_number_cursor(text: str | None) -> int | None:
    """The number in a cursor. Raises Malformed ``cursor_malformed``."""
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise _cursor_malformed()
    return int(text)


def named_groups(keys: Sequence[str], group: Sequence[str]) -> Mapping[str, str]:
    """``{"origin": "JFK"}`` of a meter's group."""
    return dict(zip(keys, group, strict=False))


def _cursor_malformed() -> Malformed:
    return Malformed(
        "cursor_malformed", "This cursor isn't one of ours; take it from “next” of the page before.", field="cursor"
    )
