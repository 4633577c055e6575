"""A line with one group, somebody in it, a host and two admins."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.factories import Make


@pytest.fixture
def house(make: Make) -> SimpleNamespace:
    """``line``, ``group``, ``member`` with ``seat``, ``other`` with ``other_seat``, and the actors ``host``, ``admin``,
    ``second`` (another admin)."""
    made: SimpleNamespace = make.house()
    return made
