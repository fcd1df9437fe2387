"""Roles and what each may do, as plain data. Who is asked for what is the caller's part (``web`` demands a
permission).
"""

from __future__ import annotations

from clearbill.core.errors import Denied, Unacceptable

PERMISSIONS = (
    "view",
    "manage_catalogue",
    "manage_customers",
    "manage_subscriptions",
    "manage_invoices",
    "send_usage",
    "credit",
    "export",
    "view_audit",
    "manage_keys",
    "manage_team",
    "manage_settings",
    "manage_owners",
)

_OPERATING = frozenset({"view", "manage_catalogue", "manage_customers", "manage_subscriptions"})

ROLES: dict[str, frozenset[str]] = {
    "owner": frozenset(PERMISSIONS),
    "admin": frozenset(PERMISSIONS) - {"manage_owners"},
    "finance": _OPERATING | {"manage_invoices", "credit", "export", "view_audit"},
    "support": frozenset({"view", "manage_customers", "manage_subscriptions"}),
    "developer": _OPERATING | {"send_usage", "export", "manage_keys"},
    "viewer": frozenset({"view"}),
}


def permissions_of(role: str) -> frozenset[str]:
    """What ``role`` may do; nothing for a role that isn't known."""
    return ROLES.get(role, frozenset())


def allows(role: str, permission: str) -> bool:
    """Whether ``role`` may do what ``permission`` names."""
    return permission in permissions_of(role)


def may_grant(granter: str, role: str) -> bool:
    """Nobody hands out more than they have: ``role``'s permissions must all be among the granter's."""
    return role in ROLES and ROLES[role] <= permissions_of(granter)


def grantable(granter: str) -> list[str]:
    """The roles that ``granter`` may hand out, most powerful first."""
    return [role for role in ROLES if may_grant(granter, role)]


def demand(role: str, permission: str) -> None:
    """Refuse with Denied (``not_allowed``) unless ``role`` holds ``permission``."""
    if not allows(role, permission):
        raise Denied(
            "not_allowed",
            "Your role doesn't allow this. Ask an owner or an admin of this seller to do it, or for another role.",
            role=role,
            permission=permission,
        )


def demand_grant(granter: str, role: str) -> None:
    """Refuse an unknown role (``unknown_role``), and one above the granter's own (``role_above_own``)."""
    if role not in ROLES:
        raise Unacceptable(
            "unknown_role",
            "“{role}” is not a role. Roles are {known}.",
            field="role",
            role=role[:32],
            known=", ".join(ROLES),
        )
    if not may_grant(granter, role):
        raise Denied(
            "role_above_own",
            "You can't give or take a role that may do more than yours. Ask an owner of this seller.",
            field="role",
        )
