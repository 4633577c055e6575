"""Forms of the course editor."""

from __future__ import annotations

from wtforms import BooleanField, HiddenField, IntegerField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from qunclub.web import Form, _l


class CourseForm(Form):
    """A course."""

    title = StringField(_l("Title"), [InputRequired(), Length(max=160)])
    slug = StringField(
        _l("Address"), [Optional(), Length(max=80)], description=_l("Small letters, digits and hyphens.")
    )
    summary = TextAreaField(_l("In one or two sentences"), [Length(max=400)])
    description_md = TextAreaField(_l("What it teaches"), description=_l("Markdown."))
    version = HiddenField()


class LessonForm(Form):
    """A lesson."""

    title = StringField(_l("Title"), [InputRequired(), Length(max=160)])
    slug = StringField(
        _l("Address"), [Optional(), Length(max=80)], description=_l("Small letters, digits and hyphens.")
    )
    summary = TextAreaField(_l("In one or two sentences"), [Length(max=400)])
    minutes = IntegerField(_l("Minutes to read"), [Optional(), NumberRange(0, 600)], default=10)
    is_preview = BooleanField(_l("Free preview: anyone can read it"))
    body_md = TextAreaField(_l("Text"), [InputRequired()], description=_l("Markdown."))
    version = HiddenField()
