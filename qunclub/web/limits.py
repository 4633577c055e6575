"""Rate limits for the few doors that strangers knock on: sign-in, sign-up, checkout, ticket check.

The counters live in memory, or in Redis/Valkey when several processes share the work (``QUNCLUB_REDIS_URL``).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import request
from limits import parse
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter

from qunclub.kernel import ClubError

from .i18n import N_
from .state import club

F = TypeVar("F", bound=Callable[..., Any])


class TooMany(ClubError):
    """Too many tries in a short time."""

    status = 429


def make_limiter(redis_url: str) -> MovingWindowRateLimiter:
    """A limiter with its own store, so that two apps in one process do not share counters."""
    return MovingWindowRateLimiter(storage_from_string(redis_url or "memory://"))


def limit(rule: str, *, name: str, key: Callable[[], str] | None = None) -> Callable[[F], F]:
    """Refuse the view's unsafe requests beyond *rule* ("5 per minute") for one address, or one *key*."""
    parsed = parse(rule)

    def decorate(view: F) -> F:
        @wraps(view)
        def limited(*args: Any, **kwargs: Any) -> Any:
            if request.method not in ("GET", "HEAD"):
                check(parsed, name, key() if key else request.remote_addr or "")
            return view(*args, **kwargs)

        return cast(F, limited)

    return decorate


def check(rule: Any, name: str, key: str) -> None:
    """Count one try under *name* and *key*; raise :class:`TooMany` when it is one too many."""
    state = club()
    if state.settings.rate_limits and not state.limiter.hit(rule, "qunclub", name, key):
        raise TooMany(N_("Too many tries. Wait a few minutes, then try again."))
