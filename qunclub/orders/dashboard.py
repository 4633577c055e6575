"""Where an admin looks at something in the gateway's own dashboard."""

from __future__ import annotations

from typing import Protocol
from urllib.parse import quote

STRIPE = "https://dashboard.stripe.com"


class Keys(Protocol):
    """What of the club's settings says where the dashboard is."""

    @property
    def sandbox(self) -> bool:
        """Whether payments go to the local sandbox."""

    @property
    def stripe_key(self) -> str:
        """The secret key; its beginning tells test from live."""


def address(settings: Keys, what: str, ref: str | None) -> str | None:
    """The page of *ref* (``subscriptions``, ``disputes``); None where there is no dashboard, as in the sandbox."""
    if ref is None or settings.sandbox:
        return None
    mode = "/test" if settings.stripe_key.startswith(("sk_test", "rk_test")) else ""
    return f"{STRIPE}{mode}/{what}/{quote(ref, safe='')}"
