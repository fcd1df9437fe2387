"""Sentences from data: the working of a line, in the language of the document.

Recomputing from the sentence gives the amount. A step that this version doesn't know is listed field by field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from clearbill.core.errors import fill
from clearbill.scope.local_formats import format_quantity, format_unit_price

Step = Mapping[str, str]


def django_language(language: str) -> str:
    """Django's code of a document's language: ``zh-Hans`` → ``zh-hans``."""
    return language.lower()


def sentences(working: Sequence[Step], *, language: str, currency: str) -> list[str]:
    """One sentence a step, in ``language`` (``en`` or ``zh-Hans``), with money formatted in ``currency``."""
    with override(django_language(language)):
        return [_sentence(step, currency) for step in working]


def reason_text(reason: str, *, language: str) -> str:
    """The reason of a credit note: our own codes in words, a person's words as they are."""
    with override(django_language(language)):
        return {"unused_time": _("Unused time after the end of the subscription")}.get(reason, reason)


def _sentence(step: Step, currency: str) -> str:
    word = _SENTENCES.get(step.get("step", ""))
    return _listed(step) if word is None else word(step, currency)


def _flat(step: Step, currency: str) -> str:
    return fill(_("Fixed price of {amount}"), {"amount": _money(step["amount"], currency)})


def _per_unit(step: Step, currency: str) -> str:
    return fill(_("{quantity} × {unit_amount} = {amount}"), _parts(step, currency))


def _tier(step: Step, currency: str) -> str:
    reached = Decimal(step["from"])
    if "up_to" not in step:
        span = _("Above {from}") if reached else _("All units")
    else:
        span = _("{first} to {up_to}") if reached else _("The first {up_to}")
    given = {
        **_parts(step, currency),
        "span": fill(span, {"from": format_quantity(step["from"]), "first": _after(reached), "up_to": _up_to(step)}),
    }
    if "flat_amount" in step:
        return fill(_("{span}: {quantity} × {unit_amount} + {flat_amount} = {amount}"), given)
    return fill(_("{span}: {quantity} × {unit_amount} = {amount}"), given)


def _volume(step: Step, currency: str) -> str:
    given = {**_parts(step, currency), "from": format_quantity(step["from"]), "up_to": _up_to(step)}
    where = _("price for quantities up to {up_to}") if "up_to" in step else _("price for quantities above {from}")
    sum_text = _("{quantity} × {unit_amount} = {amount}")
    if "flat_amount" in step:
        sum_text = _("{quantity} × {unit_amount} + {flat_amount} = {amount}")
    return fill(sum_text, given) + fill(_(" ({where})"), {"where": fill(where, given)})


def _package(step: Step, currency: str) -> str:
    given = {
        **_parts(step, currency),
        "size": format_quantity(step["size"]),
        "packages": format_quantity(step["packages"]),
        "price": _price(step["amount_per_package"], currency),
        "free": format_quantity(step.get("free_units", "0")),
    }
    count = int(Decimal(step["packages"]))
    start = _("{quantity} used, the first {free} are free: ") if "free_units" in step else _("{quantity} used: ")
    rest = ngettext(
        "{packages} package of {size} × {price} = {amount}", "{packages} packages of {size} × {price} = {amount}", count
    )
    return fill(start, given) + fill(rest, given)


def _minimum(step: Step, currency: str) -> str:
    return fill(_("Raised to the minimum of {amount}"), _parts(step, currency))


def _maximum(step: Step, currency: str) -> str:
    return fill(_("Limited to the maximum of {amount}"), _parts(step, currency))


def _proration(step: Step, currency: str) -> str:
    sentence = {
        "day": _("{used} of {whole} days: × {used}/{whole} = {amount}"),
        "fixed_30": _("{used} of {whole} days, each month with 30: × {used}/{whole} = {amount}"),
    }.get(step["unit"], _("Part of the period: × {used}/{whole} = {amount}"))
    return fill(
        sentence,
        {"used": step["used"], "whole": step["whole"], "amount": _price(step["amount"], currency)},
    )


def _round(step: Step, currency: str) -> str:
    mode = {
        "half_up": _("half a unit up"),
        "half_even": _("half a unit to the even one"),
        "down": _("down"),
    }.get(step["mode"], step["mode"])
    return fill(
        _("Rounded once ({mode}): {exact} → {amount}"),
        {"mode": mode, "exact": _price(step["exact"], currency), "amount": _money(step["amount"], currency)},
    )


def _earlier_groups(step: Step, currency: str) -> str:
    return fill(_("Less what earlier groups cost: {amount}"), _parts(step, currency))


_SENTENCES: Mapping[str, Callable[[Step, str], str]] = {
    "flat": _flat,
    "per_unit": _per_unit,
    "tier": _tier,
    "volume_tier": _volume,
    "package": _package,
    "minimum": _minimum,
    "maximum": _maximum,
    "proration": _proration,
    "round": _round,
    "earlier_groups": _earlier_groups,
}


def _listed(step: Step) -> str:
    return ", ".join(f"{name}: {value}" for name, value in step.items())


def _parts(step: Step, currency: str) -> dict[str, str]:
    found = {"amount": _price(step["amount"], currency)}
    if "quantity" in step:
        found["quantity"] = format_quantity(step["quantity"])
    for name in ("unit_amount", "flat_amount"):
        if name in step:
            found[name] = _price(step[name], currency)
    return found


def _up_to(step: Step) -> str:
    return format_quantity(step["up_to"]) if "up_to" in step else ""


def _after(reached: Decimal) -> str:
    """The first whole unit of a step; for steps at fractions, what it's above."""
    return format_quantity(reached + 1 if reached == reached.to_integral_value() else reached)


def _price(text: str, currency: str) -> str:
    return format_unit_price(text, currency)


def _money(text: str, currency: str) -> str:
    return format_unit_price(text, currency)
