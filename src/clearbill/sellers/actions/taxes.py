"""Tax rates: dated rows that are added, never changed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from clearbill.core.errors import Conflict, Malformed, Unacceptable
from clearbill.core.money import parse_decimal, plain
from clearbill.scope.ids import new_id
from clearbill.scope.seller import seller_scope
from clearbill.sellers.actions.audit import record_audit
from clearbill.sellers.models import CODE_LENGTH, TaxRate
from clearbill.sellers.queries import tax_rates

MAX_RATES = 50
RATE_PLACES = 6
_CODE = re.compile(r"[a-z0-9][a-z0-9_.-]*")


def set_tax_rates(
    seller_id: UUID,
    *,
    rates: Sequence[Mapping[str, object]],
    actor: str,
    at: datetime,
    valid_from: datetime | None = None,
) -> int:
    """Let ``rates`` (``code``, ``label`` optional, ``rate`` in per cent as a string) hold from
    ``valid_from``, else ``at``.

    Codes that aren't named keep their rate; what holds already isn't written again. Returns how many rows
    were added.
    Raises Unacceptable ``tax_rate_past`` and those of a wrong rate; Conflict ``tax_rate_exists`` when
    another rate starts at that instant.
    """
    start = valid_from or at
    if start < at:
        raise Unacceptable(
            "tax_rate_past",
            "A tax rate can't start in the past: what was billed keeps its rate.",
            field="valid_from",
        )
    wanted = _checked(rates)
    with seller_scope(seller_id):
        present = {rate.code: (rate.label, rate.rate) for rate in tax_rates(start)}
        added = {
            code: (label or present.get(code, (code.upper(),))[0], rate)
            for code, (label, rate) in wanted.items()
            if code not in present or present[code] != (label or present[code][0], rate)
        }
        taken = TaxRate.objects.filter(seller_id=seller_id, valid_from=start, code__in=added).first()
        if taken is not None:
            raise Conflict(
                "tax_rate_exists",
                "The tax “{tax_code}” has a rate from that instant already. Choose a later one.",
                field="rates",
                tax_code=taken.code,
            )
        TaxRate.objects.bulk_create(
            TaxRate(id=new_id(at), seller_id=seller_id, code=code, label=label, rate=rate, valid_from=start)
            for code, (label, rate) in added.items()
        )
        if added:
            data = {code: plain(rate) for code, (_label, rate) in added.items()}
            record_audit("tax_rates.set", actor=actor, at=at, data={"rates": data, "valid_from": start.isoformat()})
    return len(added)


def _checked(rates: Sequence[Mapping[str, object]]) -> dict[str, tuple[str, Decimal]]:
    if len(rates) > MAX_RATES:
        raise Unacceptable("too_many_tax_rates", "At most {limit} tax rates.", field="rates", limit=MAX_RATES)
    wanted: dict[str, tuple[str, Decimal]] = {}
    for index, entry in enumerate(rates):
        field = f"rates[{index}]"
        if not {"code", "rate"} <= set(entry) <= {"code", "rate", "label"}:
            raise Malformed("tax_rate_shape", "A tax rate has code, rate and perhaps label.", field=field)
        code, label = entry["code"], entry.get("label", "")
        if not isinstance(code, str) or len(code) > CODE_LENGTH or not _CODE.fullmatch(code) or code in wanted:
            raise Unacceptable(
                "tax_code",
                "A tax code takes small letters, digits and - . _, and stands once in the list.",
                field=f"{field}.code",
            )
        if not isinstance(label, str) or len(label) > 120:
            raise Unacceptable(
                "text_length", "Write 1 to {limit} characters on one line.", field=f"{field}.label", limit=120
            )
        rate = parse_decimal(entry["rate"], field=f"{field}.rate", places=RATE_PLACES)
        if not 0 <= rate <= 100:
            raise Unacceptable("tax_rate_percent", "A tax rate is from 0 to 100 per cent.", field=f"{field}.rate")
        wanted[code] = (label.strip(), rate)
    return wanted
