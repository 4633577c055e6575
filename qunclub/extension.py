"""The one file that sees everything and wires it: ``QunClub().init_app(app, …)``."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any, cast
from urllib.parse import urlsplit

from flask import Blueprint, Flask
from jinja2 import StrictUndefined
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException, default_exceptions

from qunclub import config, jobs
from qunclub.adapters.files import make_store
from qunclub.adapters.mail import make_mailer
from qunclub.adapters.scanner import make_scanner
from qunclub.kernel import ClubError, clock, keys
from qunclub.kernel.chats import ChatBook
from qunclub.kernel.clock import Clock
from qunclub.kernel.payments import PaymentGateway
from qunclub.kernel.ports import Doctor, FileStore, GroupBook, Identity, LevelBook, Mailer, SeasonBook
from qunclub.web import csrf, frame, headers, state
from qunclub.web.assets import ClubBlueprint, folder
from qunclub.web.limits import make_limiter
from qunclub.web.render import FILTERS
from qunclub.web.render import context as page_context

log = logging.getLogger("qunclub")

# The business in order; each name brings its own blueprints, doctor and navigation.
BLUEPRINTS = (
    "qunclub.web.assets:bp",
    "qunclub.web.frame:bp",
    "qunclub.members.views:bp",
    "qunclub.members.admin:bp",
    "qunclub.notices.views:bp",
    "qunclub.groups.views:bp",
    "qunclub.groups.views_seats:bp",
    "qunclub.groups.views_moving:bp",
    "qunclub.groups.views_spin_off:bp",
    "qunclub.groups.desk_moving:bp",
    "qunclub.groups.admin:bp",
    "qunclub.groups.admin_ritual:bp",
    "qunclub.groups.admin_welcome:bp",
    "qunclub.cloning.admin:bp",
    "qunclub.groups.admin_bars:bp",
    "qunclub.groups.admin_hosts:bp",
    "qunclub.groups.admin_merge:bp",
    "qunclub.groups.admin_split:bp",
    "qunclub.groups.admin_spin_off:bp",
    "qunclub.board.views:bp",
    "qunclub.board.views_post:bp",
    "qunclub.courses.views:bp",
    "qunclub.courses.views_media:bp",
    "qunclub.courses.admin_media:bp",
    "qunclub.courses.views_questions:bp",
    "qunclub.courses.views_questions_desk:bp",
    "qunclub.courses.views_certificates:bp",
    "qunclub.courses.admin_certificates:bp",
    "qunclub.courses.admin:bp",
    "qunclub.courses.admin_folder:bp",
    "qunclub.passes.views:bp",
    "qunclub.passes.tickets_views:bp",
    "qunclub.passes.views_door:bp",
    "qunclub.passes.views_camera:bp",
    "qunclub.passes.views_lists:bp",
    "qunclub.passes.api_door:bp",
    "qunclub.passes.welcome_views:bp",
    "qunclub.passes.ritual_views:bp",
    "qunclub.passes.entry_views:bp",
    "qunclub.passes.admin:bp",
    "qunclub.passes.admin_held:bp",
    "qunclub.house.views:bp",
    "qunclub.house.desk:bp",
    "qunclub.house.desk_quiet:bp",
    "qunclub.house.desk_exceptions:bp",
    "qunclub.house.admin:bp",
    "qunclub.chats.views:bp",
    "qunclub.chats.desk:bp",
    "qunclub.chats.admin:bp",
    "qunclub.chats.webhook:bp",
    "qunclub.orders.views:bp",
    "qunclub.orders.claims_views:bp",
    "qunclub.orders.admin_claims:bp",
    "qunclub.orders.webhook:bp",
    "qunclub.orders.refunds_views:bp",
    "qunclub.orders.codes_refund_views:bp",
    "qunclub.orders.admin:bp",
    "qunclub.orders.admin_coupons:bp",
    "qunclub.orders.admin_takings:bp",
    "qunclub.orders.admin_reconciliation:bp",
    "qunclub.orders.admin_refunds:bp",
    "qunclub.orders.admin_inbox:bp",
    "qunclub.orders.memberships_views:bp",
    "qunclub.orders.admin_memberships:bp",
    "qunclub.orders.admin_disputes:bp",
    "qunclub.orders.transfers_views:bp",
    "qunclub.orders.admin_transfers:bp",
    "qunclub.orders.admin_transfer_settings:bp",
    "qunclub.orders.receipts_views:bp",
    "qunclub.orders.fapiao_views:bp",
    "qunclub.orders.admin_fapiao:bp",
    "qunclub.orders.admin_papers:bp",
    "qunclub.orders.referral_views:bp",
    "qunclub.orders.admin_referral:bp",
    "qunclub.points.views:bp",
    "qunclub.points.admin:bp",
    "qunclub.points.admin_recorded:bp",
    "qunclub.points.admin_rulebook:bp",
    "qunclub.homework.views:bp",
    "qunclub.homework.views_appeals:bp",
    "qunclub.homework.views_appeals_desk:bp",
    "qunclub.homework.views_work:bp",
    "qunclub.homework.views_teams:bp",
    "qunclub.homework.desk:bp",
    "qunclub.homework.views_release:bp",
    "qunclub.homework.desk_writing:bp",
    "qunclub.homework.desk_allocation:bp",
    "qunclub.homework.desk_similar:bp",
    "qunclub.homework.desk_voice:bp",
    "qunclub.homework.desk_phrases:bp",
    "qunclub.homework.showcase:bp",
    "qunclub.homework.admin_showcase:bp",
    "qunclub.homework.admin:bp",
    "qunclub.homework.admin_extensions:bp",
    "qunclub.homework.admin_fair:bp",
    "qunclub.homework.admin_judging:bp",
    "qunclub.homework.admin_teams:bp",
    "qunclub.homework.admin_allocation:bp",
    "qunclub.contests.views:bp",
    "qunclub.contests.views_jury:bp",
    "qunclub.contests.admin:bp",
    "qunclub.rewards.admin:bp",
    "qunclub.seasons.views:bp",
    "qunclub.seasons.views_leave:bp",
    "qunclub.seasons.views_nominate:bp",
    "qunclub.seasons.views_core:bp",
    "qunclub.seasons.views_offers:bp",
    "qunclub.seasons.admin_offers:bp",
    "qunclub.seasons.views_appeals:bp",
    "qunclub.seasons.admin_appeals:bp",
    "qunclub.seasons.views_calendar:bp",
    "qunclub.seasons.admin:bp",
    "qunclub.seasons.admin_calendar:bp",
    "qunclub.seasons.views_notices:bp",
    "qunclub.seasons.admin_notices:bp",
    "qunclub.seasons.admin_review:bp",
    "qunclub.seasons.admin_guide:bp",
    "qunclub.levels.views:bp",
    "qunclub.levels.admin:bp",
    "qunclub.projects.views:bp",
    "qunclub.projects.views_lead:bp",
    "qunclub.projects.admin:bp",
    "qunclub.api.admin:bp",
    "qunclub.api.views:bp",
    "qunclub.admin.views:bp",
    "qunclub.home.views:bp",
    "qunclub.home.own:bp",
)
DOCTORS = (
    "members",
    "notices",
    "groups",
    "board",
    "courses",
    "passes",
    "house",
    "chats",
    "orders",
    "points",
    "homework",
    "seasons",
    "levels",
    "projects",
    "contests",
    "rewards",
)
# What rooms above members show on a member's page, and what they know of what members made.
MEMBER_PARTS = (
    "qunclub.seasons.queries_core:of_member",
    "qunclub.levels.part:of_member",
    "qunclub.projects.part:of_member",
    "qunclub.house.part:of_member",
)
# What rooms above groups show on a group's page.
GROUP_PARTS = ("qunclub.house.part:of_group",)
# Rankings that a room has of its own.
BOARD_BOOKS = ("qunclub.groups.boards:boards", "qunclub.courses.boards:boards")
MADE_BOOKS = ("qunclub.homework.made:made", "qunclub.projects.part:made", "qunclub.courses.made:made")


def load(path: str) -> Any:
    """The object named ``module:attribute``."""
    module, _, attribute = path.partition(":")
    return getattr(import_module(module), attribute)


def doctors() -> dict[str, Doctor]:
    """Every capability's part of the doctor."""
    return {name: load(f"qunclub.{name}.doctor:check") for name in DOCTORS}


