"""The form of a season in draft."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from wtforms import BooleanField, DateTimeLocalField, HiddenField, IntegerField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from qunclub.points import KINDS
from qunclub.web import Form, SelectField, _l, club

from .models import Season
from .rules_formula import MOST_WEIGHT, TIES, WHOLE, Formula

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


def _or(usual: int) -> Callable[[int | None], int]:
    """What a field that was left empty means."""
    return lambda typed: usual if typed is None else typed


class FormulaForm(Form):
    """What the formula says beside dates and seats; each kind of points has a field ``weight_<kind>`` of its own."""

    eliminate_percent = IntegerField(
        _l("Share that leaves, in percent"),
        [Optional()],
        default=0,
        filters=[_or(0)],
        description=_l("Of the seats, rounded down, at least one; 0: the number above counts."),
        render_kw=COUNT,
    )
    only_outranked = BooleanField(
        _l("Only for somebody better"),
        description=_l("Nobody leaves unless a member outside the core group who may rise ranks higher."),
    )
    reentry = IntegerField(
        _l("Seasons to sit out"),
        [Optional()],
        default=0,
        filters=[_or(0)],
        description=_l(
            "For how many seasons somebody who was among the last, or lost the seat for a violation, cannot rise "
            "again; 0: at once."
        ),
        render_kw=COUNT,
    )
    leaves = IntegerField(
        _l("Seasons of leave"),
        [Optional()],
        default=0,
        filters=[_or(0)],
        description=_l(
            "For how many seasons of their time in the core a member may be on leave and keep the seat."
        ),
        render_kw=COUNT,
    )
    need_pass = BooleanField(
        _l("Whoever rises holds a pass"), description=_l("One that is good at the end of the season.")
    )
    min_works = IntegerField(
        _l("Least accepted works to rise"),
        [Optional()],
        default=0,
        filters=[_or(0)],
        description=_l("Accepted within the season; 0: none are asked for."),
        render_kw=COUNT,
    )
    min_days = IntegerField(
        _l("Least days as a member to rise"),
        [Optional()],
        default=0,
        filters=[_or(0)],
        description=_l("With a member number, at the end of the season; 0: none are asked for."),
        render_kw=COUNT,
    )
    clean_days = IntegerField(
        _l("Days without a violation to rise"),
        [Optional()],
        default=0,
        filters=[_or(0)],
        description=_l(
            "Before the end of the season: no violation of the house rules that stands, and no mute for one that still "
            "runs; 0: it is not asked."
        ),
        render_kw=COUNT,
    )
    ties = SelectField(
        _l("Equal points"),
        default=",".join(TIES),
        choices=[
            ("featured,earlier", _l("more featured works, then the earlier day")),
            ("earlier,featured", _l("the earlier day, then more featured works")),
            ("featured", _l("more featured works")),
            ("earlier", _l("the earlier day")),
            ("", _l("only the lower number")),
        ],
        description=_l("What tells them apart; the lower number decides last."),
    )
    appeal_days = IntegerField(
        _l("Days to appeal"),
        [Optional()],
        default=0,
        filters=[_or(0)],
        description=_l("How long after the result a member may appeal; 0: not at all."),
        render_kw=COUNT,
    )
    offer_days = IntegerField(
        _l("Days to answer an offer"),
        [Optional()],
        default=0,
        filters=[_or(0)],
        description=_l(
            "When a seat becomes free between two results, the next in the ranking has so long to answer; 0: it waits."
        ),
        render_kw=COUNT,
    )
    two_person = BooleanField(
        _l("Two admins"),
        description=_l(
            "One proposes the result, another publishes it. A club with one admin leaves this off."
        ),
    )

    def terms(self) -> dict[str, Any]:
        """These rules, as the formula names them."""
        numbers = (
            "eliminate_percent",
            "reentry",
            "leaves",
            "min_works",
            "min_days",
            "clean_days",
            "appeal_days",
            "offer_days",
        )
        flags = ("only_outranked", "need_pass", "two_person")
        weights = {kind: self[f"weight_{kind}"].data for kind in KINDS}
        return {
            **{name: self[name].data for name in (*numbers, *flags)},
            "ties": tuple(part for part in (self.ties.data or "").split(",") if part),
            "weights": tuple(
                sorted((kind, percent) for kind, percent in weights.items() if percent != WHOLE)
            ),
        }

    @property
    def weighs(self) -> bool:
        """Whether a kind does not count whole, or its weight is refused."""
        return any(one.errors or one.data != WHOLE for one in self.weight_fields())

    def weight_fields(self) -> list[Any]:
        """The fields of the weights, in the order of the kinds."""
        return [self[f"weight_{kind}"] for kind in KINDS]


for _kind, _facts in KINDS.items():
    setattr(
        FormulaForm,
        f"weight_{_kind}",
        IntegerField(
            _l(_facts.label),
            [Optional(), NumberRange(0, MOST_WEIGHT)],
            default=WHOLE,
            filters=[_or(WHOLE)],
            render_kw=COUNT,
        ),
    )


class SeasonForm(FormulaForm):
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
            **self.terms(),
        }


def to_utc(moment: dt.datetime) -> dt.datetime:
    """A time that was typed, as the club's clock reads it."""
    return moment.replace(tzinfo=club().settings.zone).astimezone(dt.UTC)


def typed(moment: dt.datetime) -> dt.datetime:
    """A time as it is shown in the field."""
    return moment.astimezone(club().settings.zone).replace(tzinfo=None, second=0, microsecond=0)


def data_of(season: Season) -> dict[str, Any]:
    """What the form shows of a draft."""
    shown = {name: getattr(season, name) for name in ("name", "slug", "group_id", "version")}
    return {
        **shown,
        **_formula(season.formula),
        "starts_at": typed(season.starts_at),
        "ends_at": typed(season.ends_at),
    }


def _formula(said: Formula) -> dict[str, Any]:
    formula = said.as_json()
    weights, ties = formula.pop("weights"), formula.pop("ties")
    return {
        **formula,
        "ties": ",".join(ties),
        **{f"weight_{kind}": weights.get(kind, WHOLE) for kind in KINDS},
    }


def fresh(
    now: dt.datetime, last: Season | None, *, admins: int = 1, brought: Formula | None = None
) -> dict[str, Any]:
    """A proposal for the next season: the calendar month that follows the last one, with its formula.

    Args:
        admins: of the club; where there are several, the first season asks two of them for its result.
        brought: the formula that came with a template, for the first season.
    """
    start = typed(last.ends_at) if last is not None else _first_of_next_month(typed(now))
    first = {"seats": 69, "eliminate": 7, "protection": 1, "min_points": 1, "leaves": 1, "offer_days": 7}
    if last is not None:
        kept = {**_formula(last.formula), "group_id": last.group_id}
    elif brought is not None:
        kept = _formula(brought)
    else:
        kept = {**first, "two_person": admins > 1}
    return {
        "starts_at": start,
        "ends_at": _first_of_next_month(start),
        "slug": f"{start:%Y-%m}",
        **kept,
    }


def _first_of_next_month(moment: dt.datetime) -> dt.datetime:
    later = moment.replace(day=1, hour=0, minute=0) + dt.timedelta(days=32)
    return later.replace(day=1)
