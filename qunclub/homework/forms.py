"""Forms of homework: handing in, and writing an assignment with its rubric."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from wtforms import (
    BooleanField,
    DateTimeLocalField,
    FieldList,
    FormField,
    HiddenField,
    IntegerField,
    MultipleFileField,
    StringField,
    TextAreaField,
)
from wtforms import Form as PlainForm
from wtforms.validators import InputRequired, Length, NumberRange, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from qunclub.web import Form, SelectField, SelectMultipleField, _l

from .rules import CriterionSpec
from .rules_levels import MAX_DESCRIPTION, MAX_TITLE, LevelSpec
from .rules_points import MOST
from .rules_teams import MOST as MOST_IN_TEAM

# As a browser's field for a local time sends and wants it.
LATE = [
    ("accept", _l("is taken, without the points for being on time")),
    ("deduct", _l("loses a part of its score each day")),
    ("refuse", _l("is not taken: it closes when it is due")),
]
TEXTS = [("optional", _l("may be there")), ("required", _l("has to be there"))]
FILES = [*TEXTS, ("none", _l("are not taken"))]
LINKS = [("none", _l("is not asked for")), *TEXTS]
KINDS = [
    ("picture", _l("Pictures")),
    ("pdf", "PDF"),
    ("office", "DOCX, PPTX, XLSX"),
    ("archive", "ZIP"),
    ("text", "TXT, MD"),
]
TIMES = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]


class SubmitForm(Form):
    """Work as it is handed in."""

    body_md = TextAreaField(_l("Your work"), description=_l("Markdown."))
    link = StringField(_l("Link"))
    files = MultipleFileField(_l("Files"))
    draft_version = HiddenField()


class LevelForm(PlainForm):
    """One level of a criterion; without a name it is left out."""

    title = StringField(_l("Name of the level"), [Length(max=MAX_TITLE)])
    description = StringField(_l("What work of this level is like"), [Length(max=MAX_DESCRIPTION)])
    points = IntegerField(_l("Points"), [Optional(), NumberRange(0, 100)])


class CriterionForm(PlainForm):
    """One line of a rubric; without a name it is left out."""

    criterion_id = HiddenField()
    title = StringField(_l("Criterion"), [Length(max=120)])
    description = StringField(_l("What it looks at"), [Length(max=400)])
    max_points = IntegerField(_l("Maximum"), [Optional(), NumberRange(1, 100)], default=10)
    weight = IntegerField(_l("Weight"), [Optional(), NumberRange(1, 100)], default=1)
    levels = FieldList(FormField(LevelForm))

    def steps(self) -> tuple[LevelSpec, ...]:
        """The levels that have a name or points."""
        found = []
        for entry in self.levels.entries:
            title, points = (entry.form.title.data or "").strip(), entry.form.points.data
            if title or points is not None:
                # Without points it is no level yet; the rule says so.
                said = (entry.form.description.data or "").strip()
                found.append(LevelSpec(-1 if points is None else points, title, said))
        return tuple(found)


class ExtensionForm(Form):
    """More time, for a member or for a group."""

    number = IntegerField(
        _l("Member number"), [Optional(), NumberRange(1)], description=_l("Or choose a group.")
    )
    group_id = SelectField(_l("Group"), coerce=int, default=0)
    due_at = DateTimeLocalField(_l("Due"), [InputRequired()], format=TIMES)
    cut_off_at = DateTimeLocalField(_l("Closes"), [Optional()], format=TIMES)
    reason = StringField(
        _l("Reason"), [InputRequired(), Length(max=300)], description=_l("Kept in the audit log.")
    )


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
    cut_off_at = DateTimeLocalField(
        _l("Closes"),
        [Optional()],
        format=TIMES,
        description=_l("From then on nothing is taken, but revisions that were asked for."),
    )
    late_policy = SelectField(_l("Late work"), choices=LATE, default="accept")
    late_percent = IntegerField(
        _l("Percent a day"),
        [Optional(), NumberRange(1, 100)],
        description=_l("Only when late work loses a part of its score."),
    )
    optional = BooleanField(_l("Nobody is asked to do it (optional)"))
    text_part = SelectField(_l("Text"), choices=TEXTS, default="optional")
    file_part = SelectField(_l("Files"), choices=FILES, default="optional")
    file_kinds = SelectMultipleField(
        _l("Kinds of files"),
        choices=KINDS,
        description=_l("None chosen: every kind the club takes."),
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )
    link_part = SelectField(_l("Link"), choices=LINKS, default="none")
    max_attempts = IntegerField(
        _l("Most attempts"), [Optional(), NumberRange(1, 20)], description=_l("Empty: as many as it takes.")
    )
    team_min = IntegerField(_l("Group work: fewest in a team"), [Optional(), NumberRange(1, MOST_IN_TEAM)])
    team_max = IntegerField(
        _l("Group work: most in a team"),
        [Optional(), NumberRange(2, MOST_IN_TEAM)],
        description=_l("Both empty: everybody works alone."),
    )
    points_accepted = IntegerField(
        _l("Points for the best score"),
        [Optional(), NumberRange(0, MOST)],
        description=_l(
            "Accepted work earns that share of them that its score is. Empty: as many as its score."
        ),
    )
    points_featured = IntegerField(
        _l("Points for being featured"),
        [Optional(), NumberRange(0, MOST)],
        description=_l("Empty: what the club's rule gives."),
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
                        criterion_id=int(known) if known.isdecimal() and len(known) < 16 else None,
                        levels=line.steps(),
                    )
                )
        return found


def to_utc(stamp: dt.datetime | None, zone: ZoneInfo) -> dt.datetime | None:
    """A typed local time of the club as aware UTC."""
    return stamp.replace(tzinfo=zone).astimezone(dt.UTC) if stamp is not None else None


def to_local(stamp: dt.datetime | None, zone: ZoneInfo) -> dt.datetime | None:
    """An aware time as the local one a form shows."""
    return stamp.astimezone(zone).replace(tzinfo=None) if stamp is not None else None
