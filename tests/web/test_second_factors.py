"""Second factors: what is stored of them lets nobody in, and it still works."""

from __future__ import annotations

from datetime import UTC, datetime

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

from clearbill.cli.create_owner import create_owner
from clearbill.sellers.models import User


def test_what_is_stored_of_a_second_factor_is_sealed_and_still_works(database: str) -> None:
    owner = create_owner(
        "olga@acme.example",
        seller_name="Acme",
        country="FR",
        currency="EUR",
        timezone="UTC",
        at=datetime(2026, 3, 1, tzinfo=UTC),
    )
    user = User.objects.get(id=owner.user_id)
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    codes = RecoveryCodes.activate(user).get_unused_codes()
    stored = {row.type: str(row.data) for row in Authenticator.objects.filter(user=user)}

    assert set(stored) == {"totp", "recovery_codes"}
    assert secret not in stored["totp"]
    assert not any(code in stored["recovery_codes"] for code in codes)
    kept = RecoveryCodes(Authenticator.objects.get(user=user, type="recovery_codes"))
    assert kept.validate_code(codes[0])
    assert not kept.validate_code(codes[0])
    assert not kept.validate_code("00000000")
    assert kept.get_unused_codes() == codes[1:]
