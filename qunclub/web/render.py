"""Rendering: the context and filters that every page of the club has."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any
from urllib.parse import urlsplit

from babel import dates, numbers
from flask import current_app, g, redirect, render_template, request, session, url_for
from flask import flash as flask_flash
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from werkzeug.wrappers import Response

from qunclub.kernel import Actor, to_decimal

from . import nav
from .assets import static_url, vendor_url
from .csrf import csrf_field
from .guards import current_actor_or_none, current_me
from .i18n import HTML_LANG, _, _n, babel_locale, is_ours, locale, texts
from .parts import Kept, changing, csrf_token, frozen
from .state import club
from .urls import absolute_url, club_url, here, path_to

OUR_FRAME = "qunclub/base.html"


def render(template: str, **context: Any) -> str:
    """The club's template ``qunclub/<template>`` with *context*."""
    return render_template(f"qunclub/{template}", **context)


def render_alike(template: str, **facts: Any) -> str:
    """The club's template ``qunclub/<template>`` about *facts*: strangers who are told the same get the same page.

    *facts* must be all that the page says, as values that can be compared (frozen dataclasses, texts, numbers,
    tuples, lists and dicts of these): never a row of the database, which may change and stay the same object.
    """
    state = club()
    # A host's frame around the page may greet its own users, whom the club takes for strangers.
    ours = state.standalone and state.settings.base_template == OUR_FRAME
    if not ours or current_actor_or_none() is not None or "_flashes" in session or changing():
        return render(template, **facts)
    key = (template, nav.reader(None), here(), request.host, frozen(facts))
    return state.parts.get(key, lambda: render(template, **facts))


def flash(message: str, kind: str = "success") -> None:
    """Say *message* on the next page; *kind* is success, info, warning or danger."""
    flask_flash(message, kind)


def see_other(endpoint: str, **values: Any) -> Response:
    """Redirect after a POST to one of our endpoints."""
    return redirect(url_for(endpoint, **values), 303)


def safe_next(target: str | None, fallback: str) -> str:
    """*target* when it is a path on this site, else *fallback*: no open redirects."""
    if not target or "\\" in target or any(ord(ch) < 32 for ch in target):
        return fallback
    try:
        parts = urlsplit(target)
    except ValueError:
        return fallback
    # Browsers read ///host as //host, which urlsplit does not.
    path = target.startswith("/") and not target.startswith("//")
    return target if path and not parts.scheme and not parts.netloc else fallback


def is_htmx() -> bool:
    """Whether htmx asks for a fragment."""
    return request.headers.get("HX-Request") == "true"


def page_number() -> int:
    """The ``page`` of the query string, 1 when missing or nonsense."""
    return max(1, request.args.get("page", 1, type=int))


def money(amount: int, currency: str) -> str:
    """Minor units as money in the visitor's language."""
    return _money(amount, currency, locale())


# The same few prices, numbers and days stand on every page, and Babel takes its time for each.
@lru_cache(maxsize=2_000)
def _money(amount: int, currency: str, code: str) -> str:
    return str(numbers.format_currency(to_decimal(amount, currency), currency, locale=babel_locale(code)))


@lru_cache(maxsize=10_000)
def _number(value: float, code: str) -> str:
    return str(numbers.format_decimal(value, locale=babel_locale(code)))


@lru_cache(maxsize=4_000)
def _day(day: dt.date, code: str) -> str:
    return str(dates.format_date(day, "long" if code == "zh" else "medium", locale=babel_locale(code)))


def local(stamp: dt.datetime) -> dt.datetime:
    """*stamp* in the club's time zone."""
    return stamp.astimezone(club().settings.zone)


def format_date(stamp: dt.datetime | dt.date | None) -> str:
    """A date by locale, in the club's time zone."""
    if stamp is None:
        return ""
    day = local(stamp).date() if isinstance(stamp, dt.datetime) else stamp
    return _day(day, locale())


def format_datetime(stamp: dt.datetime | None) -> str:
    """Date and time to the minute by locale, in the club's time zone."""
    if stamp is None:
        return ""
    moment = local(stamp)
    return f"{_day(moment.date(), locale())} {moment:%H:%M}"


def format_number(value: float) -> str:
    """A number with the locale's separators."""
    return _number(value, locale())


