"""Forms of a customer and of a new subscription: text becomes fields, and their rooms check what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from babel import Locale
from django import forms
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext_lazy as _

from clearbill.core.errors import Refusal
from clearbill.core.price import parse_whole
from clearbill.sellers.profile import countries, timezones
from clearbill.web.errors import sentence_of
from clearbill.web.price_words import active_name

LANGUAGES = [("en", "English"), ("zh-Hans", "简体中文")]


class CustomerForm(forms.Form):
    """Who pays. ``external_id`` can't change once it's given."""

    name = forms.CharField(label=_("Name"), max_length=200, help_text=_("As invoices address them."))
    external_id = forms.CharField(
        label=_("Your own id for them"),
        max_length=128,
        help_text=_("Usage events name the customer by it. It never changes."),
    )
    email = forms.EmailField(
        label=_("Mail address"), required=False, help_text=_("Invoices go there, and it opens the portal.")
    )
    kind = forms.ChoiceField(label=_("Kind"), choices=[("business", _("Business")), ("consumer", _("Consumer"))])
    address = forms.CharField(
        label=_("Address"), required=False, widget=forms.Textarea(attrs={"rows": 4}), help_text=_("Up to 8 lines.")
    )
    country = forms.ChoiceField(label=_("Country"), required=False)
    region = forms.CharField(label=_("Region"), required=False, max_length=64, help_text=_("State or province."))
    tax_ids = forms.CharField(
        label=_("Tax numbers"), required=False, widget=forms.Textarea(attrs={"rows": 2}), help_text=_("One a line.")
    )
    currency = forms.CharField(label=_("Currency"), max_length=3, help_text=_("Such as EUR."))
    locale = forms.ChoiceField(label=_("Language of invoices"), choices=LANGUAGES)
    timezone = forms.ChoiceField(
        label=_("Time zone"), required=False, help_text=_("Its midnights begin and end their billing periods.")
    )
    net_terms_days = forms.IntegerField(
        label=_("Days to pay"), required=False, min_value=0, max_value=365, help_text=_("Empty: as for everybody.")
    )

    def __init__(self, *args: Any, seller: Any, customer: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = Locale.parse(to_locale(get_language() or "en")).territories
        named = sorted(
            ((code, str(names.get(code, code))) for code in countries()), key=lambda pair: pair[1].casefold()
        )
        self.fields["country"].choices = [("", "–"), *named]
        same = _("As the seller: {timezone}").replace("{timezone}", seller.timezone)
        self.fields["timezone"].choices = [("", same), *((name, name) for name in sorted(timezones()))]
        if customer is None:
            self.initial = {"currency": seller.currency, "locale": seller.locale, "country": seller.country}
            return
        del self.fields["external_id"]
        self.initial = {name: getattr(customer, name) for name in self.fields}
        self.initial["address"] = "\n".join(customer.address)
        self.initial["tax_ids"] = "\n".join(customer.tax_ids)

    def clean_address(self) -> list[str]:
        return _lines(self.cleaned_data["address"])

    def clean_tax_ids(self) -> list[str]:
        return _lines(self.cleaned_data["tax_ids"])

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).strip().upper()

    def document(self) -> dict[str, Any]:
        """What the customers room takes."""
        return dict(self.cleaned_data)


class SubscribeForm(forms.Form):
    """Which plan, and where its periods begin."""

    plan = forms.ChoiceField(label=_("Plan"))
    anchor = forms.ChoiceField(
        label=_("Periods begin"),
        choices=[
            ("anniversary", _("on the day it starts")),
            ("calendar", _("with the calendar, such as the 1st of a month")),
        ],
    )
    external_id = forms.CharField(label=_("Your own id for it"), required=False, max_length=128)

    def __init__(self, *args: Any, plans: list[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["plan"].choices = [(plan.code, active_name(plan.name, plan.code)) for plan in plans]


class QuantitiesForm(forms.Form):
    """How much of each price that takes a quantity; fields are named ``quantity_<code>``."""

    def __init__(self, *args: Any, quantities: Mapping[str, tuple[str, Decimal]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.codes = list(quantities)
        for code, (label, usual) in quantities.items():
            self.fields[f"quantity_{code}"] = forms.CharField(label=label, initial=usual, max_length=20)

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        self.quantities: dict[str, Decimal] = {}
        for code in self.codes:
            try:
                self.quantities[code] = parse_whole(str(data.get(f"quantity_{code}", "")).strip(), field=code)
            except Refusal as refusal:
                self.add_error(f"quantity_{code}", sentence_of(refusal))
        return data


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
