"""The form of a season in draft."""

from __future__ import annotations

import datetime as dt
from typing import Any

from wtforms import DateTimeLocalField, HiddenField, IntegerField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from qunclub.web import Form, _l, club

from .models import Season

# The first is how browsers write and read it.
TYPED = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]
COUNT = {"inputmode": "numeric", "min": 0}


class EndForm(Form):
    """Why a season ends before its day."""

    reason = TextAreaField(
        _l("Reason"),
        [InputRequired(), Length(max=500)],
        description=_l("Everybody reads it on the season's page."),
        render_kw={"rows": 2, "maxlength": 500},
    )


class SeasonForm(Form):
    """The formula: when, how many seats, how many leave. Times are in the club's time zone."""

    version = HiddenField()
    name = StringField(_l("Name"), [InputRequired(), Length(max=120)], render_kw={"maxlength": 120})
    slug = StringField(
        _l("Address"),
        [InputRequired(), Length(max=40)],
        description=_l("Lower-case letters, digits and hyphens, such as 2026-spring."),
        render_kw={"maxlength": 40},
    )
    starts_at = DateTimeLocalField(_l("Begins"), [InputRequired()], format=TYPED)
    ends_at = DateTimeLocalField(
        _l("Ends"),
        [InputRequired()],
        format=TYPED,
        description=_l("What is earned from this moment on counts in the next season."),
    )
    seats = IntegerField(_l("Seats of the core group"), [InputRequired()], render_kw=COUNT)
    eliminate = IntegerField(
        _l("How many leave"),
        [InputRequired()],
        description=_l("The last places of a full core group; 0: nobody leaves."),
        render_kw=COUNT,
    )
    protection = IntegerField(
        _l("Protection"),
        [InputRequired()],
        description=_l("At how many closings after joining nobody can leave."),
        render_kw=COUNT,
    )
    min_points = IntegerField(
        _l("Least points to rise"), [InputRequired()], description=_l("1 or more."), render_kw=COUNT
    )
    group_id = SelectField(
        _l("Core group"),
        coerce=lambda value: int(value) if value not in (None, "", "None") else None,
        description=_l("Who rises gets a seat in it, who leaves gives theirs back."),
    )

    def values(self) -> dict[str, Any]:
        """What the services take, in UTC."""
        assert self.starts_at.data is not None and self.ends_at.data is not None  # both are required
        return {
            "name": self.name.data or "",
            "slug": (self.slug.data or "").strip(),
            "starts_at": to_utc(self.starts_at.data),
            "ends_at": to_utc(self.ends_at.data),
            "seats": self.seats.data,
            "eliminate": self.eliminate.data,
            "protection": self.protection.data,
            "min_points": self.min_points.data,
            "group_id": self.group_id.data,
        }


def to_utc(moment: dt.datetime) -> dt.datetime:
    """A time that was typed, as the club's clock reads it."""
    return moment.replace(tzinfo=club().settings.zone).astimezone(dt.UTC)


def typed(moment: dt.datetime) -> dt.datetime:
    """A time as it is shown in the field."""
    return moment.astimezone(club().settings.zone).replace(tzinfo=None, second=0, microsecond=0)


def data_of(season: Season) -> dict[str, Any]:
    """What the form shows of a draft."""
    names = ("name", "slug", "seats", "eliminate", "protection", "min_points", "group_id", "version")
    shown = {name: getattr(season, name) for name in names}
    return {**shown, "starts_at": typed(season.starts_at), "ends_at": typed(season.ends_at)}


def fresh(now: dt.datetime, last: Season | None) -> dict[str, Any]:
    """A proposal for the next season: the calendar month that follows the last one, with its formula."""
    start = typed(last.ends_at) if last is not None else _first_of_next_month(typed(now))
    formula = ("seats", "eliminate", "protection", "min_points", "group_id")
    kept = {name: getattr(last, name) for name in formula} if last is not None else {}
    return {
        "starts_at": start,
        "ends_at": _first_of_next_month(start),
        "slug": f"{start:%Y-%m}",
        "seats": 69,
        "eliminate": 7,
        "protection": 1,
        "min_points": 1,
        **kept,
    }


def _first_of_next_month(moment: dt.datetime) -> dt.datetime:
    later = moment.replace(day=1, hour=0, minute=0) + dt.timedelta(days=32)
    return later.replace(day=1)
