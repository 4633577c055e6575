"""A pay sandbox: a small server with the shape of Stripe's API and hosted pay pages, where no money moves.

Development and tests pay against it with the real Stripe SDK (``StripeClient(key, base_addresses={"api": url})``). It
knows Checkout Sessions in ``payment`` and ``subscription`` mode, PaymentIntents, Charges, Refunds, Customers, Coupons,
Subscriptions, Invoices with their payments, Disputes, balance transactions and Events, and signs its webhooks as Stripe
does. What a request may contain is read from the SDK's own parameter types, so a parameter that Stripe does not publish
is refused here too; a published one that the sandbox does not act on is refused with code ``sandbox_unsupported``
rather than ignored. Run one process per state file; it serves many threads.

How to make it slow, fail, lose answers, tell things late, twice, in another order or never, renew, dispute and refund:
docs/sandbox.md lists every switch, the test cards and the dashboard page.
"""

from .app import create_sandbox
from .serve import RunningSandbox, run_sandbox, serve

__all__ = ["RunningSandbox", "create_sandbox", "run_sandbox", "serve"]
