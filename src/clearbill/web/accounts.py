"""Staff sign-in, as far as it differs from the library's: nobody signs up, people come by invitation or from
the command line. Its pages are templates under ``account/`` and ``mfa/``.
"""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse


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

    def get_reset_password_from_key_url(self, key: str) -> str:
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"})
        return public_address(path.replace("UID-KEY", key))


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