class QunClub:
    """The extension. It keeps no state of its own: two apps in one process are two clubs."""

    def init_app(
        self,
        app: Flask,
        *,
        session: Callable[[], Session],
        identity: Identity,
        url_prefix: str = "",
        settings: config.Settings | None = None,
        gateway: PaymentGateway | None = None,
        mailer: Mailer | None = None,
        files: FileStore | None = None,
        clock: Clock = clock.utcnow,
        standalone: bool = False,
        jobs_too: bool = False,
        accounts: Blueprint | None = None,
        account_endpoints: dict[str, str] | None = None,
    ) -> state.ClubState:
        """Put a club into *app*.

        Args:
            session: gives the SQLAlchemy session of the present scope; it decides engine and bind. A session
                shared with the host shares the host's pending rows: a commit of ours persists them.
            identity: says who is here (``current() -> Actor | None``).
            url_prefix: where the club lives, such as ``/club``.
            settings: read from ``app.config`` (``QUNCLUB_*``) and the environment when not given.
            gateway, mailer, files: ports, made from the settings when not given.
            clock: the club's clock, aware UTC.
            standalone: whether the club is the whole site (development mail page, error pages everywhere, its own
                log on standard error).
            jobs_too: whether commits wake a huey worker (``flask qunclub worker``); without one the outbox waits for
                ``flask qunclub jobs``.
            accounts: blueprint of an accounts adapter, mounted inside the club.
            account_endpoints: endpoints ``sign_in``, ``sign_up``, ``sign_out``, ``account`` where the host has them.

        Raises:
            config.ConfigError: when a setting cannot be used.
        """
        chosen = settings or settings_of(app)
        if issubclass(app.jinja_env.undefined, StrictUndefined):
            raise config.ConfigError("The club's templates cannot be shown with Jinja's StrictUndefined.")
        members = import_module("qunclub.members")
        season_book = cast(SeasonBook, import_module("qunclub.seasons.book"))
        made = state.ClubState(
            settings=chosen,
            session=session,
            identity=identity,
            clock=clock,
            secret=config.keys(chosen),
            gateway=gateway or jobs.make_gateway(chosen),
            mailer=mailer or make_mailer(chosen),
            files=files or make_store(chosen),
            scanner=make_scanner(chosen),
            course_access=partial(load("qunclub.passes:course_access"), seasons=season_book),
            course_offer=load("qunclub.passes.queries_prices:cheapest_for"),
            group_book=cast(GroupBook, import_module("qunclub.groups.book")),
            season_book=season_book,
            chat_book=cast(ChatBook, import_module("qunclub.chats.book")),
            connectors=jobs.make_connectors(chosen),
            member_parts=tuple(load(path) for path in MEMBER_PARTS),
            group_parts=tuple(load(path) for path in GROUP_PARTS),
            made_books=tuple(load(path) for path in MADE_BOOKS),
            board_books=tuple(load(path) for path in BOARD_BOOKS),
            level_book=cast(LevelBook, import_module("qunclub.levels")),
            mail_end=load("qunclub.notices.jobs:end_of"),
            find_member=members.find_identity,
            load_member=members.identify,
            keep_locale=members.keep_locale,
            limiter=make_limiter(chosen.redis_url),
            standalone=standalone,
            doctors=doctors(),
            account_endpoints=account_endpoints or {},
        )
        made.doctors["recordings"] = partial(load("qunclub.homework.doctor_voice:check_bytes"), made.files)
        made.doctors["course_files"] = partial(load("qunclub.courses.doctor_media:check_bytes"), made.files)
        made.doctors["chat_pictures"] = partial(load("qunclub.chats.doctor:check_bytes"), made.files)
        app.extensions[state.KEY] = made
        if standalone:
            # In a host, its own logging decides what becomes of the logger "qunclub".
            headers.configure_logging(chosen.log_level, chosen.log_format)
        if not app.config.get("SECRET_KEY"):
            app.config["SECRET_KEY"] = made.secret.current
            app.config["SECRET_KEY_FALLBACKS"] = list(made.secret.previous)
        if app.config["SECRET_KEY"] == made.secret.current and made.secret.previous:
            # Forms that stood open meanwhile: Flask-WTF hands this on to itsdangerous, which takes a list.
            app.config.setdefault("WTF_CSRF_SECRET_KEY", keys.oldest_first(made.secret))
        _register(app, made, url_prefix, accounts)
        _register_cli(app)
        if jobs_too:
            made.huey = jobs.make_huey(chosen)
            made.wake = jobs.register_tasks(app, made.huey)
        _warn_about_migrate(app)
        return made


