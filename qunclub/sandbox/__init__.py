"""A pay sandbox: a small server with the shape of Stripe's API and a hosted pay page, where no money moves.

Development and tests pay against it with the real Stripe SDK (``StripeClient(key, base_addresses={"api": url})``).
It knows Checkout Sessions in ``payment`` mode (create, retrieve, list, expire), PaymentIntents, Charges, Refunds and
Events, and signs its webhooks as Stripe does. What a request may contain is read from the SDK's own parameter types,
so a parameter that Stripe does not publish is refused here too; a published one that the sandbox does not act on is
refused with code ``sandbox_unsupported`` rather than ignored. Run one process per state file; it serves many threads.

How to make it misbehave
------------------------
``POST /sandbox/behaviour`` with JSON and the API key as bearer token sets any of these, answers all of them, and they
last until changed (also over a restart)::

    {"delay_ms": 0,            every API answer waits so long
     "fail_next_api": 0,       the next n API calls answer 500 and do nothing
     "lose_next_api": 0,       the next n API calls are carried out, then answer 502: the answer is lost
     "settle": "now",          paying: "now" completes as paid; "later" completes unpaid, as a delayed method does
     "webhooks": "normal",     or "late" (after late_ms), "twice", "reversed" (what gathers until none came for
                               gather_ms goes out newest first), "never" (kept back until /sandbox/deliver)
     "late_ms": 3000,
     "gather_ms": 400}

A body with ``"reset": true`` first puts everything back as above. With the same token:

``POST /sandbox/sessions/<id>/pay``     {"method": "card", "number": "4242…"}: what the pay page's button does
``POST /sandbox/sessions/<id>/settle``  {"outcome": "succeeded" | "failed"}: ends a delayed payment
``POST /sandbox/deliver``               sends every event kept back; {"event": "evt_…"} sends that one once more
``GET /sandbox/deliveries``             what was sent, how often, with what answer, oldest first

Cards: 4242 4242 4242 4242 pays, 4000 0000 0000 0002 is declined, 4000 0000 0000 9995 lacks funds, 4000 0000 0000 5126
pays but its refund fails a moment later. Any future date and any security code will do.
"""

from .app import create_sandbox
from .serve import RunningSandbox, run_sandbox, serve

__all__ = ["RunningSandbox", "create_sandbox", "run_sandbox", "serve"]
