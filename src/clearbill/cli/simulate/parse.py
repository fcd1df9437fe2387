"""YAML with places: values that know their line and column, and the readers that refuse what isn't expected.

What a scenario may say is in ``scenario``, ``catalogue`` and ``verbs``; here is only how a value is read and refused.
Scalars are read from their text, so no number ever passes through a float.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from django.utils.translation import gettext as _
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from clearbill.core.errors import Refusal, fill
from clearbill.core.money import parse_decimal

MAX_FILE_BYTES = 5_000_000
MAX_DEPTH = 20
_TAG = "tag:yaml.org,2002:"
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d{1,18}", re.ASCII)


class ScenarioError(Exception):
    """The one message about a file: where, what was found, what was expected instead."""

    def __init__(self, line: int, column: int, *, found: str, expected: str) -> None:
        super().__init__(line, column, found, expected)
        self.line, self.column, self.found, self.expected = line, column, found, expected

    def message(self, file: str) -> str:
        """The sentence for the person who wrote the file."""
        return _("{file}, line {line}, column {column}: found {found}; expected: {expected}").format(
            file=file, line=self.line, column=self.column, found=self.found, expected=self.expected
        )


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A value of the file, with its place."""

    node: Node

    @property
    def line(self) -> int:
        """Counted from 1."""
        return int(self.node.start_mark.line) + 1

    @property
    def column(self) -> int:
        """Counted from 1."""
        return int(self.node.start_mark.column) + 1

    @property
    def is_scalar(self) -> bool:
        """Neither a list nor an object."""
        return isinstance(self.node, ScalarNode)

    @property
    def is_nothing(self) -> bool:
        """``null``, or nothing at all."""
        return self._is("null")

    @property
    def is_number(self) -> bool:
        """A number without quotes."""
        return self._is("int") or self._is("float")

    @property
    def scalar(self) -> str:
        """The text of a scalar, as written."""
        return str(self.node.value)

    def described(self) -> str:
        """What stands there, for a message."""
        if isinstance(self.node, MappingNode):
            return _("an object")
        if isinstance(self.node, SequenceNode):
            return _("a list")
        if self.is_nothing:
            return _("nothing")
        text = self.scalar if len(self.scalar) <= 60 else f"{self.scalar[:60]}…"
        return _("the number {text}").format(text=text) if self.is_number else f"“{text}”"

    def refused(self, expected: str, *, found: str = "") -> ScenarioError:
        """An error at this place."""
        return ScenarioError(self.line, self.column, found=found or self.described(), expected=expected)

    def _is(self, kind: str) -> bool:
        return self.is_scalar and self.node.tag == _TAG + kind


def read_yaml(text: str) -> Value:
    """The file's one document. Raises ScenarioError for what isn't YAML."""
    try:
        node = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise ScenarioError(line, column, found=str(problem.problem or problem.context), expected=_("YAML")) from None
    except (YAMLError, ValueError) as problem:
        found = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        raise ScenarioError(1, 1, found=found, expected=_("YAML")) from None
    except RecursionError:
        raise ScenarioError(1, 1, found=_("lists or objects nested too deeply"), expected=_("a scenario")) from None
    if node is None:
        raise ScenarioError(1, 1, found=_("an empty file"), expected=_("a scenario"))
    return Value(node)


def read_object(value: Value, *, known: Collection[str], required: Collection[str] = ()) -> dict[str, Value]:
    """The members of an object. Unknown, repeated and missing keys are refused."""
    members: dict[str, Value] = {}
    for key, member in _pairs(value):
        name = key.scalar if key.is_scalar else ""
        if name not in known:
            raise key.refused(
                _("one of the keys {known}").format(known=", ".join(known)),
                found=_("the key “{name}”").format(name=name[:60]) if name else key.described(),
            )
        if name in members:
            raise key.refused(_("each key once"), found=_("the key “{name}” again").format(name=name))
        members[name] = member
    for name in required:
        if name not in members:
            raise _without(value, name)
    return members


def member_of(value: Value, name: str) -> Value:
    """The member that says which others an object may have. Refused when it's missing."""
    for key, member in _pairs(value):
        if key.is_scalar and key.scalar == name:
            return member
    raise _without(value, name)


def read_map(value: Value) -> dict[str, Value]:
    """The members of an object whose keys are the writer's own."""
    members: dict[str, Value] = {}
    for key, member in _pairs(value):
        name = read_text(key)
        if name in members:
            raise key.refused(_("each key once"), found=_("the key “{name}” again").format(name=name))
        members[name] = member
    return members


def read_list(value: Value) -> list[Value]:
    """The entries of a list; nothing is a list without entries."""
    if value.is_nothing:
        return []
    if not isinstance(value.node, SequenceNode):
        raise value.refused(_("a list"))
    return [Value(entry) for entry in value.node.value]


def read_text(value: Value) -> str:
    """A text; a whole number without quotes stands for its digits, since ids and keys often look so."""
    if value.is_scalar and (value._is("str") or value._is("int")) and value.scalar:
        return value.scalar
    raise value.refused(_("a text"))


def read_choice(value: Value, choices: Collection[str]) -> str:
    """One of some words."""
    if not value.is_scalar or value.scalar not in choices:
        raise value.refused(_("one of {choices}").format(choices=", ".join(choices)))
    return value.scalar


