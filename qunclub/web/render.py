"""Rendering: the context and filters that every page of the club has."""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import urlsplit

from babel import dates, numbers
from flask import flash as flask_flash
from flask import redirect, render_template, request, url_for
from flask_wtf.csrf import generate_csrf
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from werkzeug.wrappers import Response

from qunclub.kernel import to_decimal

from . import nav
from .csrf import csrf_field
from .guards import current_actor_or_none, current_me
from .i18n import HTML_LANG, _, _n, babel_locale, is_ours, locale
from .state import club
from .urls import absolute_url, club_url, here


def render(template: str, **context: Any) -> str:
    """The club's template ``qunclub/<template>`` with *context*."""
    return render_template(f"qunclub/{template}", **context)


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
    parts = urlsplit(target)
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
    return numbers.format_currency(to_decimal(amount, currency), currency, locale=babel_locale())


def local(stamp: dt.datetime) -> dt.datetime:
    """*stamp* in the club's time zone."""
    return stamp.astimezone(club().settings.zone)


def format_date(stamp: dt.datetime | dt.date | None) -> str:
    """A date by locale, in the club's time zone."""
    if stamp is None:
        return ""
    day = local(stamp).date() if isinstance(stamp, dt.datetime) else stamp
    return dates.format_date(day, "long" if locale() == "zh" else "medium", locale=babel_locale())


def format_datetime(stamp: dt.datetime | None) -> str:
    """Date and time to the minute by locale, in the club's time zone."""
    if stamp is None:
        return ""
    moment = local(stamp)
    return f"{format_date(stamp)} {dates.format_time(moment, 'HH:mm', locale=babel_locale())}"


def format_number(value: float) -> str:
    """A number with the locale's separators."""
    return numbers.format_decimal(value, locale=babel_locale())


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
}


@pass_context
def template_gettext(scope: Context, message: str, **params: Any) -> Any:
    """``_`` in templates. A message that is not the club's is the host's: its frame stands around our pages."""
    hosts = None if is_ours(message) else scope.environment.globals.get("gettext")
    return scope.call(hosts, message, **params) if callable(hosts) else _(message, **params)


@pass_context
def template_ngettext(scope: Context, singular: str, plural: str, n: int, **params: Any) -> Any:
    """``ngettext`` in templates, likewise."""
    hosts = None if is_ours(singular) else scope.environment.globals.get("ngettext")
    return (
        scope.call(hosts, singular, plural, n, **params)
        if callable(hosts)
        else _n(singular, plural, n, **params)
    )


def context() -> dict[str, Any]:
    """What every template of the club may use."""
    state = club()
    actor = current_actor_or_none()
    return {
        "base": state.settings.base_template,
        "club_name": state.settings.club_name,
        "actor": actor,
        "me": current_me(),
        "nav_main": nav.shown("main", actor),
        "nav_desk": nav.shown("desk", actor),
        "nav_admin": nav.shown("admin", actor),
        "locale": locale(),
        "html_lang": HTML_LANG[locale()],
        "switch_locale_url": _switch_locale_url,
        "account_links": {key: url_for(endpoint) for key, endpoint in state.account_endpoints.items()},
        "dev_mail_url": url_for("qunclub.outbox.index") if state.standalone and _dev_mail() else None,
        "csrf_field": csrf_field,
        "csrf_token": generate_csrf,
        "site_url": club_url(),
        "absolute_url": absolute_url,
        "_": template_gettext,
        "ngettext": template_ngettext,
    }


def _dev_mail() -> bool:
    settings = club().settings
    return not settings.mail_url and not settings.production


def _switch_locale_url(code: str) -> str:
    return url_for("qunclub.frame.language", code=code, next=here())