def settings_of(app: Flask) -> config.Settings:
    """The settings of *app*: its own ``QUNCLUB_*`` configuration first, then the environment."""
    own = {key: value for key, value in app.config.items() if key.startswith("QUNCLUB_")}
    return config.load(own, os.environ)


def _register(app: Flask, made: state.ClubState, url_prefix: str, accounts: Blueprint | None) -> None:
    root = ClubBlueprint(
        "qunclub",
        "qunclub",
        url_prefix=url_prefix or None,
        static_folder=str(folder("static") / "qunclub"),
        static_url_path="/assets",
    )
    for path in BLUEPRINTS:
        root.register_blueprint(load(path))
    if accounts is not None:
        root.register_blueprint(accounts)
    if made.standalone and not made.settings.mail_url and not made.settings.production:
        root.register_blueprint(load("qunclub.adapters.devmail:bp"))
    pay = _origin(made.settings.sandbox_pay_url if made.settings.sandbox else "https://checkout.stripe.com")
    # Addresses outside every blueprint (a mistyped path) are ours too when the club is the whole site.
    whole: Flask | Blueprint = app if made.standalone else root
    whole.before_request(headers.begin)
    whole.context_processor(page_context)
    root.before_request(csrf.protect)
    carried = headers.on_every_page(pay_origin=pay, secure=made.settings.production)
    whole.after_request(partial(headers.finish, carried=carried))
    root.register_error_handler(ClubError, frame.on_club_error)
    root.register_error_handler(HTTPException, frame.on_http_error)
    for code in default_exceptions:
        # Also by code: else a host's handler for 404 would come before ours for every HTTPException.
        root.register_error_handler(code, frame.on_http_error)
    root.register_error_handler(Exception, frame.on_crash)
    app.jinja_env.filters.update(FILTERS)
    app.register_blueprint(root)
    if made.standalone:
        app.register_error_handler(HTTPException, frame.on_http_error)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _register_cli(app: Flask) -> None:
    group = load("qunclub.cli:qunclub")
    app.cli.add_command(group)


def _warn_about_migrate(app: Flask) -> None:
    migrate = app.extensions.get("migrate")
    if migrate is None:
        return
    arguments = getattr(migrate, "configure_args", {})
    if not any(key in arguments for key in ("include_name", "include_object")):
        log.warning(
            "This app has Flask-Migrate without an include_name filter: `flask db migrate` would emit DROP TABLE for "
            "every qunclub_* table. Pass Migrate(..., include_name=qunclub.exclude_qunclub_tables)."
        )
