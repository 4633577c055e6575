"""Forms of the house."""

from __future__ import annotations

import datetime as dt
from typing import Any

from wtforms import DateTimeLocalField, HiddenField, IntegerField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from qunclub.web import Form, SelectField, _l, club

from . import rules, rules_ladder
from .views_words import ACTS_OF, CATEGORIES, ROLES

TYPED = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]
NUMBER = {"inputmode": "numeric", "min": 0}


def _zero(typed: int | None) -> int:
    return 0 if typed is None else typed


class ScheduleForm(Form):
    """When a group is open, and how slowly it is written in."""

    windows = TextAreaField(
        _l("Open hours"),
        [Length(max=2_000)],
        description=_l(
            "One line each: days and hours by the club's clock, Monday is 1. For example 5 20:00-22:00, or "
            "1-5 21:00-00:30 for weekdays until after midnight. Empty: no hours are set."
        ),
        render_kw={"rows": 4, "placeholder": "5 20:00-22:00"},
    )
    slow_seconds = IntegerField(
        _l("Slow mode, in seconds"),
        [Optional(), NumberRange(0, rules.MOST_SLOW)],
        filters=[_zero],
        description=_l("The least between two posts of a member; 0: no slow mode."),
        render_kw=NUMBER,
    )
    version = HiddenField()


class MuteForm(Form):
    """Who does not write for a while."""

    role = SelectField(_l("Who is muted"), choices=list(ROLES.items()))
    starts_at = DateTimeLocalField(
        _l("From"), [Optional()], format=TYPED, description=_l("Empty: from now on.")
    )
    hours = IntegerField(
        _l("For how many hours"),
        [Optional(), NumberRange(0, 24 * rules_ladder.MOST_DAYS)],
        filters=[_zero],
        description=_l("0: until a host lifts it."),
        render_kw=NUMBER,
    )
    reason = TextAreaField(
        _l("Reason"),
        [InputRequired(), Length(max=rules.MOST_REASON)],
        description=_l("Members read it on the group's page."),
        render_kw={"rows": 2},
    )

    def span(self, now: dt.datetime) -> tuple[dt.datetime, dt.datetime | None]:
        """From when and until when (UTC)."""
        typed = self.starts_at.data
        start = now if typed is None else typed.replace(tzinfo=club().settings.zone).astimezone(dt.UTC)
        start = max(start, now)
        return start, start + dt.timedelta(hours=self.hours.data) if self.hours.data else None


class ReportForm(Form):
    """What is wrong."""

    number = IntegerField(
        _l("Member number"),
        [InputRequired()],
        description=_l("It stands before the name in the group."),
        render_kw={"inputmode": "numeric", "min": 1},
    )
    category = SelectField(_l("What is wrong"), choices=list(CATEGORIES.items()))
    reason = TextAreaField(
        _l("What happened"),
        [InputRequired(), Length(max=rules_ladder.MOST_REASON)],
        description=_l("When, where, in which words. Only the hosts read it; they do not say who told them."),
        render_kw={"rows": 4},
    )


class SubjectReportForm(ReportForm):
    """The same of something that is known already."""

    number: Any = None


class ReasonForm(Form):
    """An appeal, or why something is taken back."""

    reason = TextAreaField(
        _l("Reason"), [InputRequired(), Length(max=rules_ladder.MOST_REASON)], render_kw={"rows": 4}
    )


class AnswerForm(Form):
    """An answer to those who asked."""

    answer = TextAreaField(
        _l("Answer"), [InputRequired(), Length(max=rules_ladder.MOST_REASON)], render_kw={"rows": 3}
    )


class SanctionForm(Form):
    """What follows a violation."""

    act = SelectField(_l("What follows"), choices=[(act, ACTS_OF[act]) for act in rules_ladder.ACTS])
    days = IntegerField(
        _l("Days of a mute"),
        [Optional(), NumberRange(0, rules_ladder.MOST_DAYS)],
        filters=[_zero],
        description=_l("0: until a host lifts it. Means nothing for a warning or a removal."),
        render_kw=NUMBER,
    )
    reason = TextAreaField(
        _l("Reason"),
        [InputRequired(), Length(max=rules_ladder.MOST_REASON)],
        description=_l("The member reads it: what they did, and which rule it broke."),
        render_kw={"rows": 3},
    )
    departure = TextAreaField(
        _l("Why otherwise than the ladder proposes"),
        [Length(max=rules_ladder.MOST_REASON)],
        description=_l("Needed when you choose otherwise; hosts and admins read it."),
        render_kw={"rows": 2},
    )


class ActForm(SanctionForm):
    """The same without a report."""

    category = SelectField(_l("What is wrong"), choices=list(CATEGORIES.items()))
