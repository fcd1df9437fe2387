"""The catalogue: make meters and plans, publish versions of plans. What is published never changes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from clearbill.core.errors import Conflict, Malformed, NotFound, Unacceptable
from clearbill.core.price import Price as PriceValue
from clearbill.core.price import parse_names, price_document
from clearbill.core.usage import meter_document, parse_meter
from clearbill.outbox.actions import record_facts
from clearbill.pricing.documents import Terms, canonical_json, parse_plan
from clearbill.pricing.models import Meter, Plan, PlanVersion, Price
from clearbill.scope.ids import new_id, show_id
from clearbill.scope.seller import current_seller
from clearbill.sellers.actions import record_audit
from clearbill.sellers.models import Seller, TaxRate


def create_meter(document: Mapping[str, object], *, at: datetime, actor: str) -> Meter:
    """A new meter; the same document again gives the one that's there.

    Raises what ``core.usage.parse_meter`` raises, and Conflict ``meter_exists`` when its code means something else.
    """
    return _put_meter(document, at=at, actor=actor)[0]


def put_meter(document: Mapping[str, object], *, at: datetime, actor: str, backdated: bool = False) -> bool:
    """``create_meter`` for imports: whether it was new. Meters have no date, so ``backdated`` means nothing here."""
    return _put_meter(document, at=at, actor=actor)[1]


def create_plan(document: Mapping[str, object], *, at: datetime, actor: str, backdated: bool = False) -> PlanVersion:
    """A new plan with its first version, in force from the document's ``valid_from``, else from ``at``.

    The same document again gives the version that's there. Only a test seller's or an imported (``backdated``) plan may
    begin in the past. Raises what ``parse_plan`` raises, Conflict ``plan_exists``, Unacceptable ``price_version_in_past``.
    """
    terms = _terms(document)
    plan = _locked_plan(terms.code)
    if plan is None:
        return _first_version(terms, at=at, actor=actor, backdated=backdated)
    same = _same_version(plan, terms)
    if same is None:
        raise Conflict(
            "plan_exists",
            "There is a plan “{code}” already; publish a new version of it instead.",
            field="code",
            code=terms.code,
        )
    return same


def publish_version(
    plan_code: str,
    document: Mapping[str, object],
    *,
    valid_from: datetime | None = None,
    at: datetime,
    actor: str,
) -> PlanVersion:
    """New terms of a plan from ``valid_from`` on (else the document's, else ``at``); the same terms make no version.

    Subscriptions that run keep theirs. Raises NotFound ``plan_not_found``, Unacceptable ``price_version_in_past`` and
    ``price_version_too_early`` (another version holds from then or later), and what ``parse_plan`` raises.
    """
    terms = _terms({"code": plan_code, **document})
    if terms.code != plan_code:
        raise Malformed("plan_code", "The document is of another plan, “{code}”.", field="code", code=terms.code)
    plan = _locked_plan(plan_code)
    if plan is None:
        raise NotFound("plan_not_found", "There is no plan “{code}”.", code=plan_code)
    same = _same_version(plan, terms)
    if same is not None:
        return same
    starts = valid_from or terms.valid_from or at
    if starts < at:
        raise _in_past(starts)
    return _add_version(plan, terms, valid_from=starts, at=at, actor=actor)


def put_plan(document: Mapping[str, object], *, at: datetime, actor: str, backdated: bool = False) -> bool:
    """Create the plan, or publish the document as its next version when the terms are new. Whether anything was made."""
    terms = _terms(document)
    plan = _locked_plan(terms.code)
    if plan is None:
        _first_version(terms, at=at, actor=actor, backdated=backdated)
        return True
    if _same_version(plan, terms) is not None:
        return False
    publish_version(terms.code, document, at=at, actor=actor)
    return True


def _put_meter(document: Mapping[str, object], *, at: datetime, actor: str) -> tuple[Meter, bool]:
    value = parse_meter(document)
    text = canonical_json(meter_document(value))
    name = parse_names(document.get("name"), at="meter.name")
    seller_id = current_seller()
    row = Meter(id=new_id(at), seller_id=seller_id, code=value.code, name=name, document=text, created_at=at)
    Meter.objects.bulk_create([row], ignore_conflicts=True)
    found = Meter.objects.get(seller_id=seller_id, code=value.code)
    if found.id == row.id:
        shown = show_id("meter", row.id)
        record_facts([("meter.created", {"meter": shown})], at=at)
        record_audit("meter.create", object_id=shown, data={"code": row.code}, actor=actor, at=at)
        return found, True
    if found.document != text:
        raise Conflict(
            "meter_exists",
            "The meter “{code}” is there already and counts something else. Bills rest on it, so it can't change: "
            "choose another code.",
            field="meter.code",
            code=value.code,
        )
    return found, False


def _terms(document: Mapping[str, object]) -> Terms:
    seller = Seller.objects.get(id=current_seller())
    meters = set(Meter.objects.filter(seller=seller).values_list("code", flat=True))
    terms = parse_plan(document, meters=meters, default_currency=seller.currency)
    named = {code for price in terms.prices for code in price.tax or ()}
    known = (
        set(TaxRate.objects.filter(seller=seller, code__in=named).values_list("code", flat=True)) if named else set()
    )
    if named - known:
        code = min(named - known)
        raise Unacceptable("unknown_tax", "There is no tax rate “{code}”; add it first.", field="prices", code=code)
    return terms


def _locked_plan(code: str) -> Plan | None:
    """The plan, with a lock that lets one version at a time be published."""
    return Plan.objects.select_for_update().filter(seller_id=current_seller(), code=code).first()


def _same_version(plan: Plan, terms: Terms) -> PlanVersion | None:
    """The version that says what ``terms`` say: the one of the same date, else the newest.

    Raises Unacceptable ``price_version_too_early`` when the one of the same date says something else.
    """
    versions = list(plan.versions.order_by("-number").prefetch_related("prices"))
    for version in versions:
        if version.valid_from == terms.valid_from and _fingerprint(version) != terms.fingerprint():
            raise _too_early(version.valid_from)
    candidates = [version for version in versions if version.valid_from == terms.valid_from] or versions[:1]
    return next((version for version in candidates if _fingerprint(version) == terms.fingerprint()), None)


def _fingerprint(version: PlanVersion) -> str:
    documents = ",".join(price.document for price in sorted(version.prices.all(), key=lambda price: price.position))
    head = canonical_json([version.currency, version.interval, version.interval_count, version.policies])
    return f"{head[:-1]},[{documents}]]"


def _first_version(terms: Terms, *, at: datetime, actor: str, backdated: bool) -> PlanVersion:
    seller = Seller.objects.get(id=current_seller())
    starts = terms.valid_from or at
    if starts < at and not (seller.is_test or backdated):
        raise _in_past(starts)
    plan = Plan(id=new_id(at), seller=seller, code=terms.code, name=dict(terms.name), created_at=at)
    Plan.objects.bulk_create([plan], ignore_conflicts=True)
    if not Plan.objects.filter(id=plan.id).exists():
        raise Conflict("plan_exists", "There is a plan “{code}” already.", field="code", code=terms.code)
    return _add_version(plan, terms, valid_from=starts, at=at, actor=actor)


def _add_version(plan: Plan, terms: Terms, *, valid_from: datetime, at: datetime, actor: str) -> PlanVersion:
    newest = plan.versions.order_by("-number").first()
    if newest is not None and newest.valid_from >= valid_from:
        raise _too_early(newest.valid_from)
    version = PlanVersion.objects.create(
        id=new_id(at),
        seller_id=plan.seller_id,
        plan=plan,
        number=1 if newest is None else newest.number + 1,
        valid_from=valid_from,
        currency=terms.currency,
        interval=terms.interval.value,
        interval_count=terms.interval_count,
        policies=dict(terms.policies),
        created_at=at,
    )
    meters = dict(Meter.objects.filter(seller_id=plan.seller_id).values_list("code", "id"))
    Price.objects.bulk_create(
        [_price_row(version, index, price, meters, at=at) for index, price in enumerate(terms.prices)]
    )
    shown = show_id("plan_version", version.id)
    record_facts([("plan.version_published", {"plan": show_id("plan", plan.id), "version": shown})], at=at)
    record_audit(
        "plan.publish", object_id=shown, data={"code": plan.code, "number": version.number}, actor=actor, at=at
    )
    return version


def _price_row(
    version: PlanVersion, position: int, price: PriceValue, meters: Mapping[str, UUID], *, at: datetime
) -> Price:
    return Price(
        id=new_id(at),
        seller_id=version.seller_id,
        version=version,
        position=position,
        code=price.code,
        meter_id=meters[price.meter] if price.meter is not None else None,
        document=canonical_json(price_document(price)),
    )


def _in_past(starts: datetime) -> Unacceptable:
    return Unacceptable(
        "price_version_in_past",
        "New terms can't hold from {valid_from}, which is past: bills were made without them. Choose a later instant.",
        field="valid_from",
        valid_from=starts.isoformat(),
    )


def _too_early(newest: datetime) -> Unacceptable:
    return Unacceptable(
        "price_version_too_early",
        "Another version of this plan holds from {valid_from}; new terms must begin after that.",
        field="valid_from",
        valid_from=newest.isoformat(),
    )
