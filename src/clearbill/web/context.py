"""What every page knows: the seller that's worked for, others to change to, and what the person may do."""

from __future__ import annotations

from django.http import HttpRequest

from clearbill.sellers.roles import permissions_of


def surroundings(request: HttpRequest) -> dict[str, object]:
    """Context processor: ``seller``, ``sellers``, ``role``, ``can`` (a set of permissions).

    They're what the view's access check put on the request: None and empty outside of console and portal.
    """
    seller = getattr(request, "seller", None)
    role = getattr(request, "role", None)
    return {
        "seller": seller,
        "sellers": getattr(request, "sellers", []),
        "role": role,
        "can": permissions_of(role or ""),
    }
