"""An API key and a small world for each test."""

from __future__ import annotations

from typing import Any

import pytest

from tests.worlds import api_client, full_world


@pytest.fixture
def api(seller: Any) -> Any:
    """A program with an owner's key."""
    return api_client(seller)


@pytest.fixture
def world(seller: Any) -> Any:
    """A seller with one of everything, tagged ``our``."""
    return full_world(seller, tag="our")
