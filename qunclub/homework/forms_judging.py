"""The form that says how an assignment is judged."""

from __future__ import annotations

from wtforms import HiddenField, SelectField

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
    version = HiddenField()