def markup(html: str | None) -> Markup:
    """HTML that was sanitised when it was saved."""
    return Markup(html or "")


# The prefix keeps them apart from a host's: its frame around our pages may have a ``date`` of its own.
FILTERS = {
    "qc_money": money,
    "qc_date": format_date,
    "qc_datetime": format_datetime,
    "qc_number": format_number,
    "qc_markup": markup,
    "qc_static": static_url,
    "qc_vendor": vendor_url,
}


@dataclass(frozen=True, slots=True)
class Words:
    """``_`` and ``ngettext`` of templates in one language.

    A message that is not the club's is the host's: its frame stands around our pages.
    """

    gettext: Callable[..., Any]
    ngettext: Callable[..., Any]


@cache
def words(code: str) -> Words:
    """The words of one language, made once."""
    ours = texts(code)

    @pass_context
    def gettext(scope: Context, message: str, **params: Any) -> Any:
        text = ours.get(message)
        if text is not None:
            return text % params if params else text
        hosts = None if is_ours(message) else scope.environment.globals.get("gettext")
        return scope.call(hosts, message, **params) if callable(hosts) else _(message, **params)

    @pass_context
    def ngettext(scope: Context, singular: str, plural: str, n: int, **params: Any) -> Any:
        hosts = None if is_ours(singular) else scope.environment.globals.get("ngettext")
        if callable(hosts):
            return scope.call(hosts, singular, plural, n, **params)
        return _n(singular, plural, n, **params)

    return Words(gettext, ngettext)


def context() -> dict[str, Any]:
    """What every template of the club may use."""
    state = club()
    actor = current_actor_or_none()
    sign_in = state.account_endpoints.get("sign_in") if actor is None else None
    return {
        **_of_reader(actor),
        "actor": actor,
        "me": (me := current_me()),
        # Under a name that no page uses for something of its own.
        "qc_unread": me.unread if me else None,
        "nav_counts": _nav_counts,
        "switch_locale_url": _switch_locale_url,
        "sign_in_url": path_to(sign_in, next=here()) if sign_in else None,
        "site_url": club_url(),
        "absolute_url": absolute_url,
    }


def _nav_counts() -> dict[str, int]:
    """What waits behind the reader's entries, read once a request and only where a menu is shown."""
    if "qunclub_counts" not in g:
        g.qunclub_counts = nav.counts(club().session(), current_actor_or_none())
    return dict(g.qunclub_counts)


def _of_reader(actor: Actor | None) -> dict[str, Any]:
    """What is the same for everybody with the same language, roles and section: made once for each such kind."""
    state = club()
    reader = nav.reader(actor)
    found: dict[str, Any] | None = state.menus.get(reader)
    if found is None:
        found = _made_for(reader, actor)
        if not changing():
            state.menus[reader] = found
    return found


def _made_for(reader: tuple[Any, ...], actor: Actor | None) -> dict[str, Any]:
    state = club()
    code = locale()
    spoken = words(code)
    common = {
        "club_name": state.settings.club_name,
        "url_for": path_to,
        "_": spoken.gettext,
        "ngettext": spoken.ngettext,
        "csrf_field": csrf_field,
        "csrf_token": csrf_token,
    }
    # The macros, made once and not by each template that uses them; they know no more than what is common.
    blocks = current_app.jinja_env.get_template("qunclub/ui.html").make_module(dict(common))
    main = nav.shown("main", actor)
    given = {
        **common,
        "base": state.settings.base_template,
        "nav_main": main,
        "nav_menus": nav.menus(main),
        "nav_desk": nav.shown("desk", actor),
        "nav_admin": nav.shown("admin", actor),
        "locale": code,
        "html_lang": HTML_LANG[code],
        "account_links": {key: path_to(endpoint) for key, endpoint in state.account_endpoints.items()},
        "dev_mail_url": path_to("qunclub.outbox.index") if state.standalone and _dev_mail() else None,
        "qc_ui": blocks,
    }
    return {**given, "qc_kept": Kept(None if changing() else state.parts, reader, {**given, "ui": blocks})}


def _dev_mail() -> bool:
    settings = club().settings
    return not settings.mail_url and not settings.production


def _switch_locale_url(code: str) -> str:
    return path_to("qunclub.frame.language", code=code, next=here())
