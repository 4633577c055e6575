"""Who may import whom. ``rules.py`` beside this file holds the table; here it meets the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.rules import (
    BELOW,
    FRAME,
    PACKAGE,
    ROOT,
    SEE_EVERYTHING,
    Import,
    dynamic_imports,
    imports,
    objection,
    parts_of,
)

FILES = sorted(PACKAGE.glob("**/*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_go_downwards(path: Path) -> None:
    parts = parts_of(path)
    source = path.read_text(encoding="utf-8")
    wrong = [
        f"line {wanted.line}: {reason}"
        for wanted in imports(source, parts)
        if (reason := objection(parts, wanted)) is not None
    ]
    assert not wrong, "\n".join(wrong)


def test_every_room_has_its_layer() -> None:
    known = {*BELOW, *FRAME, *SEE_EVERYTHING, "translations", "_assets", "__pycache__"}
    rooms = {path.stem for path in PACKAGE.iterdir() if path.is_dir() or path.suffix == ".py"}
    assert rooms <= known, f"add to the table of their layer: {sorted(rooms - known)}"


def test_only_the_wiring_imports_by_name() -> None:
    wiring = SEE_EVERYTHING | {"kernel"}
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in FILES
        if parts_of(path)[0] not in wiring
        for line in dynamic_imports(path.read_text(encoding="utf-8"))
    ]
    assert not found


@pytest.mark.parametrize(
    ("file", "module"),
    [
        ("points/services", "qunclub.kernel"),
        ("points/services", "qunclub.points.rules"),
        ("points/services", "qunclub.members"),
        ("points/queries", "qunclub.members.models"),
        ("points/views", "qunclub.web"),
        ("points/views", "flask"),
        ("passes/services", "qunclub.groups"),
        ("passes/models", "qunclub.groups.models"),
        ("orders/webhook", "flask"),
        ("seasons/rules", "dataclasses"),
        ("adapters/accounts/views", "qunclub.web.guards"),
        ("extension", "qunclub.orders.views"),
    ],
)
def test_what_is_allowed(file: str, module: str) -> None:
    assert objection(tuple(file.split("/")), Import(module, 1)) is None


@pytest.mark.parametrize(
    ("file", "module"),
    [
        ("members/services", "qunclub.points"),
        ("members/models", "qunclub.passes.models"),
        ("groups/services", "qunclub.passes"),
        ("groups/views", "qunclub.courses"),
        ("homework/services", "qunclub.passes"),
        ("seasons/services", "qunclub.orders"),
        ("points/services", "flask"),
        ("points/services", "qunclub.web"),
        ("members/queries", "qunclub.members.views"),
        ("passes/services", "qunclub.groups.services"),
        ("points/rules", "sqlalchemy"),
        ("points/rules", "qunclub.points.models"),
        ("points/models", "qunclub.points.services"),
        ("points/models", "qunclub.members"),
        ("kernel/clock", "qunclub.members"),
        ("kernel/text", "flask"),
        ("web/render", "qunclub.members"),
        ("adapters/mail", "qunclub.web.state"),
        ("adapters/stripe_gateway", "qunclub.orders"),
        ("surprise/services", "qunclub.kernel"),
    ],
)
def test_what_is_forbidden(file: str, module: str) -> None:
    assert objection(tuple(file.split("/")), Import(module, 1)) is not None


def test_imports_are_found_wherever_they_stand() -> None:
    source = """
from __future__ import annotations
from typing import TYPE_CHECKING
from qunclub import points
from .models import Standing
from ..members.models import Member
if TYPE_CHECKING:
    import flask
def late():
    from qunclub.web import render
"""
    found = [wanted.module for wanted in imports(source, ("points", "services"))]
    assert found == [
        "__future__",
        "typing",
        "qunclub.points",
        "qunclub.points.models",
        "qunclub.members.models",
        "flask",
        "qunclub.web.render",
    ]
