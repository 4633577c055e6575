"""Forms of allocation: who is away, how a course allocates, whose works go to whom."""

from __future__ import annotations

from wtforms import DateField, HiddenField, StringField
from wtforms.validators import InputRequired, Length
from wtforms.widgets import CheckboxInput, ListWidget

from qunclub.web import Form, SelectField, SelectMultipleField, _l

MODES = [
    ("free", _l("whoever takes it")),
    ("named", _l("the instructors named here, evenly")),
    ("group", _l("who is responsible for the author's group")),
    ("evenly", _l("all instructors, evenly")),
]


class AwayForm(Form):
    """When an instructor is away."""

    member_id = SelectField(_l("Instructor"), coerce=int)
    starts_on = DateField(_l("First day"), [InputRequired()])
    ends_on = DateField(_l("Last day"), [InputRequired()])
    reason = StringField(
        _l("Reason"), [Length(max=200)], description=_l("Other instructors and admins read it.")
    )


class PlanForm(Form):
    """How the works of a course or an assignment are allocated."""

    mode = SelectField(
        _l("New works go to"),
        choices=MODES,
        description=_l(
            "A work goes to the one with the fewest open works who is there, never to its author."
        ),
    )
    people = SelectMultipleField(
        _l("Instructors"), coerce=int, widget=ListWidget(prefix_label=False), option_widget=CheckboxInput()
    )
    version = HiddenField()


class MoveForm(Form):
    """Whose open works go to whom; 0 is nobody by name."""

    source = SelectField(_l("Open works of"), coerce=int)
    target = SelectField(_l("Give them to"))
