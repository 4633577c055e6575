"""Background work: what is done, how often, and the worker that does it.

Every promise is an outbox row plus a sweeper. huey only triggers: when it loses a task (kill -9) the next sweep
does the work, and when two workers fire one task twice the rows' leases keep it single.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib import import_module
from typing import Any

from flask import Flask
from huey import MemoryHuey, RedisHuey, SqliteHuey, crontab
from huey.api import Huey

from qunclub import config
from qunclub.kernel import outbox
from qunclub.kernel.chats import ChatConnector
from qunclub.kernel.payments import PaymentGateway
from qunclub.web.state import ClubState, club
from qunclub.web.uow import transaction

log = logging.getLogger("qunclub.jobs")

# Outbox kinds and who carries them out: (state, payload, key) -> None; an exception means later again.
HANDLERS = {
    "mail": "qunclub.web.mailing:deliver",
    "notice": "qunclub.notices.jobs:deliver",
    "notice_seated": "qunclub.notices.jobs:tell_seated",
    "board_welcome": "qunclub.board.jobs:welcome",
    "board_stir": "qunclub.board.jobs:stir",
    "refund": "qunclub.orders.jobs:carry_out_refund",
    "checkout_expire": "qunclub.orders.jobs:expire_checkout",
    "subscription_cancel": "qunclub.orders.jobs_recurring:carry_out_wish",
    "dispute_look": "qunclub.orders.jobs_recurring:look_at_dispute",
    "file_delete": "qunclub.home.leaving:delete_file",
    "chat": "qunclub.chats.jobs:carry_out",
    "chat_hush": "qunclub.chats.jobs_hush:carry_out",
}
# Every minute: (state) -> how many things were mended.
SWEEPS = {
    "transfers": "qunclub.orders.jobs_transfers:sweep",
    "orders": "qunclub.orders.jobs:sweep",
    # Before passes: a seat that is given here gets its ticket there.
    "groups": "qunclub.groups.jobs:sweep",
    "passes": "qunclub.passes.jobs:sweep",
    # Before the notices, and before core seats: an announced season is open from its first minute on.
    "season_calendar": "qunclub.seasons.jobs_calendar:sweep",
    "season_notices": "qunclub.seasons.jobs_notices:sweep",
    "periods": "qunclub.points.jobs:sweep",
    "group_boards": "qunclub.points.jobs:sweep_groups",
    "core_seats": "qunclub.seasons.jobs_seats:sweep",
    # After seats have ended.
    "core_offers": "qunclub.seasons.jobs_offers:sweep",
    # After it: the path follows the core.
    "levels": "qunclub.levels.jobs:sweep",
    "takings": "qunclub.orders.jobs_takings:sweep",
    "referrals": "qunclub.orders.jobs_referral:sweep",
    # Before tuition: what comes out may complete a promise.
    "verdicts": "qunclub.homework.jobs:sweep",
    "core_reviews": "qunclub.homework.jobs_core_reviews:sweep",
    "tuition": "qunclub.rewards.jobs:sweep",
    "allocation": "qunclub.homework.jobs_allocation:sweep",
    "similar": "qunclub.homework.jobs_similar:sweep",
    "pieces": "qunclub.projects.jobs:sweep",
    "house": "qunclub.house.jobs:sweep",
    "chats": "qunclub.chats.jobs_sweep:sweep",
}


def _load(path: str) -> Callable[..., Any]:
    module, _, attribute = path.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), attribute)
    return found


def make_gateway(settings: config.Settings) -> PaymentGateway:
    """The Stripe gateway: the real one with a key, else pointed at the local sandbox."""
    from qunclub.adapters.stripe_gateway import StripeGateway

    if settings.sandbox:
        return StripeGateway(
            config.kept_secret(settings, "sandbox-api"),
            webhook_secrets=(config.kept_secret(settings, "sandbox-webhook"),),
            methods=settings.stripe_methods,
            api_base=settings.sandbox_url,
        )
    return StripeGateway(
        settings.stripe_key, webhook_secrets=settings.stripe_webhook_secrets, methods=settings.stripe_methods
    )


def make_connectors(settings: config.Settings) -> dict[str, ChatConnector]:
    """The chat services the club talks to, by the kind of chat: those whose key is set."""
    from qunclub.adapters.telegram import Telegram

    if not settings.telegram_token:
        return {}
    return {"telegram": Telegram(settings.telegram_token, api=settings.telegram_api)}


def dispatch(state: ClubState, *, limit: int = 200) -> int:
    """Carry out due outbox messages; returns how many were done."""
    done = 0
    session = state.session()
    while limit > 0:
        with transaction(session):
            taken = [
                (m.id, m.kind, m.key, m.payload, m.attempts)
                for m in outbox.take(session, now=state.clock(), limit=min(limit, 20))
            ]
        if not taken:
            break
        limit -= len(taken)
        for ident, kind, key, payload, attempts in taken:
            try:
                _load(HANDLERS[kind])(state, payload, key)
            except outbox.Later as wait:
                session.rollback()
                with transaction(session):
                    outbox.later(session, ident, attempts=attempts, wait=wait, now=state.clock())
            except Exception as error:
                session.rollback()
                log.warning(
                    "outbox message failed", extra={"facts": {"id": ident, "kind": kind, "error": str(error)}}
                )
                with transaction(session):
                    outbox.failed(session, ident, attempts=attempts, error=str(error), now=state.clock())
            else:
                with transaction(session):
                    outbox.done(session, ident, now=state.clock())
                done += 1
    return done


def sweep(state: ClubState) -> dict[str, int]:
    """Settle what events missed: expired orders, lost webhooks, ended passes; then the outbox."""
    mended = {}
    for name, path in SWEEPS.items():
        try:
            mended[name] = _load(path)(state)
        except Exception:
            state.session().rollback()
            log.exception("sweep failed", extra={"facts": {"sweep": name}})
    mended["outbox"] = dispatch(state)
    return mended


def make_huey(settings: config.Settings, *, memory: bool = False) -> Huey:
    """huey on SQLite in the instance folder, or on Redis/Valkey when several machines share the work."""
    if memory:
        return MemoryHuey("qunclub")
    if settings.redis_url:
        return RedisHuey("qunclub", url=settings.redis_url)
    settings.instance_path.mkdir(parents=True, exist_ok=True)
    return SqliteHuey("qunclub", filename=str(settings.instance_path / "jobs.db"))


def register_tasks(app: Flask, huey: Huey) -> Callable[[], None]:
    """Give *huey* the club's tasks and return what wakes the outbox."""

    @huey.task(name="qunclub.dispatch")  # type: ignore[untyped-decorator]  # huey ships no types
    def dispatch_task() -> None:
        with app.app_context():
            dispatch(club())

    @huey.periodic_task(crontab(minute="*"), name="qunclub.sweep")  # type: ignore[untyped-decorator]  # as above
    def sweep_task() -> None:
        with app.app_context():
            sweep(club())

    def wake() -> None:
        try:
            dispatch_task()
        except Exception:
            # The outbox row is committed: the next sweep delivers it, so the request must not fail for this.
            log.warning("could not wake the job worker; the next sweep will do its work", exc_info=True)

    return wake
