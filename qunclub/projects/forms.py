"""The forms of projects: the project, its pieces, a delivery, a verdict, and the lead's acts."""

from __future__ import annotations

import datetime as dt
from typing import Any

from wtforms import (
    BooleanField,
    DateTimeLocalField,
    HiddenField,
    IntegerField,
    MultipleFileField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional, Regexp

from qunclub.kernel import parse_amount, skills, to_decimal
from qunclub.web import Form, _l, club

from . import rules
from .models import Piece, Project
from .services_lead import PieceText, ProjectText, Terms

# The first is how browsers write and read it.
TYPED = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]
COUNT = {"inputmode": "numeric", "min": 0}
WORDS = {"rows": 3, "maxlength": rules.MOST_WORDS}


class TextForm(Form):
    """What a project says of itself: its lead's to write."""

    version = HiddenField()
    title = StringField(_l("Title"), [InputRequired(), Length(max=160)], render_kw={"maxlength": 160})
    summary = TextAreaField(_l("In one or two sentences"), [Length(max=400)], render_kw={"rows": 2})
    description_md = TextAreaField(_l("What it is about"), description=_l("Markdown."))
    skills = StringField(
        _l("Skills wanted"),
        description=_l("With commas between them, such as layout, charts, editing."),
    )
    public = BooleanField(
        _l("Everybody may read this page"),
        description=_l("Without it only the core group and those at work on it do. Pay is never public."),
    )

    def text(self) -> ProjectText:
        """What the services take.

        Raises:
            Invalid: on field ``skills``.
        """
        return ProjectText(
            title=self.title.data or "",
            summary=self.summary.data or "",
            description_md=self.description_md.data or "",
            skills=skills.split(self.skills.data or ""),
            public=bool(self.public.data),
        )


class ProjectForm(TextForm):
    """The same with its terms: an admin's to set."""

    slug = StringField(
        _l("Address"), [Optional(), Length(max=80)], description=_l("Small letters, digits and hyphens.")
    )
    lead_number = IntegerField(
        _l("Led by"),
        [Optional(), NumberRange(1, 999_999_999)],
        description=_l(
            "The number of a core member, an admin, or somebody whose level may lead; empty when the admins lead it."
        ),
        render_kw=COUNT,
    )
    currency = StringField(
        _l("Currency"),
        [InputRequired(), Regexp(r"^[A-Za-z]{3}$", message=_l("Three letters, such as CNY."))],
        render_kw={"maxlength": 3},
    )
    pay_note = TextAreaField(
        _l("Agreed about pay"),
        [Length(max=rules.MOST_WORDS)],
        description=_l("When and how it is paid. The club records it here; it pays nothing by itself."),
        render_kw=WORDS,
    )
    claims_per_member = IntegerField(
        _l("Pieces one may hold at a time"),
        [InputRequired(), NumberRange(1, rules.MOST_CLAIMS)],
        render_kw=COUNT,
    )
    claim_days = IntegerField(
        _l("Days for a piece without a day of its own"),
        [InputRequired(), NumberRange(1, rules.MOST_DAYS)],
        render_kw=COUNT,
    )

    def terms(self) -> Terms:
        """What the services take."""
        return Terms(
            lead_number=self.lead_number.data,
            currency=(self.currency.data or "").upper(),
            pay_note=self.pay_note.data or "",
            claims_per_member=self.claims_per_member.data or 0,
            claim_days=self.claim_days.data or 0,
        )


