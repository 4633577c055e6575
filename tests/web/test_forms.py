"""Fields of the club: choices are said as pairs, and nothing of WTForms is used that goes away."""

from __future__ import annotations

import warnings

import pytest

from qunclub.web import Form, RadioField, SelectField, SelectMultipleField

PAIRS = [("a", "Apple"), ("b", "Pear")]


class Fruit(Form):
    one = SelectField("One", choices=PAIRS)
    any = SelectMultipleField("Any", choices=[])
    seen = RadioField("Seen", choices=["a", "b"])
    late = SelectField("Late", coerce=int)


@pytest.fixture
def form(app):
    with app.test_request_context(), warnings.catch_warnings():
        warnings.simplefilter("error")
        yield Fruit()


def test_pairs_are_taken_when_a_field_is_made_and_later(form):
    form.any.choices = PAIRS
    form.late.choices = iter([(1, "First")])
    assert [(one.value, one.label) for one in form.one.choices] == PAIRS
    assert [(one.value, one.label) for one in form.any.iter_choices()] == PAIRS
    assert [one.value for one in form.seen.iter_choices()] == ["a", "b"]
    assert [one.value for one in form.late.iter_choices()] == [1]
    assert '<option value="b">Pear</option>' in form.one()


def test_what_is_not_in_the_list_is_refused(form):
    form.one.data = "c"
    form.late.choices = [(1, "First")]
    form.late.data, form.any.data, form.seen.data = 1, ["a"], "a"
    assert not form.validate()
    assert {"one", "any"} <= form.errors.keys() and "late" not in form.errors
    form.one.data, form.any.data = "b", []
    assert form.validate()
