"""What ``clearbill run`` shows on an empty database: the example's year of bills, and a sign-in for it."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console

from clearbill.cli.example import OWNER, PASSWORD, play
from clearbill.sellers.queries import user_id_of


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """An address and password of the demo, for this machine only."""

    email: str
    password: str
    shows: str


def load(*, console: Console) -> None:
    """Fill an empty database. Raises ``example.ExampleUnavailable`` when the flights can't be had."""
    play(console=console, with_pdfs=False)


def sign_ins() -> list[SignIn]:
    """The demo's sign-ins, when the demo is in this database."""
    if user_id_of(OWNER) is None:
        return []
    return [SignIn(email=OWNER, password=PASSWORD, shows="16 airlines, a year of bills")]
