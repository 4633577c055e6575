"""The form that says how an assignment is judged."""

from __future__ import annotations

from wtforms import HiddenField, IntegerField, SelectField
from wtforms.validators import InputRequired, NumberRange

from qunclub.web import Form, _l

BLIND = [
    ("", _l("Everybody is named")),
    ("author", _l("Instructors do not see who wrote it")),
    ("both", _l("Neither sees the other")),
]


class JudgingForm(Form):
    """How an assignment is judged."""

    blind = SelectField(
        _l("Blind review"),
        choices=BLIND,
        default="",
        description=_l(
            "Until the verdict is out, the desk shows neither name, number nor names of files. "
            "What an author writes into the work itself stays."
        ),
    )
    second_percent = IntegerField(
        _l("Second judgement, percent of the works"),
        [InputRequired(), NumberRange(0, 100)],
        default=0,
        description=_l(
            "So many of a hundred works are judged by two instructors who do not see each other's judgement. "
            "Drawn when a work is first handed in; nobody can tell which."
        ),
    )
    divergence = IntegerField(
        _l("How far two scores may lie apart"),
        [InputRequired(), NumberRange(0, 100)],
        default=10,
        description=_l(
            "In points of 100. Within it, and with the same verdict, the mean counts; beyond it a third instructor "
            "decides."
        ),
    )
    version = HiddenField()
