"""One Stripe client, and its errors in the payment port's words."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import stripe

from qunclub.kernel.payments import GatewayDeclined, GatewayUnavailable

log = logging.getLogger(__name__)


def make_client(api_key: str, *, api_base: str | None, timeout: float, retries: int) -> stripe.StripeClient:
    """The SDK's client; *api_base* None is Stripe itself."""
    return stripe.StripeClient(
        api_key,
        base_addresses={"api": api_base.rstrip("/")} if api_base else None,
        max_network_retries=retries,
        http_client=stripe.RequestsClient(timeout=timeout),
    )


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn Stripe's errors into the port's, keeping nothing of them that a buyer must not read."""
    try:
        yield
    except stripe.StripeError as error:
        code = str(error.code or type(error).__name__)
        reference = str(error.request_id or "")
        log.warning(
            "stripe refused or did not answer",
            extra={"doing": doing, "code": code, "status": error.http_status, "request_id": reference},
        )
        final = (stripe.InvalidRequestError, stripe.CardError, stripe.IdempotencyError)
        kind: Callable[..., Exception] = GatewayDeclined if isinstance(error, final) else GatewayUnavailable
        raise kind(code=code, reference=reference) from error
