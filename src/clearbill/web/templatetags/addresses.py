"""Ids in addresses: ``{% load addresses %}{% url "console:invoice" row.id|shown:"invoice" %}``."""

from __future__ import annotations

from uuid import UUID

from django import template

from clearbill.scope.ids import show_id

register = template.Library()


@register.filter
def shown(value: UUID | None, kind: str) -> str:
    """The wire form of an id; nothing for none."""
    return "" if value is None else show_id(kind, value)
