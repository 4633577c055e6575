"""One way to save what somebody else may have changed meanwhile."""

from __future__ import annotations

import ast

import pytest
from wtforms import HiddenField, StringField

from qunclub.kernel import Conflict, Invalid, NotFound, Stale
from qunclub.web import Form, Saving
from tests.architecture.rules import PACKAGE


class Thing(Form):
    """Something with a name."""

    version = HiddenField()
    name = StringField()


@pytest.fixture
def typed(app):
    """A form as somebody sent it, in a request."""
    with app.test_request_context(method="POST", data={"version": "3", "name": "Mine"}):
        yield Thing()


def test_what_is_saved_is_done(typed):
    saving = Saving(typed, 3)
    assert (saving.seen, saving.status, saving.done, saving.stale) == (3, 200, False, "")
    with saving:
        pass
    assert saving.done and saving.status == 200


def test_who_comes_too_late_keeps_what_was_typed_and_decides_with_the_new_version(typed):
    saving = Saving(typed, 5)
    with saving:
        raise Stale("Somebody else was here.")
    assert not saving.done and saving.status == 409 and "Somebody else" in saving.stale
    assert (typed.version.data, typed.name.data) == ("5", "Mine")


@pytest.mark.parametrize(("field", "where"), [("name", "name"), ("", ""), ("nonsense", "")])
def test_a_refusal_stands_at_its_field(typed, field, where):
    saving = Saving(typed, 3)
    with saving:
        raise Invalid("No.", field=field)
    assert not saving.done and saving.status == 422 and not saving.stale and typed.version.data == "3"
    assert typed.errors == {where: ["No."]}


@pytest.mark.parametrize("error", [Conflict("No."), NotFound(), ValueError("x")])
def test_everything_else_goes_on(typed, error):
    saving = Saving(typed, 3)
    with pytest.raises(type(error)), saving:
        raise error
    assert not saving.done


def test_a_version_that_is_none_is_stale(app):
    for text in ("", "x", "9" * 12):
        with app.test_request_context(method="POST", data={"version": text}):
            assert Saving(Thing(), 1).seen == 0


APART = {"views_spin_off.py"}
ROOMS = ("seasons", "points", "levels", "groups", "projects")


def test_the_rooms_have_no_second_way():
    """A view of these rooms that catches ``Stale`` to put a version back into its form has this helper."""
    for room in ROOMS:
        for path in sorted((PACKAGE / room).rglob("*.py")):
            if path.name in APART:
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if (
                    isinstance(node, ast.ExceptHandler)
                    and isinstance(node.type, ast.Name)
                    and node.type.id == "Stale"
                ):
                    assert "version.data" not in ast.unparse(node), f"{path}:{node.lineno}"
