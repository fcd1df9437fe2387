"""The template tags and filters of Clearbill's pages: ``{% load clearbill %}``.

Pure: values in, text out, in the active language. The formatting itself is in ``local_formats``, the words of
statuses in ``status_names``, the geometry of charts in ``bar_charts``; markup is in templates/components.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import template
from django.forms import BoundField
from django.http import QueryDict
from django.template.base import NodeList, Parser, Token
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from clearbill.scope import local_formats

from . import bar_charts, status_names

register = template.Library()

for _name, _function in {
    "amount": local_formats.format_amount,
    "unit_price": local_formats.format_unit_price,
    "quantity": local_formats.format_quantity,
    "percent": local_formats.format_rate,
    "day": local_formats.format_day,
    "instant": local_formats.format_instant,
}.items():
    register.filter(_name, _function)
    register.simple_tag(_function, name=_name)

register.simple_tag(local_formats.format_period, name="period")


@register.simple_tag
def status(code: str, label: str = "", tone: str = "") -> SafeString:
    """A pill: ``{% status invoice.status %}``. ``label`` and ``tone`` override what ``status_names`` says."""
    name, usual_tone = status_names.name_status(str(code))
    chosen = tone or usual_tone
    if chosen not in status_names.TONES:
        raise ValueError(f"unknown tone {chosen!r}; one of {', '.join(status_names.TONES)}")
    return format_html('<span class="status tone-{}">{}</span>', chosen, label or name)


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """An icon of icons.svg; decoration unless it has a label."""
    target = f"{static('icons.svg')}#{name}"
    if label:
        return format_html('<svg class="icon" role="img" aria-label="{}"><use href="{}"/></svg>', label, target)
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}"/></svg>', target)


@register.inclusion_tag("components/bar_chart.html")
def bar_chart(
    points: Iterable[Any],
    title: str,
    unit: str = "",
    currency: str = "",
    limit: Any = None,
    hide_title: bool = False,
    narrow: bool = False,
) -> dict[str, Any]:
    """Inline SVG with a table of the same numbers beneath; ``hide_title`` when a heading already says it.

    A ``narrow`` chart stands beside others and has fewer labels.
    """
    chart = bar_charts.lay_out_bars(
        points, title=str(title), unit=str(unit), currency=currency, limit=limit, narrow=narrow
    )
    return {"chart": chart, "hide_title": hide_title}


@register.inclusion_tag("components/nav_item.html", takes_context=True)
def nav_item(
    context: template.Context, url: str, icon_name: str, label: str, count: int = 0, exact: bool = False
) -> dict[str, Any]:
    """A link of the shell, marked when the page shown is there. Without an address there is no link."""
    is_current = is_here(context, url, exact=exact)
    return {"url": url, "icon_name": icon_name, "label": label, "count": count, "is_current": is_current}


@register.simple_tag(takes_context=True)
def is_here(context: template.Context, url: str, exact: bool = False) -> bool:
    """Whether the page shown is the one at ``url`` or (unless ``exact``) lies below it."""
    path = getattr(context.get("request"), "path", "")
    return bool(url) and (path == url or (not exact and path.startswith(url.rstrip("/") + "/")))


@register.simple_tag(takes_context=True)
def query_with(context: template.Context, **changes: Any) -> str:
    """The query with keys set, or dropped when empty: ``{% query_with page=3 %}`` → ``?q=x&page=3``."""
    request = context.get("request")
    query = request.GET.copy() if request else QueryDict(mutable=True)
    for key, value in changes.items():
        query.pop(key, None)
        if value not in (None, ""):
            query[key] = str(value)
    return f"?{query.urlencode()}"


@register.filter
def widget_kind(field: BoundField) -> str:
    """The shape of a form field in field.html: ``checkbox``, ``choices`` (several inputs) or ``line``."""
    kind = getattr(field.field.widget, "input_type", "")
    if getattr(field.field.widget, "use_fieldset", False):
        return "choices"
    return "checkbox" if kind == "checkbox" else "line"


@register.filter
def banner_tone(level_tag: str) -> str:
    """The tone of one of Django's messages."""
    return {"success": "good", "warning": "warn", "error": "bad"}.get(level_tag, "info")


@register.tag
def capture(parser: Parser, token: Token) -> template.Node:
    """``{% capture name %}…{% endcapture %}``: the text inside as a variable, so that a block shows twice."""
    parts = token.split_contents()
    if len(parts) != 2:
        raise template.TemplateSyntaxError("capture takes one name: {% capture page_title %}")
    inside = parser.parse(("endcapture",))
    parser.delete_first_token()
    return _Capture(parts[1], inside)


class _Capture(template.Node):
    def __init__(self, name: str, nodelist: NodeList) -> None:
        self.name = name
        self.nodelist = nodelist

    def render(self, context: template.Context) -> str:
        context[self.name] = mark_safe(self.nodelist.render(context).strip())  # noqa: S308  rendered with escaping
        return ""


@register.filter
def country(code: str) -> str:
    """The name of a country in the active language; a code that CLDR doesn't know as it is."""
    return str(local_formats.active_locale().territories.get(code, code))


@register.filter
def pairs(value: Mapping[str, Any] | Iterable[Any]) -> list[Any]:
    """Label and value pairs of a mapping or of a list of pairs."""
    return list(value.items()) if isinstance(value, Mapping) else list(value)
