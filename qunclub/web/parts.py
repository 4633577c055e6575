"""Parts of pages that need not be made anew for each request: the frame, and what many readers see alike.

``{{ qc_kept("qunclub/frame/_tabs.html") }}`` is rendered once for each kind of reader (language, roles, section of the
club). ``{{ qc_kept("qunclub/points/_board.html", rows=…) }}`` is rendered once for each kind of reader and *rows*.
A kept template is given nothing else than what its key holds, so what is kept can neither grow old nor be
another person's: other facts are another part.
"""

from __future__ import annotations

from typing import Any

from flask import current_app, g
from jinja2 import pass_context
from jinja2.environment import TemplateModule
from jinja2.runtime import Context
from markupsafe import Markup

from .state import club

BLOCKS = "qunclub/ui.html"
MOST = 600
KEEPING = "qunclub_keeping"


class Kept:
    """``qc_kept`` in templates, for one kind of reader."""

    __slots__ = ("_given", "_reader")

    def __init__(self, reader: tuple[Any, ...], given: dict[str, Any]) -> None:
        self._reader = reader
        self._given = given

    @pass_context
    def __call__(self, scope: Context, name: str, **facts: Any) -> Markup:
        """The text of the template *name* about *facts*, which are values that can be compared."""
        parts = club().parts
        key = (name, self._reader, *facts.items())
        found: Markup | None = parts.get(key)
        if found is None or changing():
            if len(parts) >= MOST:
                parts.clear()
            found = parts[key] = self._made(scope, name, facts)
        return found

    def _made(self, scope: Context, name: str, facts: dict[str, Any]) -> Markup:
        setattr(g, KEEPING, name)
        try:
            return Markup(scope.environment.get_template(name).render({**self._given, **facts}))
        finally:
            g.pop(KEEPING, None)


def refuse_keeping() -> None:
    """Called by what belongs to one person alone; it must not get into a kept part."""
    if KEEPING in g:
        raise RuntimeError(f"the template {g.get(KEEPING)} is kept for many readers and may not hold a form")


def blocks(code: str, given: dict[str, Any]) -> TemplateModule:
    """The macros of ``ui.html`` in one language, made once; *given* is what they use of a page's context."""
    parts = club().menus
    found: TemplateModule | None = parts.get((BLOCKS, code))
    if found is None or changing():
        template = current_app.jinja_env.get_template(BLOCKS)
        found = parts[BLOCKS, code] = template.make_module(dict(given))
    return found


def changing() -> bool:
    """Whether nothing may be kept: templates are being worked on, or the host puts its own values into addresses."""
    return bool(current_app.jinja_env.auto_reload or current_app.url_default_functions)