class PieceForm(Form):
    """A piece as its lead writes it. Times are in the club's time zone."""

    version = HiddenField()
    title = StringField(_l("Title"), [InputRequired(), Length(max=160)], render_kw={"maxlength": 160})
    brief_md = TextAreaField(_l("What is to be done"), description=_l("Markdown."))
    skill = StringField(_l("Skill"), [Length(max=20)], render_kw={"maxlength": 20})
    due_at = DateTimeLocalField(_l("Due"), [Optional()], format=TYPED)
    points = IntegerField(
        _l("Points when accepted"), [InputRequired(), NumberRange(0, rules.MOST_POINTS)], render_kw=COUNT
    )
    pay = StringField(_l("Agreed pay"), description=_l("In whole units, such as 300 or 300.00; 0 for none."))

    def text(self, currency: str) -> PieceText:
        """What the services take.

        Raises:
            Invalid: on field ``pay``.
        """
        return PieceText(
            title=self.title.data or "",
            brief_md=self.brief_md.data or "",
            skill=self.skill.data or "",
            due_at=to_utc(self.due_at.data),
            points=self.points.data or 0,
            pay=parse_amount(self.pay.data or "0", currency, field="pay"),
        )


class DeliverForm(Form):
    """What a holder delivers."""

    body_md = TextAreaField(
        _l("What you made"), [Length(max=rules.MOST_TEXT)], description=_l("Markdown."), render_kw={"rows": 8}
    )
    link = StringField(_l("Link"))
    files = MultipleFileField(_l("Files"))


class VerdictForm(Form):
    """What the lead says of it."""

    words = TextAreaField(
        _l("Words"),
        [Length(max=rules.MOST_WORDS)],
        description=_l("Whoever made it reads them. Needed to return it."),
        render_kw=WORDS,
    )


class AssignForm(Form):
    """Whom a piece goes to."""

    number = IntegerField(
        _l("Member number"),
        [InputRequired(), NumberRange(1, 999_999_999)],
        description=_l("Somebody of the core group."),
        render_kw=COUNT,
    )
    due_at = DateTimeLocalField(_l("Due"), [Optional()], format=TYPED)
    words = TextAreaField(_l("Words"), [Length(max=rules.MOST_WORDS)], render_kw=WORDS)


class ExtendForm(Form):
    """More time."""

    due_at = DateTimeLocalField(_l("Due"), [InputRequired()], format=TYPED)
    words = TextAreaField(_l("Words"), [Length(max=rules.MOST_WORDS)], render_kw=WORDS)


class ReasonForm(Form):
    """Why."""

    reason = TextAreaField(
        _l("Reason"),
        [InputRequired(), Length(max=rules.MOST_WORDS)],
        description=_l("Whoever holds or made it reads it."),
        render_kw=WORDS,
    )


def to_utc(moment: dt.datetime | None) -> dt.datetime | None:
    """A time that was typed, as the club's clock reads it."""
    return None if moment is None else moment.replace(tzinfo=club().settings.zone).astimezone(dt.UTC)


def typed(moment: dt.datetime | None) -> dt.datetime | None:
    """A time as it is shown in the field."""
    if moment is None:
        return None
    return moment.astimezone(club().settings.zone).replace(tzinfo=None, second=0, microsecond=0)


def data_of(project: Project, lead_number: int | None) -> dict[str, Any]:
    """What the forms show of a project."""
    names = (
        "version", "title", "slug", "summary", "description_md", "public", "currency", "pay_note",
        "claims_per_member", "claim_days",
    )  # fmt: skip
    shown: dict[str, Any] = {name: getattr(project, name) for name in names}
    return {**shown, "skills": skills.joined(project.skills), "lead_number": lead_number}


def data_of_piece(piece: Piece, currency: str) -> dict[str, Any]:
    """What the form shows of a piece."""
    names = ("version", "title", "brief_md", "skill", "points")
    shown: dict[str, Any] = {name: getattr(piece, name) for name in names}
    return {**shown, "due_at": typed(piece.due_at), "pay": str(to_decimal(piece.pay, currency))}


def kept_due(form: PieceForm, piece: Piece) -> dt.datetime | None:
    """The day of the form, or the piece's own to the second when the form shows that minute."""
    if form.due_at.data == typed(piece.due_at):
        return piece.due_at
    return to_utc(form.due_at.data)
