"""What makes the many apps of a run cheap: work that is the same for each of them is done once.

A page test makes an app of its own. Most of its time went into compiling templates and the builders of addresses,
which come out the same every time.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask
from jinja2 import FileSystemBytecodeCache
from werkzeug.routing import Rule

from . import run

_BUILDERS: dict[tuple[object, ...], Callable[..., tuple[str, str]]] = {}


class QuickRule(Rule):
    """A rule whose address builders are those of the same rule in another app."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        # The code depends on the rule's parts alone; converters are looked up on the rule it is bound to.
        if self.defaults:
            return super()._compile_builder(append_unknown)
        key = (self.rule, tuple(self._trace), append_unknown)
        if key not in _BUILDERS:
            _BUILDERS[key] = super()._compile_builder(append_unknown)
        return _BUILDERS[key]


def speed_up(app: Flask) -> Flask:
    """Let *app* take its templates from where another app of the run left them compiled."""
    place = run.folder() / "templates"
    place.mkdir(exist_ok=True)
    app.jinja_env.bytecode_cache = FileSystemBytecodeCache(str(place))
    return app


def start() -> None:
    """Every app of this process shares the builders of its addresses."""
    Flask.url_rule_class = QuickRule
