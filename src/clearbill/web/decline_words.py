"""Why a payment didn't go through, in the payer's words. Nobody reads that a card was stolen: see ``core.decline``."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from clearbill.core.decline import shown_code

DECLINE_WORDS: dict[str, Promise] = {
    "insufficient_funds": _("There wasn't enough money on the account. Nothing was charged."),
    "do_not_honor": _("Your bank declined without a reason. Ask it, or pay another way."),
    "limit_exceeded": _("The card's limit is reached. Ask your bank, or pay another way."),
    "issuer_unavailable": _("Your bank didn't answer. Try again in a while."),
    "processing_error": _("Something went wrong at the bank. Try again in a while."),
    "try_again_later": _("The bank asks to try again later."),
    "too_many_tries": _("There were too many tries. Try again tomorrow, or pay another way."),
    "card_declined": _("Your bank declined the card. Ask it, or pay another way."),
    "authentication_required": _("Your bank wants you to confirm this payment yourself."),
    "authentication_failed": _("The payment wasn't confirmed at your bank. Nothing was charged."),
    "expired_card": _("The card has expired. Use another one."),
    "incorrect_cvc": _("The security code wasn't right. Look at it again."),
    "incorrect_postcode": _("The postcode isn't the one that your bank knows."),
    "currency_not_supported": _("The card can't pay in this currency. Pay another way."),
    "invalid_number": _("The bank doesn't know this card. Look at the number, or use another one."),
    "not_permitted": _("The bank doesn't allow this kind of payment. Pay another way."),
    "account_closed": _("The account is closed. Pay another way."),
    "authorization_revoked": _("The permission to charge this card was taken back. Pay another way."),
    "canceled_by_payer": _("You went back without paying. Nothing was charged."),
    "expired_session": _("The payment took too long and was ended. Nothing was charged."),
    "replaced": _("Another way to pay was chosen. Nothing was charged here."),
    "gateway_unreachable": _("The payment service can't be reached right now. Nothing was charged; try again soon."),
}


def decline_words(code: str) -> str:
    """The sentence for a code."""
    return str(DECLINE_WORDS[shown_code(code)])
