"""Secrets at rest: sealed with a key made from the installation's own, so that a copied table gives nothing away.

Fernet (AES-128-CBC with HMAC-SHA-256); its key is derived from ``CLEARBILL_SECRET_KEY`` by HKDF (RFC 5869).
"""

from __future__ import annotations

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from clearbill.core.errors import Fault


def seal(text: str) -> bytes:
    """``text`` encrypted; another time it comes out differently."""
    return _fernet(settings.SECRET_KEY).encrypt(text.encode())


def unseal(sealed: bytes | memoryview) -> str:
    """What was sealed. Raises Fault when it was sealed with another key, or changed."""
    try:
        return _fernet(settings.SECRET_KEY).decrypt(bytes(sealed)).decode()
    except InvalidToken:
        raise Fault("a sealed secret can't be opened: was CLEARBILL_SECRET_KEY changed?") from None


@lru_cache(maxsize=2)
def _fernet(secret_key: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"clearbill sealed secrets").derive(
        secret_key.encode()
    )
    return Fernet(base64.urlsafe_b64encode(derived))
