"""Staff sign-in, as far as it differs from the library's: nobody signs up, people come by invitation or from
the command line. Its pages are templates under ``account/`` and ``mfa/``.
"""

from __future__ import annotations

import logging
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from clearbill.scope.sealed import seal, unseal

log = logging.getLogger("clearbill.web")


class AccountAdapter(DefaultAccountAdapter):
    """Closed sign-up, lower-case addresses, mails without a site's prefix and with the public address in
    links.
    """

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def clean_email(self, email: str) -> str:
        return super().clean_email(email.strip().lower())

    def format_email_subject(self, subject: str) -> str:
        return str(subject)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """A mail server that fails shows in the log alone: an error page would tell whose addresses are known here."""
        try:
            super().send_mail(template_prefix, email, context)
        except OSError as problem:  # all that SMTP and its connection raise
            log.error("mail of a sign-in wasn't sent", extra={"template": template_prefix, "problem": str(problem)})

    def get_reset_password_from_key_url(self, key: str) -> str:
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"})
        return public_address(path.replace("UID-KEY", key))


class MfaAdapter(DefaultMFAAdapter):
    """Secrets of second factors are sealed: a copied table lets nobody in."""

    def encrypt(self, text: str) -> str:
        return seal(text).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text.encode())


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    """OpenID Connect opens existing accounts only: the address that the operator's own provider calls
    verified.
    """

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return False

    def can_authenticate_by_email(self, login: Any, email: str) -> bool:
        return True


def public_address(path: str) -> str:
    """The address of ``path`` as people outside reach it: for links in mails."""
    return settings.CLEARBILL.public_url.rstrip("/") + path
