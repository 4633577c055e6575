"""Forms of questions and answers."""

from __future__ import annotations

from wtforms import HiddenField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from qunclub.web import Form, _l

from . import rules_questions as rules


class QuestionForm(Form):
    """A question in three parts."""

    scene = TextAreaField(
        _l("Scene"),
        [InputRequired(), Length(max=rules.MOST_SCENE)],
        description=_l("Where you are: what were you doing, with what, when it came up?"),
    )
    detail_md = TextAreaField(
        _l("The details"),
        [Length(max=rules.MOST_DETAIL)],
        description=_l("What you tried and what happened. Markdown."),
    )
    ask = StringField(
        _l("What you ask"),
        [InputRequired(), Length(max=rules.MOST_ASK)],
        description=_l("In one sentence, so that others know at once whether they can help."),
    )
    version = HiddenField()


class AnswerForm(Form):
    """An answer."""

    body_md = TextAreaField(
        _l("Your answer"), [InputRequired(), Length(max=rules.MOST_ANSWER)], description=_l("Markdown.")
    )
    version = HiddenField()


class ReasonForm(Form):
    """Why something is done that concerns somebody else."""

    reason = TextAreaField(_l("Reason"), [InputRequired(), Length(max=rules.MOST_REASON)])
