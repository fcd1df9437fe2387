"""Mail goes to the tests' post office."""

from __future__ import annotations

from tests.post_office import post_office

__all__ = ["post_office"]
