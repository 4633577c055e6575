"""The page that tells how to set Stripe up lists every notification that the adapter understands."""

from __future__ import annotations

import re
from pathlib import Path

from qunclub.adapters.stripe_gateway import WEBHOOK_EVENTS

DOC = Path(__file__).parents[2] / "docs" / "money" / "stripe.md"


def test_every_event_is_listed_and_no_other():
    listed = re.findall(r"^\s*\| `([a-z_.]+)` \|", DOC.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(WEBHOOK_EVENTS)