def read_truth(value: Value) -> bool:
    """``true`` or ``false``."""
    if not value._is("bool") or value.scalar.lower() not in ("true", "false"):
        raise value.refused(_("true or false"))
    return value.scalar.lower() == "true"


def read_whole(value: Value, *, least: int, most: int) -> int:
    """A whole number without quotes."""
    if value._is("int") and _WHOLE.fullmatch(value.scalar) and least <= int(value.scalar) <= most:
        return int(value.scalar)
    raise value.refused(_("a whole number from {least} to {most}").format(least=least, most=most))


def read_amount(value: Value, *, example: str = "10.00") -> str:
    """Money or a rate: the text of a decimal. Numbers without quotes are refused."""
    if value._is("str") and value.scalar:
        try:
            parse_decimal(value.scalar)
        except Refusal as refusal:
            raise value.refused(sentence_of(refusal)) from None
        return value.scalar
    raise value.refused(_("a decimal in quotes, such as “{example}”").format(example=example))


def read_quantity(value: Value) -> Decimal:
    """A quantity of zero or more: a whole number, or a decimal in quotes."""
    if value.is_scalar and (value._is("int") or value._is("str")):
        try:
            number = parse_decimal(value.scalar)
        except Refusal:
            number = Decimal(-1)
        if number >= 0:
            return number
    raise value.refused(_("a quantity of zero or more, such as 5 or “2.5”"))


def read_instant(value: Value) -> datetime:
    """An instant with its zone, in UTC."""
    text = value.scalar if value.is_scalar else ""
    example = _("an instant with its zone, such as 2025-01-31T23:59:59Z")
    if not _INSTANT.fullmatch(text):
        raise value.refused(example)
    try:
        instant = datetime.fromisoformat(text.upper())
        if instant.tzinfo is None:
            raise value.refused(example)
        return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        raise value.refused(example) from None


def read_instant_or_day(value: Value) -> str:
    """An instant or a bare day, as written."""
    text = value.scalar if value.is_scalar else ""
    if not _DAY.fullmatch(text):
        read_instant(value)
    return text


def read_property(value: Value) -> str | int | Decimal | bool | None:
    """A property of an event; a number with a point stays exact."""
    if value.is_nothing:
        return None
    if value._is("bool"):
        return read_truth(value)
    if value._is("int") and _WHOLE.fullmatch(value.scalar):
        return int(value.scalar)
    if value.is_number:
        try:
            return Decimal(value.scalar.replace("_", ""))
        except InvalidOperation:
            raise value.refused(_("a number, a text, true, false or nothing")) from None
    if value.is_scalar:
        return value.scalar
    raise value.refused(_("a number, a text, true, false or nothing"))


def plain_data(value: Value, *, depth: int = 0) -> object:
    """The value as the engine's documents have it: texts, whole numbers, Decimals, booleans, lists and objects."""
    if depth > MAX_DEPTH:
        raise value.refused(_("less nesting"))
    if isinstance(value.node, MappingNode):
        return {name: plain_data(member, depth=depth + 1) for name, member in read_map(value).items()}
    if isinstance(value.node, SequenceNode):
        return [plain_data(entry, depth=depth + 1) for entry in read_list(value)]
    return read_property(value)


def refusal_at(
    value: Value, refusal: Refusal, *, prefix: str = "", renamed: Mapping[str, str] | None = None
) -> Exception:
    """A refusal of the engine as an error at the place of its field, which is looked for inside ``value``."""
    path = refusal.field.removeprefix(prefix).lstrip(".")
    for theirs, ours in (renamed or {}).items():
        if path == theirs or path.startswith((f"{theirs}.", f"{theirs}[")):
            path = ours + path[len(theirs) :]
    spot = _spot(value, path)
    return spot.refused(sentence_of(refusal))


def sentence_of(refusal: Refusal) -> str:
    """A refusal in the reader's language."""
    return fill(_(refusal.message), refusal.params)


def _without(value: Value, name: str) -> ScenarioError:
    found = _("an object without “{name}”").format(name=name)
    return value.refused(_("the key “{name}”").format(name=name), found=found)


def _pairs(value: Value) -> list[tuple[Value, Value]]:
    if not isinstance(value.node, MappingNode):
        raise value.refused(_("an object of keys and values"))
    return [(Value(key), Value(member)) for key, member in value.node.value]


def _spot(value: Value, path: str) -> Value:
    """The value at ``prices[1].tiers[0].up_to``, as far as it goes; keys may have dots themselves."""
    while path:
        index = re.match(r"\[(\d+)\]\.?", path)
        if index and isinstance(value.node, SequenceNode) and int(index[1]) < len(value.node.value):
            value, path = Value(value.node.value[int(index[1])]), path[index.end() :]
            continue
        if not isinstance(value.node, MappingNode):
            return value
        members = [(key.scalar, member) for key, member in _pairs(value) if key.is_scalar]
        fitting = [(name, member) for name, member in members if re.match(rf"{re.escape(name)}(\.|\[|$)", path)]
        if not fitting:
            return value
        name, value = max(fitting, key=lambda pair: len(pair[0]))
        path = path[len(name) :].removeprefix(".")
    return value
