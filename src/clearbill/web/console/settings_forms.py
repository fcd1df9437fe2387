"""Forms of the settings page. What's allowed is checked by the sellers room; forms only turn text into its
fields.
"""

from __future__ import annotations

from typing import Any

from babel import Locale
from django import forms
from django.utils.translation import get_language, pgettext_lazy, to_locale
from django.utils.translation import gettext_lazy as _

from clearbill.sellers.profile import countries, timezones

POLICY_CHOICES = {
    "proration.unit": [
        ("day", _("by the day")),
        ("second", _("by the second")),
        ("fixed_30", _("every month has 30 days")),
        ("full", _("part periods cost the whole")),
        ("none", _("part periods cost nothing")),
    ],
    "rounding": [
        ("half_up", _("half away from zero (0.5 → 1)")),
        ("half_even", _("half to even (0.5 → 0, 1.5 → 2)")),
        ("down", _("always down")),
    ],
    "tax.rounding": [
        ("rate", _("once per tax rate")),
        ("invoice", _("once per invoice")),
        ("line", _("on every line")),
    ],
    "unused": [("credit", _("becomes a credit note")), ("keep", _("is kept"))],
    "termination_day": [("billed", _("is billed")), ("free", _("is free"))],
}
# a form's field for each policy: a dot can't stand in a field's name
_POLICY_FIELDS = {name.replace(".", "_"): name for name in POLICY_CHOICES} | {"grace_hours": "grace_hours"}


class ProfileForm(forms.Form):
    """Who the seller is, as invoices say it."""

    name = forms.CharField(label=_("Name"), max_length=200, help_text=_("As customers know you."))
    legal_name = forms.CharField(label=_("Legal name"), max_length=200)
    email = forms.EmailField(label=_("Mail address"), required=False, help_text=_("Shown on invoices."))
    address = forms.CharField(
        label=_("Address"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("Up to 8 lines."),
    )
    country = forms.ChoiceField(label=_("Country"))
    currency = forms.CharField(label=_("Currency"), max_length=3, help_text=_("Of prices that name none, such as EUR."))
    timezone = forms.ChoiceField(label=_("Time zone"), help_text=_("Its midnights begin and end billing periods."))
    locale = forms.ChoiceField(label=_("Language"), choices=[("en", "English"), ("zh-Hans", "简体中文")])
    tax_ids = forms.CharField(
        label=_("Tax numbers"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("One a line, such as “VAT: FR12345678901”."),
    )
    bank = forms.CharField(
        label=_("Bank details"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("One a line, such as “IBAN: FR76…”. Printed on invoices."),
    )

    def __init__(self, *args: Any, seller: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = Locale.parse(to_locale(get_language() or "en")).territories
        named = [(code, names.get(code, code)) for code in countries()]
        self.fields["country"].choices = sorted(named, key=lambda pair: str(pair[1]).casefold())
        self.fields["timezone"].choices = [(name, name) for name in sorted(timezones())]
        plain_fields = ("name", "legal_name", "email", "country", "currency", "timezone", "locale")
        self.initial = {name: getattr(seller, name) for name in plain_fields}
        self.initial["address"] = "\n".join(seller.address)
        for name in ("tax_ids", "bank"):
            self.initial[name] = "\n".join(f"{entry['label']}: {entry['value']}" for entry in getattr(seller, name))

    def clean_address(self) -> list[str]:
        return _lines(self.cleaned_data["address"])

    def clean_tax_ids(self) -> list[dict[str, str]]:
        return _labelled(self.cleaned_data["tax_ids"])

    def clean_bank(self) -> list[dict[str, str]]:
        return _labelled(self.cleaned_data["bank"])

    def profile(self) -> dict[str, Any]:
        """Fields for ``update_seller``."""
        return {**self.cleaned_data, "currency": self.cleaned_data["currency"].strip().upper()}


class BillingForm(forms.Form):
    """How bills are made and signed off."""

    number_prefix = forms.CharField(label=_("Prefix of numbers"), max_length=32)
    number_format = forms.CharField(
        label=_("Format of numbers"),
        max_length=120,
        help_text=_("Places: {prefix} {year} {month} {seq} {seq:06}."),
    )
    net_terms_days = forms.IntegerField(label=_("Days to pay"), min_value=0, max_value=365)
    tax_behavior = forms.ChoiceField(
        label=_("Prices are"),
        choices=[("exclusive", _("without tax")), ("inclusive", _("with tax included"))],
    )
    proration_unit = forms.ChoiceField(label=_("Part periods"), choices=POLICY_CHOICES["proration.unit"])
    rounding = forms.ChoiceField(label=_("Rounding of amounts"), choices=POLICY_CHOICES["rounding"])
    tax_rounding = forms.ChoiceField(label=_("Tax is rounded"), choices=POLICY_CHOICES["tax.rounding"])
    unused = forms.ChoiceField(label=_("What's paid ahead and not used"), choices=POLICY_CHOICES["unused"])
    termination_day = forms.ChoiceField(label=_("The day of a cancellation"), choices=POLICY_CHOICES["termination_day"])
    grace_hours = forms.IntegerField(
        label=_("Hours as a draft"),
        min_value=0,
        max_value=744,
        help_text=_("How long an invoice waits for late usage before it's issued."),
    )
    mfa_required = forms.BooleanField(label=_("Everybody on the team needs a second factor to sign in"), required=False)

    def __init__(self, *args: Any, seller: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._policies = seller.policies
        plain_fields = ("number_prefix", "number_format", "net_terms_days", "tax_behavior", "mfa_required")
        self.initial = {name: getattr(seller, name) for name in plain_fields}
        for field, policy in _POLICY_FIELDS.items():
            default = POLICY_CHOICES[policy][0][0] if policy in POLICY_CHOICES else 0
            self.initial[field] = seller.policies.get(policy, default)

    def profile(self) -> dict[str, Any]:
        """Fields for ``update_seller``; policies that the form doesn't show stay as they are."""
        chosen = {policy: self.cleaned_data[field] for field, policy in _POLICY_FIELDS.items()}
        fields = {name: value for name, value in self.cleaned_data.items() if name not in _POLICY_FIELDS}
        return {**fields, "policies": {**self._policies, **chosen}}


class TaxRateForm(forms.Form):
    """A rate that will hold; rates are added, never changed."""

    code = forms.CharField(label=_("Code"), max_length=64, help_text=_("Such as vat; prices name it."))
    label = forms.CharField(label=_("Name on the invoice"), max_length=120, required=False)
    rate = forms.CharField(label=_("Per cent"), max_length=12, help_text=_("Such as 20 or 5.5."))
    valid_from = forms.DateField(
        label=pgettext_lazy("day", "From"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("Empty: from now on."),
    )

    def __init__(self, *args: Any, seller: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _labelled(text: str) -> list[dict[str, str]]:
    entries = []
    for line in _lines(text):
        label, colon, value = line.partition(":")
        if not colon or not label.strip() or not value.strip():
            raise forms.ValidationError(_("Write each line as “name: number”."))
        entries.append({"label": label.strip(), "value": value.strip()})
    return entries
