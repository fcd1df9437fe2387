"""The customers of a scenario, as the documents that the engine takes."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext as _

from clearbill.cli.simulate.later import need_neutral, read_policies_here
from clearbill.cli.simulate.parse import Value, plain_data, read_choice, read_list, read_object, read_text, refusal_at
from clearbill.core.errors import Refusal
from clearbill.customers.documents import check_customer

Document = dict[str, object]

_TOLD = ("country", "region", "kind", "timezone", "locale", "currency", "net_terms_days")
_SANDBOX: Mapping[str, tuple[str, ...]] = {
    "tax_id_check": ("valid", "invalid", "unavailable"),
    "method": (
        "card",
        "card_declines",
        "card_expires",
        "bank_transfer",
        "bank_debit",
        "alipay",
        "wechatpay",
        "none",
    ),
}
_KEYS = ("id", *_TOLD, "tax_id", "tax_id_check", "parent", "policies", "method", "decline_code")
_RENAMED = {"external_id": "id", "tax_ids": "tax_id"}


def read_customers(value: Value | None, *, currency: str) -> dict[str, Document]:
    """Customers' documents by id, in their order; ``currency`` is the seller's."""
    customers: dict[str, Document] = {}
    for entry in [] if value is None else read_list(value):
        name = read_text(read_object(entry, known=_KEYS, required=("id",))["id"])
        if name in customers:
            raise entry.refused(_("each id once"), found=_("the customer “{id}” again").format(id=name))
        email = f"customer-{len(customers) + 1}@scenario.example"
        head: Document = {"external_id": name, "name": name, "email": email, "currency": currency}
        customers[name] = _checked({**head, **_document(entry)}, entry, required=("external_id", "name"))
    return customers


def read_changes(value: Value) -> Document:
    """What ``update_customer`` sets: a customer's keys but its id."""
    read_object(value, known=_KEYS[1:])
    return _checked(_document(value), value, required=())


def _document(value: Value) -> Document:
    members = read_object(value, known=_KEYS)
    need_neutral(members, "parent", neutral=())
    for name, choices in _SANDBOX.items():
        if name in members and not members[name].is_nothing:
            read_choice(members[name], choices)
    if "decline_code" in members and not members["decline_code"].is_nothing:
        read_text(members["decline_code"])
    document: Document = {
        name: plain_data(members[name]) for name in _TOLD if name in members and not members[name].is_nothing
    }
    if "tax_id" in members:
        document["tax_ids"] = [] if members["tax_id"].is_nothing else [read_text(members["tax_id"])]
    if "policies" in members:
        document["policies"] = read_policies_here(members["policies"])
    return document


def _checked(document: Document, value: Value, *, required: tuple[str, ...]) -> Document:
    try:
        return check_customer(document, required=required)
    except Refusal as refusal:
        raise refusal_at(value, refusal, renamed=_RENAMED) from None
