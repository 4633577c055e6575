"""What makes the many apps of a run cheap: work that is the same for each of them is done once.

A page test makes an app of its own. Most of its time went into compiling templates and addresses, which come out
the same every time. A test of any kind has engines of its own; a good part of its time went into compiling the very
statements that the test before had compiled, as a club that runs does once.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from types import CodeType
from typing import Any

from flask import Flask
from jinja2 import Environment, FileSystemBytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy import Connection, Engine, event
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

from . import run

# The statements of a few rooms; one is some ten kilobytes.
MOST_STATEMENTS = 3000

_BUILDERS: dict[tuple[object, ...], Callable[..., tuple[str, str]]] = {}
_COMPILED: dict[tuple[object, ...], tuple[Any, Any, Any, set[str]]] = {}
_TEMPLATES: dict[tuple[str, str], CodeType] = {}
_STATEMENTS: Any = LRUCache(MOST_STATEMENTS)


class QuickRule(Rule):
    """A rule whose parts and address builders are those of the same rule in another app."""

    def compile(self) -> None:
        assert self.map is not None
        if self.defaults or self.host or self.subdomain:
            super().compile()
            return
        key = (self.rule, self.merge_slashes, frozenset(self.map.converters.items()))
        if key not in _COMPILED:
            super().compile()
            _COMPILED[key] = self._parts, self._trace, self._converters, set(self.arguments)
            return
        # Nobody changes these afterwards; a converter knows its map, and ours do not ask it for anything.
        self._parts, self._trace, self._converters, arguments = _COMPILED[key]
        self.arguments |= arguments
        self._build = self._compile_builder(False).__get__(self, None)
        self._build_unknown = self._compile_builder(True).__get__(self, None)

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        # The code depends on the rule's parts alone; converters are looked up on the rule it is bound to.
        if self.defaults:
            return super()._compile_builder(append_unknown)
        key = (self.rule, tuple(self._trace), append_unknown)
        if key not in _BUILDERS:
            _BUILDERS[key] = super()._compile_builder(append_unknown)
        return _BUILDERS[key]


class KnownTemplates(FileSystemBytecodeCache):
    """Compiled templates in the run's folder, and those that this process has read in its memory."""

    def get_bucket(self, environment: Environment, name: str, filename: str | None, source: str) -> Bucket:
        # What the compiler's work depends on beside the source; a host app may have other extensions.
        traits = (*sorted(environment.extensions), environment.trim_blocks, environment.lstrip_blocks)
        key = self.get_cache_key(f"{name} {traits}", filename)
        bucket = Bucket(environment, key, self.get_source_checksum(source))
        self.load_bytecode(bucket)
        return bucket

    def load_bytecode(self, bucket: Bucket) -> None:
        known = _TEMPLATES.get((bucket.key, bucket.checksum))
        if known is not None:
            bucket.code = known
            return
        super().load_bytecode(bucket)
        if bucket.code is not None:
            _TEMPLATES[bucket.key, bucket.checksum] = bucket.code

    def dump_bytecode(self, bucket: Bucket) -> None:
        super().dump_bytecode(bucket)
        if bucket.code is not None:
            _TEMPLATES[bucket.key, bucket.checksum] = bucket.code


def _share_templates() -> None:
    """Every app takes its templates from where another app of the run left them compiled."""
    place = run.folder() / "templates"
    place.mkdir(exist_ok=True)
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": KnownTemplates(str(place))}


def _same_kind(one: Any, other: object) -> bool:
    return type(one) is type(other)


def _hash_of_kind(one: Any) -> int:
    return hash(type(one))


def _known_statements(connection: Connection) -> None:
    connection.engine._compiled_cache = _STATEMENTS


def _share_statements() -> None:
    """Every engine of this process finds the statements that another of its kind has compiled."""
    # A statement is kept for one dialect object; the engines here differ in nothing but their address.
    for dialect in (SQLiteDialect_pysqlite, PGDialect_psycopg):
        kind: Any = dialect
        kind.__eq__, kind.__hash__ = _same_kind, _hash_of_kind
    event.listen(Engine, "engine_connect", _known_statements)


def start() -> None:
    """Every app of this process shares its templates and addresses, every engine its statements."""
    Flask.url_rule_class = QuickRule
    _share_templates()
    _share_statements()
    # An app leaves some twenty thousand objects: the collector comes after one, not thirty times during it, and
    # before the files that the engines of a few apps hold open are many.
    gc.set_threshold(20_000, 10, 10)


def collected() -> None:
    """Thousands of tests are known now and stay: the collector need not look through them again and again."""
    gc.collect()
    gc.freeze()
