"""The one error tree of the product.

    ClearbillError
    ├── Refusal               somebody asked for something that can't be done; carries code, status, sentence
    │   ├── Malformed   422   the input can't be read: unknown field, wrong type, number where money is a string
    │   ├── Unacceptable 400  the input reads well, but breaks a rule of the field (overlapping tiers, unknown currency)
    │   ├── Unauthenticated 401
    │   ├── Denied      403   known, but not allowed
    │   ├── NotFound    404   not there, or another seller's: the two look alike on purpose
    │   ├── Conflict    409   the state doesn't allow it: same key with another body, a note above the rest
    │   ├── Gone        410   a link that has expired or was used
    │   ├── TooLarge    413
    │   └── Throttled   429
    └── Fault                 something of ours is wrong: a broken promise inside, never the caller's doing

A refusal's ``message`` is an English sentence with ``{named}`` places, and is a gettext msgid: ``web`` and ``mail``
translate it and fill in ``params``. Lists of problems (imports, reconciliation) are returned, not raised.
"""

from __future__ import annotations

from collections.abc import Mapping


class ClearbillError(Exception):
    """Root of everything that Clearbill raises on purpose."""


class Fault(ClearbillError):
    """An inner promise was broken. The message is for the log."""


class Refusal(ClearbillError):
    """A request that is refused, with what the caller needs to mend it.

    ``code`` is stable and part of the API; ``field`` names the offending input with dots and indexes
    (``prices[1].tiers[0].up_to``), empty when there's none; ``status`` is the HTTP status.
    """

    status = 400

    def __init__(self, code: str, message: str, /, *, field: str = "", **params: object) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.field = field
        self.params: Mapping[str, object] = {"field": field, **params}

    @property
    def sentence(self) -> str:
        """The English sentence with its places filled."""
        return fill(self.message, self.params)

    def __str__(self) -> str:
        return f"{self.code}: {self.sentence}"


def fill(message: str, params: Mapping[str, object]) -> str:
    """Put ``params`` into the ``{named}`` places of ``message``; texts of outsiders are never read as a format."""
    for name, value in params.items():
        message = message.replace("{" + name + "}", str(value))
    return message


class Malformed(Refusal):
    """The input can't be read."""

    status = 422


class Unacceptable(Refusal):
    """The input reads well, and breaks a rule."""

    status = 400


class Unauthenticated(Refusal):
    """Nobody is signed in, or the key is unknown."""

    status = 401


class Denied(Refusal):
    """Known, but not allowed."""

    status = 403


class NotFound(Refusal):
    """Not there; or another seller's, which must look the same."""

    status = 404


class Conflict(Refusal):
    """The present state doesn't allow it."""

    status = 409


class Gone(Refusal):
    """A link that has expired or was used."""

    status = 410


class TooLarge(Refusal):
    """More than a named limit allows."""

    status = 413


class Throttled(Refusal):
    """Too many requests; ``retry_after_s`` is among the params."""

    status = 429
