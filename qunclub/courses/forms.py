"""Forms of the course editor."""

from __future__ import annotations

import datetime as dt

from wtforms import BooleanField, DateTimeLocalField, HiddenField, IntegerField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from qunclub.web import Form, SelectField, _l, club

from . import rules
from .forms_conditions import ConditionsForm

# As a browser's field for a local time sends and wants it.
TIMES = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]


class CourseForm(ConditionsForm):
    """A course."""

    title = StringField(_l("Title"), [InputRequired(), Length(max=160)])
    slug = StringField(
        _l("Address"), [Optional(), Length(max=80)], description=_l("Small letters, digits and hyphens.")
    )
    summary = TextAreaField(_l("In one or two sentences"), [Length(max=400)])
    description_md = TextAreaField(_l("What it teaches"), description=_l("Markdown."))
    ordered = BooleanField(_l("One after the other: a lesson opens when those before it are done"))
    certificate = BooleanField(
        _l("A certificate for whoever finishes every lesson"),
        description=_l("Issued with the last lesson; anybody can check it at its public address."),
    )
    version = HiddenField()


class LessonForm(Form):
    """A lesson."""

    title = StringField(_l("Title"), [InputRequired(), Length(max=160)])
    slug = StringField(
        _l("Address"), [Optional(), Length(max=80)], description=_l("Small letters, digits and hyphens.")
    )
    summary = TextAreaField(_l("In one or two sentences"), [Length(max=400)])
    minutes = IntegerField(
        _l("Minutes to read"), [Optional(), NumberRange(0, rules.MOST_MINUTES)], default=10
    )
    is_preview = BooleanField(_l("Free preview: anyone can read it"))
    state = SelectField(
        _l("State"), choices=[("published", _l("Published")), ("draft", _l("Draft"))], default="published"
    )
    opens_at = DateTimeLocalField(
        _l("Opens on"), [Optional()], format=TIMES, description=_l("Empty: at once. In the club's time zone.")
    )
    opens_after_days = IntegerField(
        _l("Opens so many days after the reader's own start"),
        [Optional(), NumberRange(0, rules.MOST_DAYS)],
        description=_l("Empty: at once. With a date too, the later of the two counts."),
    )
    kind = SelectField(
        _l("Kind"),
        choices=[
            ("article", _l("Article")),
            ("audio", _l("Audio")),
            ("video", _l("Video")),
            ("live", _l("Live session")),
            ("file", _l("File to take away")),
        ],
        default="article",
    )
    media = SelectField(
        _l("File of this lesson"),
        choices=[],
        validate_choice=False,
        description=_l("For audio, video and a file to take away."),
    )
    live_url = StringField(
        _l("Link to the live session"), [Optional(), Length(max=500)], description=_l("For a live session.")
    )
    live_starts_at = DateTimeLocalField(
        _l("Begins"), [Optional()], format=TIMES, description=_l("In the club's time zone.")
    )
    live_ends_at = DateTimeLocalField(
        _l("Ends"), [Optional()], format=TIMES, description=_l("Empty: a day after it begins.")
    )
    body_md = TextAreaField(_l("Text"), [InputRequired()], description=_l("Markdown."))
    version = HiddenField()


def to_utc(typed: dt.datetime | None) -> dt.datetime | None:
    """A time that was typed, as the club's clock reads it."""
    return None if typed is None else typed.replace(tzinfo=club().settings.zone).astimezone(dt.UTC)


def typed(moment: dt.datetime | None) -> dt.datetime | None:
    """A time as it is shown in the field."""
    if moment is None:
        return None
    return moment.astimezone(club().settings.zone).replace(tzinfo=None, second=0, microsecond=0)
