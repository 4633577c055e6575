"""The club's languages: gettext catalogues in plain ``.po`` files, one a capability, read at the start.

The locale is the member's choice, then the visitor's (kept in the session), then the browser's, then the club's.
"""

from __future__ import annotations

import datetime as dt
import io
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import babel
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import LazyProxy, Translations
from flask import g, has_request_context, request, session
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from qunclub.kernel import N_, ClubError

__all__ = ["LOCALES", "N_", "_", "_l", "_n", "babel_locale", "explain", "locale", "override"]

LOCALES = {"zh": "zh_Hans_CN", "en": "en"}
HTML_LANG = {"zh": "zh-Hans", "en": "en"}
FOLDER = Path(__file__).resolve().parent.parent / "translations"


@cache
def catalogue(code: str) -> Translations:
    """All catalogues of one locale, merged; English has none, its msgids are the text."""
    merged = Translations()
    folder = FOLDER / LOCALES[code]
    for path in sorted(folder.glob("*.po")) if folder.exists() else ():
        buffer = io.BytesIO()
        with path.open("rb") as handle:
            write_mo(buffer, read_po(handle, locale=LOCALES[code]))
        buffer.seek(0)
        part = Translations(buffer)
        merged.merge(part)
        # An empty catalogue counts plurals the English way, and merging does not change its mind.
        merged.plural = part.plural
    return merged


@cache
def texts(code: str) -> dict[str, str]:
    """The club's msgids without plural and what they are in one locale: most of what pages look up."""
    here = catalogue(code)._catalog
    return {key: str(here.get(key, key)) for key in catalogue("zh")._catalog if isinstance(key, str) and key}


@cache
def _msgids() -> frozenset[str]:
    keys = catalogue("zh")._catalog
    return frozenset(key[0] if isinstance(key, tuple) else key for key in keys)


def is_ours(message: str) -> bool:
    """Whether *message* is a msgid of the club (each has a Chinese translation)."""
    return message in _msgids()


def locale() -> str:
    """``zh`` or ``en``."""
    known: str | None = g.get("qunclub_locale")
    if known is not None:
        return known
    found = _choose() if has_request_context() else _default()
    g.qunclub_locale = found
    return found


def _default() -> str:
    from .state import club

    return club().settings.default_locale


def _choose() -> str:
    from .guards import current_me

    kept = session.get("qunclub_locale")
    if kept in LOCALES:
        return str(kept)
    me = current_me()
    if me is not None and me.locale in LOCALES:
        return me.locale
    return _accepted(request.headers.get("Accept-Language", "")) or _default()


@lru_cache(maxsize=1_000)
def _accepted(header: str) -> str:
    """What a browser's ``Accept-Language`` asks for, empty when it asks for neither."""
    accepted = parse_accept_header(header, LanguageAccept)
    best = accepted.best_match(["zh-CN", "zh-TW", "zh-HK", "zh", "en"])
    return "zh" if best and best.startswith("zh") else "en" if best else ""


def override(code: str) -> None:
    """Speak *code* for the rest of this context (mail speaks its reader's language)."""
    g.qunclub_locale = code if code in LOCALES else _default()


@cache
def babel_locale(code: str) -> babel.Locale:
    """The locale for dates, numbers and money."""
    return babel.Locale.parse(LOCALES[code])


def _(message: str, **params: Any) -> str:
    """*message* in the visitor's language."""
    code = locale()
    text = texts(code).get(message)
    if text is None:
        text = str(catalogue(code).gettext(message)) if message else ""
    return text % params if params else text


def _n(singular: str, plural: str, n: int, **params: Any) -> str:
    """One of two msgids by *n*, in the visitor's language; ``%(num)s`` is *n*."""
    text = str(catalogue(locale()).ngettext(singular, plural, n))
    return text % {"num": n, "n": n, **params}


def _l(message: str, **params: Any) -> Any:
    """*message*, translated when it is shown: for labels made at import time."""
    return LazyProxy(_, message, enable_cache=False, **params)


def explain(error: ClubError) -> str:
    """What *error* says, in the visitor's language; moments among its parameters as pages write them."""
    # Pages are rendered above the languages; only here something below needs how they write a moment.
    from .render import format_datetime

    params = {
        name: format_datetime(value) if isinstance(value, dt.datetime) else value
        for name, value in error.params.items()
    }
    return _(error.message, **params)
