"""Forms of homework: handing in, and writing an assignment with its rubric."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from wtforms import (
    DateTimeLocalField,
    FieldList,
    FormField,
    HiddenField,
    IntegerField,
    MultipleFileField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms import Form as PlainForm
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from qunclub.web import Form, _l

from .rules import CriterionSpec

# As a browser's field for a local time sends and wants it.
TIMES = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]


class SubmitForm(Form):
    """Work as it is handed in."""

    body_md = TextAreaField(_l("Your work"), description=_l("Markdown."))
    files = MultipleFileField(_l("Files"))


class CriterionForm(PlainForm):
    """One line of a rubric; without a name it is left out."""

    criterion_id = HiddenField()
    title = StringField(_l("Criterion"), [Length(max=120)])
    description = StringField(_l("What it looks at"), [Length(max=400)])
    max_points = IntegerField(_l("Maximum"), [Optional(), NumberRange(1, 100)], default=10)
    weight = IntegerField(_l("Weight"), [Optional(), NumberRange(1, 100)], default=1)


class AssignmentForm(Form):
    """An assignment with its rubric."""

    course_id = SelectField(_l("Course"), coerce=int)
    title = StringField(_l("Title"), [InputRequired(), Length(max=160)])
    slug = StringField(
        _l("Address"), [Optional(), Length(max=80)], description=_l("Small letters, digits and hyphens.")
    )
    brief_md = TextAreaField(_l("What to do"), [InputRequired()], description=_l("Markdown."))
    opens_at = DateTimeLocalField(_l("Opens"), [Optional()], format=TIMES)
    due_at = DateTimeLocalField(_l("Due"), [Optional()], format=TIMES)
    max_attempts = IntegerField(
        _l("Most attempts"), [Optional(), NumberRange(1, 20)], description=_l("Empty: as many as it takes.")
    )
    criteria = FieldList(FormField(CriterionForm), label=_l("Rubric"))
    version = HiddenField()

    def specs(self) -> list[CriterionSpec]:
        """The criteria that have a name."""
        found = []
        for entry in self.criteria.entries:
            line: CriterionForm = entry.form
            if (line.title.data or "").strip():
                known = line.criterion_id.data or ""
                found.append(
                    CriterionSpec(
                        title=(line.title.data or "").strip(),
                        description=(line.description.data or "").strip(),
                        max_points=line.max_points.data or 10,
                        weight=line.weight.data or 1,
                        criterion_id=int(known) if known.isdigit() else None,
                    )
                )
        return found


def to_utc(stamp: dt.datetime | None, zone: ZoneInfo) -> dt.datetime | None:
    """A typed local time of the club as aware UTC."""
    return stamp.replace(tzinfo=zone).astimezone(dt.UTC) if stamp is not None else None


def to_local(stamp: dt.datetime | None, zone: ZoneInfo) -> dt.datetime | None:
    """An aware time as the local one a form shows."""
    return stamp.astimezone(zone).replace(tzinfo=None) if stamp is not None else None
