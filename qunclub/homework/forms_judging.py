"""The form that says how an assignment is judged."""

from __future__ import annotations

from wtforms import DateTimeLocalField, HiddenField, IntegerField
from wtforms.validators import InputRequired, NumberRange, Optional

from qunclub.web import Form, SelectField, _l

from .forms import TIMES

BLIND = [
    ("", _l("Everybody is named")),
    ("author", _l("Instructors do not see who wrote it")),
    ("both", _l("Neither sees the other")),
]
RELEASE = [
    ("at_once", _l("each at once")),
    ("together", _l("all together")),
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
    release = SelectField(_l("Verdicts come out"), choices=RELEASE, default="at_once")
    release_at = DateTimeLocalField(
        _l("Release"),
        [Optional()],
        format=TIMES,
        description=_l(
            "Empty: when somebody presses release at the desk. Only for verdicts that come out together."
        ),
    )
    version = HiddenField()
