"""Named policies: each rule that could reasonably go another way, with its default and its allowed values.

They're resolved seller → plan → customer → call, the later winning, and frozen into what used them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from clearbill.core.errors import Malformed, Unacceptable
from clearbill.core.money import RoundingMode
from clearbill.core.period import ProrationUnit
from clearbill.core.tax import TaxRounding


class Unused(StrEnum):
    """What becomes of the part paid in advance that an immediate end leaves unused."""

    CREDIT = "credit"
    KEEP = "keep"


CHOICES: Mapping[str, tuple[str, ...]] = {
    "proration.unit": tuple(ProrationUnit),
    "rounding": tuple(RoundingMode),
    "tax.rounding": tuple(TaxRounding),
    "termination_day": ("billed", "free"),
    "unused": tuple(Unused),
}
NUMBERS: Mapping[str, int] = {"grace_hours": 24 * 31}
DEFAULTS: Mapping[str, str | int] = {
    "proration.unit": "day",
    "rounding": "half_up",
    "tax.rounding": "rate",
    "termination_day": "billed",
    "unused": "credit",
    "grace_hours": 0,
}

OF_INVOICES = ("rounding", "tax.rounding", "grace_hours")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """Resolved policies."""

    unit: ProrationUnit
    rounding: RoundingMode
    tax_rounding: TaxRounding
    termination_day: str
    unused: Unused
    grace_hours: int


def check_policies(given: Mapping[str, object], *, field: str = "policies") -> dict[str, str | int]:
    """The same policies, checked. Refuses an unknown name (``unknown_policy``) and value (``policy_value``)."""
    checked: dict[str, str | int] = {}
    for name, value in given.items():
        if name in CHOICES:
            if value not in CHOICES[name]:
                raise Unacceptable(
                    "policy_value",
                    "The policy {name} can't be “{value}”; it is one of {allowed}.",
                    field=f"{field}.{name}",
                    name=name,
                    value=str(value)[:40],
                    allowed=", ".join(CHOICES[name]),
                )
            checked[name] = str(value)
        elif name in NUMBERS:
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= NUMBERS[name]:
                raise Unacceptable(
                    "policy_value",
                    "The policy {name} can't be “{value}”; it is one of {allowed}.",
                    field=f"{field}.{name}",
                    name=name,
                    value=str(value)[:40],
                    allowed=f"0–{NUMBERS[name]}",
                )
            checked[name] = value
        else:
            raise Malformed(
                "unknown_policy",
                "“{name}” is not a policy; known are {known}.",
                field=f"{field}.{name}",
                name=name[:64],
                known=", ".join(sorted(DEFAULTS)),
            )
    return checked


def resolve_policies(*layers: Mapping[str, object]) -> dict[str, str | int]:
    """All policies with a value: defaults, then each layer in turn."""
    resolved = dict(DEFAULTS)
    for layer in layers:
        resolved.update(check_policies(layer))
    return resolved


def invoice_policies(frozen: Mapping[str, object]) -> dict[str, object]:
    """Those of ``frozen`` that shape an invoice as a whole; the others shape a subscription's lines, each its own."""
    found = resolve_policies(frozen)
    return {name: found[name] for name in OF_INVOICES}


def read_policies(frozen: Mapping[str, object]) -> Policies:
    """Typed policies of a frozen dictionary."""
    found = resolve_policies(frozen)
    return Policies(
        unit=ProrationUnit(str(found["proration.unit"])),
        rounding=RoundingMode(str(found["rounding"])),
        tax_rounding=TaxRounding(str(found["tax.rounding"])),
        termination_day=str(found["termination_day"]),
        unused=Unused(str(found["unused"])),
        grace_hours=int(found["grace_hours"]),
    )
