"""The forms of contests: an entry, a jury score, the contest itself, its prizes and jury."""

from __future__ import annotations

import datetime as dt
from typing import Any

from wtforms import (
    BooleanField,
    DateTimeLocalField,
    FileField,
    HiddenField,
    IntegerField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from qunclub.web import Form, _l, club

from . import rules
from .models import Contest
from .rules import Terms

# The first is how browsers write and read it.
TYPED = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]
COUNT = {"inputmode": "numeric", "min": 0}


class EntryForm(Form):
    """What is entered."""

    title = StringField(_l("Title"), [InputRequired(), Length(max=160)], render_kw={"maxlength": 160})
    body_md = TextAreaField(_l("Your entry"))
    picture = FileField(_l("Picture"))
    drop_picture = BooleanField(_l("Take the picture out"))
    version = HiddenField()


class ScoreForm(Form):
    """What a juror gives an entry."""

    score = IntegerField(
        _l("Score"),
        [InputRequired(), NumberRange(0, rules.MOST_SCORE)],
        description=_l("0 to 100."),
        render_kw={"inputmode": "numeric", "min": 0, "max": rules.MOST_SCORE, "step": 1},
    )
    comment = TextAreaField(
        _l("Comment"),
        [Length(max=rules.MOST_COMMENT)],
        description=_l("The author reads it with the results, without your name."),
        render_kw={"rows": 4, "maxlength": rules.MOST_COMMENT},
    )


class ContestForm(Form):
    """The call, the windows and how it is judged. Times are in the club's time zone."""

    version = HiddenField()
    title = StringField(_l("Title"), [InputRequired(), Length(max=160)], render_kw={"maxlength": 160})
    slug = StringField(
        _l("Address"), [Optional(), Length(max=80)], description=_l("Small letters, digits and hyphens.")
    )
    summary = TextAreaField(_l("In one or two sentences"), [Length(max=400)], render_kw={"rows": 2})
    call_md = TextAreaField(_l("The call"), description=_l("Markdown."))
    opens_at = DateTimeLocalField(_l("Entering opens"), [InputRequired()], format=TYPED)
    closes_at = DateTimeLocalField(
        _l("Entering closes, voting begins"),
        [InputRequired()],
        format=TYPED,
        description=_l("From then on everybody sees the entries, without names."),
    )
    votes_until = DateTimeLocalField(_l("Voting ends"), [InputRequired()], format=TYPED)
    jury_percent = IntegerField(
        _l("Weight of the jury, in percent"),
        [InputRequired()],
        description=_l("The rest is the weight of the members' votes."),
        render_kw=COUNT,
    )
    votes_per_member = IntegerField(_l("Votes of each member"), [InputRequired()], render_kw=COUNT)
    entries_per_member = IntegerField(_l("Entries of each member"), [InputRequired()], render_kw=COUNT)

    def values(self) -> dict[str, Any]:
        """What the services take, in UTC."""
        opens, closes, until = self.opens_at.data, self.closes_at.data, self.votes_until.data
        assert opens is not None and closes is not None and until is not None  # all are required
        return {
            "title": self.title.data or "",
            "slug": (self.slug.data or "").strip(),
            "summary": self.summary.data or "",
            "call_md": self.call_md.data or "",
            "terms": Terms(
                opens_at=to_utc(opens),
                closes_at=to_utc(closes),
                votes_until=to_utc(until),
                jury_percent=self.jury_percent.data or 0,
                votes_per_member=self.votes_per_member.data or 0,
                entries_per_member=self.entries_per_member.data or 0,
            ),
        }


class PrizeForm(Form):
    """One more prize."""

    title = StringField(_l("Prize"), [InputRequired(), Length(max=160)], render_kw={"maxlength": 160})
    first_place = IntegerField(
        _l("From place"),
        [InputRequired()],
        default=1,
        description=_l("The best place it is for; lower places win it as long as pieces are left."),
        render_kw=COUNT,
    )
    stock = IntegerField(_l("Pieces"), [InputRequired()], default=1, render_kw=COUNT)


class JurorForm(Form):
    """One more juror."""

    who = StringField(_l("Member number or e-mail address"), [InputRequired(), Length(max=254)])


class ReasonForm(Form):
    """Why an entry is taken out."""

    reason = TextAreaField(
        _l("Reason"),
        [InputRequired(), Length(max=1000)],
        description=_l("The author reads it."),
        render_kw={"rows": 4, "maxlength": 1000},
    )


def to_utc(moment: dt.datetime) -> dt.datetime:
    """A time that was typed, as the club's clock reads it."""
    return moment.replace(tzinfo=club().settings.zone).astimezone(dt.UTC)


def typed(moment: dt.datetime) -> dt.datetime:
    """A time as it is shown in the field."""
    return moment.astimezone(club().settings.zone).replace(tzinfo=None, second=0, microsecond=0)


def data_of(contest: Contest) -> dict[str, Any]:
    """What the form shows of a contest."""
    names = ("title", "slug", "summary", "call_md", "jury_percent", "votes_per_member", "entries_per_member")
    shown: dict[str, Any] = {name: getattr(contest, name) for name in (*names, "version")}
    moments = {name: typed(getattr(contest, name)) for name in ("opens_at", "closes_at", "votes_until")}
    return {**shown, **moments}


def fresh(now: dt.datetime) -> dict[str, Any]:
    """A proposal: two weeks to enter from the next midnight, one week to vote."""
    start = typed(now).replace(hour=0, minute=0) + dt.timedelta(days=1)
    return {
        "opens_at": start,
        "closes_at": start + dt.timedelta(days=14),
        "votes_until": start + dt.timedelta(days=21),
        "jury_percent": 60,
        "votes_per_member": 3,
        "entries_per_member": 1,
    }
