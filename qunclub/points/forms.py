"""Forms about points."""

from __future__ import annotations

from wtforms import BooleanField, DateField, HiddenField, IntegerField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from qunclub.web import Form, SelectField, _l


class GrantForm(Form):
    """Points by hand; *key* is new with every shown form, so that a double click gives once."""

    key = HiddenField(validators=[InputRequired(), Length(max=60)])
    number = IntegerField(
        _l("Number of the member"),
        [InputRequired(), NumberRange(1, 999_999_999)],
        render_kw={"inputmode": "numeric", "min": 1},
    )
    amount = IntegerField(_l("Points"), [InputRequired()], render_kw={"inputmode": "numeric", "min": 1})
    reason = TextAreaField(
        _l("What it is for"),
        [InputRequired(), Length(max=500)],
        description=_l("The member reads this sentence beside the points."),
        render_kw={"rows": 3},
    )


class RecordForm(Form):
    """A contribution that no room sees; *seen* is what was shown of its effect, so that nothing else is written."""

    seen = HiddenField(validators=[Length(max=200)])
    number = IntegerField(
        _l("Number of the member"),
        [InputRequired(), NumberRange(1, 999_999_999)],
        render_kw={"inputmode": "numeric", "min": 1},
    )
    kind = SelectField(_l("Kind of contribution"))
    day = DateField(
        _l("Day it happened"),
        [InputRequired()],
        description=_l("It decides the season in which the points count."),
    )
    what = StringField(
        _l("What it was"),
        [InputRequired(), Length(max=200)],
        description=_l("The member reads it beside the points. The same stands once for a member and a day."),
    )


class ReverseForm(Form):
    """Why a line is taken back."""

    reason = TextAreaField(
        _l("Why it is taken back"),
        [InputRequired(), Length(max=500)],
        description=_l("The member reads this sentence beside the line."),
        render_kw={"rows": 3},
    )


class RuleForm(Form):
    """What one kind of contribution earns."""

    amount = IntegerField(_l("Points"), [InputRequired()], render_kw={"inputmode": "numeric", "min": 0})
    honours = IntegerField(
        _l("Breaks ties by"),
        [InputRequired()],
        description=_l("Added to the count that decides between equal points; 0 for most kinds."),
        render_kw={"inputmode": "numeric", "min": 0, "max": 10},
    )
    active = BooleanField(_l("Switched on"))
    day = IntegerField(
        _l("Most points of a day"),
        [Optional()],
        description=_l("For one member; empty: no limit. A day is one of UTC."),
        render_kw={"inputmode": "numeric", "min": 0},
    )
    season = IntegerField(
        _l("Most points of a season"),
        [Optional()],
        description=_l("For one member; empty: no limit."),
        render_kw={"inputmode": "numeric", "min": 0},
    )
    steps = StringField(
        _l("Less for more of a day"),
        [Length(max=80)],
        description=_l("3:50, 10:0 means: after 3 of a day each gives half, after 10 nothing."),
    )
    ring_days = IntegerField(
        _l("Days without giving back"),
        [Optional()],
        description=_l(
            "Nobody earns from somebody to whom they gave points within so many days; 0: not asked."
        ),
        render_kw={"inputmode": "numeric", "min": 0},
    )
    reason = StringField(
        _l("Why it changes"),
        [Length(max=500)],
        description=_l("Everybody can read it beside the old and the new rule."),
    )
    version = HiddenField(validators=[InputRequired(), Length(max=12)])
