"""Verbs of the sellers room, one transaction each; every one but the counter and new users leaves an audit
row.
"""

from clearbill.sellers.actions.audit import record_audit
from clearbill.sellers.actions.invitations import (
    InvitationView,
    NewInvitation,
    accept_invitation,
    invite,
    read_invitation,
    withdraw_invitation,
)
from clearbill.sellers.actions.keys import NewKey, create_key, revoke_key
from clearbill.sellers.actions.numbers import next_numbers
from clearbill.sellers.actions.people import add_member, change_role, create_user, remove_member
from clearbill.sellers.actions.profile import create_seller, set_test_clock, update_seller
from clearbill.sellers.actions.taxes import set_tax_rates

__all__ = [
    "InvitationView",
    "NewInvitation",
    "NewKey",
    "accept_invitation",
    "add_member",
    "change_role",
    "create_key",
    "create_seller",
    "create_user",
    "invite",
    "next_numbers",
    "read_invitation",
    "record_audit",
    "remove_member",
    "revoke_key",
    "set_tax_rates",
    "set_test_clock",
    "update_seller",
    "withdraw_invitation",
]
