"""The components, shells and tokens that every page is made of."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest
from django import forms
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.template import engines
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.urls import include, path
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

import clearbill.web
from clearbill.web.templatetags.bar_charts import HEIGHT, lay_out_bars, round_up_scale
from clearbill.web.templatetags.status_names import TONES

CONSOLE = [
    *("home", "customers", "subscriptions", "invoices", "credit_notes", "usage", "catalogue"),
    *("journal", "audit", "team", "developers", "settings"),
]


def _nothing(request):
    return HttpResponse()


def _addresses(names, extra=()):
    return [path("" if name in ("home", "overview") else f"{name}/", _nothing, name=name) for name in [*names, *extra]]


urlpatterns = [
    path("console/", include((_addresses(CONSOLE, ["switch_seller"]), "console"))),
    path("portal/", include((_addresses(["overview", "invoices", "usage", "sign_out"]), "portal"))),
    path("accounts/login/", _nothing, name="account_login"),
    path("accounts/logout/", _nothing, name="account_logout"),
    path("accounts/2fa/", _nothing, name="mfa_index"),
    path("language/", include("django.conf.urls.i18n")),
]
pytestmark = pytest.mark.urls(__name__)

WEB = Path(clearbill.web.__file__).parent
CSS = (WEB / "static/clearbill.css").read_text()
TEMPLATES = sorted((WEB / "templates").rglob("*.html"))
SELLER = SimpleNamespace(id=1, name="Harbour <Metrics>", is_test=True, brand="rose")


def draw(source, **context):
    with translation.override("en"):
        return engines["django"].from_string("{% load clearbill %}" + source).render(context)


def show(template, at="/console/", **context):
    request = RequestFactory().get(at)
    request.COOKIES["theme"] = context.pop("theme", "")
    with translation.override("en"):
        return render_to_string(template, {"request": request, **context})


# ── Status, charts ──


def test_a_known_status_has_its_word_and_tone_and_an_unknown_one_shows_itself():
    assert draw('{% status "overdue" %}') == '<span class="status tone-bad">Overdue</span>'
    assert draw('{% status "on_hold" %}') == '<span class="status tone-neutral">on hold</span>'
    assert (
        draw('{% status "open" label=label tone="warn" %}', label="<b>")
        == '<span class="status tone-warn">&lt;b&gt;</span>'
    )
    with pytest.raises(ValueError, match="tone"):
        draw('{% status "open" tone="pink" %}')


def test_a_chart_says_in_words_and_in_a_table_what_it_draws():
    html = draw('{% bar_chart points title="Flights" unit="flights" %}', points=[("Jan", 9893), ("<Feb>", 8243)])
    assert html.count('class="chart-bar"') == 2
    assert "Bar chart of Flights, Jan to &lt;Feb&gt;; the highest is 9,893 flights (Jan)." in html
    assert '<th scope="row">Jan</th><td class="num">9,893 flights</td>' in html
    assert "<Feb>" not in html


def test_a_chart_of_money_takes_minor_units_and_an_empty_one_says_so():
    assert "€98.93" in draw('{% bar_chart points title="Billed" currency="EUR" %}', points=[("Jan", 9893)])
    assert "No data for this time." in draw('{% bar_chart points title="Billed" %}', points=[])


@given(values=st.lists(st.decimals(0, 10**12, places=3), min_size=1, max_size=40))
def test_bars_stay_in_their_box_in_proportion_and_small_is_not_nothing(values):
    chart = lay_out_bars([("day", value) for value in values], title="t")
    top = round_up_scale(max(values))
    assert top >= max(values)
    for bar, value in zip(chart.bars, values, strict=True):
        assert bar.y + bar.height == HEIGHT
        assert (bar.height == 0) == (value == 0)
        assert bar.height == 0 or abs(bar.height - value * HEIGHT / top) <= 4


@pytest.mark.parametrize(
    ("highest", "top"),
    [("0", "2"), ("1", "1"), ("9893", "1E+4"), ("11500", "12000"), ("12001", "16000"), ("0.03", "0.03")],
)
def test_a_scale_ends_at_the_next_readable_number(highest, top):
    assert round_up_scale(Decimal(highest)) == Decimal(top)


@pytest.mark.parametrize(
    ("highest", "top"), [("1", "2"), ("3", "4"), ("5", "6"), ("8", "8"), ("11", "12"), ("29", "30")]
)
def test_the_scale_of_whole_things_has_a_whole_half(highest, top):
    assert round_up_scale(Decimal(highest), is_whole=True) == Decimal(top)


@pytest.mark.parametrize("label", ["Dec 31", "12月31日", "Feb 2013", "3"])
@pytest.mark.parametrize("count", [1, 5, 12, 30, 31, 100])
@pytest.mark.parametrize("narrow", [False, True])
def test_labels_have_room_on_wide_windows_and_on_phones(label, count, narrow):
    chart = lay_out_bars([(label, 1)] * count, title="t", narrow=narrow)
    shown = [bar for bar in chart.bars if bar.tick]
    on_phones = [bar for bar in shown if not bar.is_minor_tick]
    assert 1 <= len(shown) <= (8 if label in ("12月31日", "Feb 2013") else 12)
    assert 1 <= len(on_phones) <= 5
    assert count < 5 or len(on_phones) >= 3


@pytest.mark.parametrize("value", [-1, 1.5])
def test_a_bar_can_not_show_less_than_nothing_nor_an_inexact_number(value):
    with pytest.raises(ValueError, match=r"exact digits|less than nothing"):
        lay_out_bars([("Jan", value)], title="t")


# ── Forms, pages of a list ──


class Signup(forms.Form):
    email = forms.EmailField(help_text="Where bills go.")
    rounding = forms.ChoiceField(choices=[("a", "Up"), ("b", "Even")], widget=forms.RadioSelect)
    copy = forms.BooleanField(required=False)


def test_a_field_ties_its_label_help_and_error_to_its_input():
    html = show("components/fields.html", form=Signup({"email": "no"}))
    assert 'aria-describedby="id_email_helptext id_email_error"' in html
    assert 'aria-invalid="true"' in html
    assert '<ul class="field-errors" id="id_email_error"><li>Enter a valid email address.</li></ul>' in html
    assert '<label for="id_email">Email</label>' in html
    assert re.search(r'<fieldset class="field field-invalid"[^>]*><legend class="field-label">Rounding', html)
    assert re.search(r'<div class="field field-check">\s*<input type="checkbox"', html)
    assert "checked" not in html


def test_pages_of_a_list_keep_the_query():
    page = Paginator(range(120), 50).page(2)
    html = show("components/pagination.html", at="/console/?q=a%26b&page=2", page=page)
    assert "51–100 of 120" in html
    assert 'href="?q=a%26b&amp;page=3"' in html
    assert 'href="?q=a%26b&amp;page=1"' in html


# ── Shells ──


def test_the_console_offers_every_room_and_marks_the_one_shown():
    html = show(
        "console/base.html", at="/console/invoices/7/", seller=SELLER, user=SimpleNamespace(is_authenticated=True)
    )
    links = re.findall(r'<a href="(/console/[^"]*)"( aria-current="page")?><svg', html)
    assert {link for link, _mark in links} == {"/console/"} | {f"/console/{name}/" for name in CONSOLE[1:]}
    assert [link for link, mark in links if mark] == ["/console/invoices/"]
    assert "TEST" in html
    assert "Harbour &lt;Metrics&gt;" in html


def test_a_seller_is_switched_by_a_post_and_only_when_there_is_another():
    other = SimpleNamespace(id=2, name="Kestrel", is_test=False)
    assert 'action="/console/switch_seller/"' not in show("console/base.html", seller=SELLER, sellers=[SELLER])
    html = show("console/base.html", seller=SELLER, sellers=[SELLER, other])
    assert '<form class="menu-list" method="post" action="/console/switch_seller/">' in html
    assert '<button name="seller" value="2">' in html


@pytest.mark.parametrize(
    ("theme", "mark"), [("dark", ' data-theme="dark"'), ("light", ' data-theme="light"'), ('"><x', "")]
)
def test_the_theme_cookie_is_obeyed_when_it_is_one_of_ours(theme, mark):
    assert f'<html lang="en"{mark}>' in show("console/base.html", theme=theme)


def test_the_portal_wears_the_sellers_colour_and_offers_its_rooms():
    html = show("portal/base.html", at="/portal/usage/", seller=SELLER)
    assert '<body class="brand-rose"' in html
    assert '<a href="/portal/usage/" aria-current="page">Usage</a>' in html
    assert '<a href="/portal/">Overview</a>' in html
    assert "nothing here is really charged" in html


@pytest.mark.parametrize("shell", ["console/base.html", "portal/base.html"])
def test_the_shells_variables_do_not_shadow_those_of_a_page(shell):
    content = "{% block content %}<i>{{ invoices }} {{ usage }} {{ label }}</i>{% endblock %}"
    page = engines["django"].from_string(f'{{% extends "{shell}" %}}{content}')
    html = page.render({"invoices": "mine", "usage": "too", "label": "here", "seller": SELLER})
    assert "<i>mine too here</i>" in html


@pytest.mark.parametrize("page", ["404.html", "403.html", "429.html", "500.html", "errors/500.html"])
def test_a_fault_is_shown_even_with_nothing_to_go_by(page):
    assert "<h1>" in show(page)
    assert "<h1>" in render_to_string(page)


# ── The stylesheet ──


def test_every_icon_that_a_template_names_is_in_the_sprite():
    drawn = set(re.findall(r'<symbol id="([^"]+)"', (WEB / "static/icons.svg").read_text()))
    named = {
        name
        for template in TEMPLATES
        for pair in re.findall(r'{% icon "([^"]+)"|{% nav_item \w+ "([^"]+)"', template.read_text())
        for name in pair
        if name
    }
    assert named - drawn == set()


def test_every_token_used_is_defined():
    used = set(re.findall(r"var\((--[\w-]+)\)", CSS))
    defined = set(re.findall(r"(--[\w-]+):", CSS))
    assert used - defined == set()


def test_a_tone_is_set_after_the_neutral_one_it_replaces():
    neutral = CSS.index(".status, .badge, .banner { --tone: var(--neutral)")
    assert CSS.count("--tone: var(--neutral);") == 2
    assert all(CSS.index(f"\n.tone-{tone} {{") > neutral for tone in TONES)


def _tokens(block):
    return {
        name: (light, dark) for name, light, dark in re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", block)
    }


ROOT = _tokens(CSS[CSS.index(":root {") :].split("}", 1)[0])
BRANDS = {name: _tokens(block) for name, block in re.findall(r"^\.brand-(\w+) \{( --.*)\}$", CSS, re.MULTILINE)}
TEXT = [
    (ink, ground)
    for ink in ("ink", "ink-soft", "accent", "accent-hover", "bad")
    for ground in ("paper", "surface", "sunk", "hover")
]
TEXT += [(tone, f"{tone}-soft") for tone in ("good", "warn", "bad", "info", "neutral")]
TEXT += [("ink", f"{tone}-soft") for tone in ("good", "warn", "bad", "info", "accent")]
TEXT += [
    ("accent", "accent-soft"),
    ("accent-ink", "accent"),
    ("accent-ink", "accent-hover"),
    ("bad-ink", "bad"),
    ("bad-ink", "bad-hover"),
]
TEXT += [("ink-soft", "neutral-soft")]
EDGES = [("line-strong", ground) for ground in ("paper", "surface", "neutral-soft")]


def _luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one, other):
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("brand", ["", *BRANDS])
@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_and_edges_have_the_contrast_of_wcag_aa(theme, brand):
    tokens = ROOT | BRANDS.get(brand, {})
    weak = [
        (front, back, round(found, 2))
        for pairs, least in ((TEXT, 4.5), (EDGES, 3))
        for front, back in pairs
        if (found := _contrast(tokens[front][theme], tokens[back][theme])) < least
    ]
    assert weak == []


def test_there_are_six_brand_colours_besides_our_own():
    assert sorted(BRANDS) == ["blue", "green", "indigo", "orange", "rose", "slate"]
