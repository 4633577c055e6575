"""What need not be made anew for each request: the frame around pages, parts of pages, whole pages for strangers.

``{{ qc_kept("qunclub/frame/_tabs.html") }}`` is rendered once for each kind of reader (language, roles, section of
the club), and ``{{ qc_kept("qunclub/points/_board.html", rows=…) }}`` once for each kind of reader and *rows*.
A kept template is given nothing else than what its key holds, so what is kept can neither grow old nor be another
person's: other facts are another part. A form's token is the one thing put in for each reader.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import lru_cache
from threading import Lock
from typing import Any

from flask import current_app, g, session
from flask_wtf.csrf import generate_csrf
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from qunclub.kernel import clock, ids

MOST = 1_000
KEEPING = "qunclub_keeping"
# Unknown outside this process, so that nobody can write it into a text and have a token put there.
PLACE_OF_TOKEN = f"token-{ids.token()}"


def csrf_token() -> str:
    """The token of this reader's forms; while something is rendered to be kept, the place where it will stand."""
    if KEEPING in g:
        return PLACE_OF_TOKEN
    name = str(current_app.config.get("WTF_CSRF_FIELD_NAME", "csrf_token"))
    raw = session.get(name)
    if isinstance(raw, str) and name not in g:
        # A token says when it was signed and is good for an hour: one of this very minute serves as well.
        setattr(g, name, _signed(raw, str(current_app.secret_key), int(clock.monotonic() // 60)))
    return str(generate_csrf())


@lru_cache(maxsize=2_000)
def _signed(_raw: str, _secret: str, _minute: int) -> str:
    return str(generate_csrf())


class Parts:
    """The texts that one club has kept, the latest used ones."""

    def __init__(self) -> None:
        self._texts: OrderedDict[tuple[Hashable, ...], tuple[str, bool]] = OrderedDict()
        self._lock = Lock()

    def held(self) -> list[tuple[Hashable, ...]]:
        """What is kept, the least lately used first."""
        with self._lock:
            return list(self._texts)

    def get(self, key: tuple[Hashable, ...], render: Callable[[], str]) -> str:
        """What *render* gave for *key*, with this reader's own token in it."""
        with self._lock:
            found = self._texts.get(key)
            if found is not None:
                self._texts.move_to_end(key)
        if found is None:
            text = kept_text(render)
            found = text, PLACE_OF_TOKEN in text
            with self._lock:
                self._texts[key] = found
                while len(self._texts) > MOST:
                    self._texts.popitem(last=False)
        text, has_form = found
        return text.replace(PLACE_OF_TOKEN, csrf_token()) if has_form else text


def kept_text(render: Callable[[], str]) -> str:
    """What *render* gives, with the place of the token instead of a token."""
    if KEEPING in g:
        return render()
    setattr(g, KEEPING, True)
    try:
        return render()
    finally:
        g.pop(KEEPING)


class Kept:
    """``qc_kept`` in templates, for one kind of reader; without *parts* nothing is kept."""

    __slots__ = ("_given", "_parts", "_reader")

    def __init__(self, parts: Parts | None, reader: tuple[Hashable, ...], given: dict[str, Any]) -> None:
        self._parts = parts
        self._reader = reader
        self._given = given

    @pass_context
    def __call__(self, scope: Context, name: str, **facts: Any) -> Markup:
        """The text of the template *name* about *facts*, which are values that can be compared."""

        def render() -> str:
            return scope.environment.get_template(name).render({**self._given, **facts})

        if self._parts is None:
            return Markup(render())
        return Markup(self._parts.get((name, self._reader, frozen(facts)), render))


def frozen(value: Any) -> Hashable:
    """*value* as a part of a key: lists and dicts by what they hold."""
    if type(value) is dict:
        return tuple((name, frozen(one)) for name, one in value.items())
    if type(value) in (list, tuple):
        return tuple(map(frozen, value))
    return value  # type: ignore[no-any-return]  # what cannot be compared fails when the key is looked up


def changing() -> bool:
    """Whether nothing may be kept: templates are being worked on, or the host puts its own values into addresses."""
    return bool(current_app.jinja_env.auto_reload or current_app.url_default_functions)
