"""The host and the club in one transaction, when asked."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_host_and_club_commit_together_or_not_at_all(make_host, kind):
    host = make_host("full", kind).prepare()

    assert "together or not at all" in host.script("check_joined")
