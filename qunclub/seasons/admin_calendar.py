"""The calendar of seasons, for admins: plan the next ones from a formula, announce and withdraw them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import Blueprint, request
from sqlalchemy.orm import Session
from wtforms import DateField, IntegerField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from qunclub.kernel import Invalid
from qunclub.members import queries_people
from qunclub.web import (
    N_,
    Form,
    SelectField,
    _,
    _l,
    _n,
    allow,
    club,
    current_actor,
    flash,
    form_errors,
    now,
    reading,
    render,
    see_other,
    unit_of_work,
)

from . import queries, queries_calendar, rules_calendar, services_calendar, services_proposal
from . import views_words as words
from .forms import typed
from .models import Season
from .rules_calendar import Slot
from .rules_formula import Formula

bp = Blueprint("seasons_calendar", __name__, url_prefix="/admin/seasons")

ACTS = {
    "season.announce": _l("Season announced"),
    "season.withdraw": _l("Announcement withdrawn"),
}
KINDS = {
    rules_calendar.WEEK: _l("week after week, from Monday"),
    rules_calendar.MONTH: _l("month after month"),
    rules_calendar.QUARTER: _l("quarter after quarter"),
    rules_calendar.FREE: _l("on dates of my own"),
}


class PlanForm(Form):
    """Which seasons come next, and by which formula."""

    kind = SelectField(_l("How long"), choices=list(KINDS.items()), default=rules_calendar.MONTH)
    first = DateField(
        _l("From"),
        [Optional()],
        description=_l("The first season begins on this day, or with the next Monday, month or quarter."),
    )
    count = IntegerField(
        _l("How many"), [Optional()], render_kw={"inputmode": "numeric", "min": 1, "max": rules_calendar.MOST}
    )
    dates = TextAreaField(
        _l("Dates"),
        [Optional(), Length(max=1000)],
        description=_l(
            "For dates of my own: the first day of each season and, at the end, the day after the last one; "
            "such as 2026-04-01, 2026-05-20, 2026-06-30."
        ),
        render_kw={"rows": 2, "maxlength": 1000},
    )
    pattern = StringField(
        _l("Name"),
        [InputRequired(), Length(max=100)],
        description=_l("{n} becomes a running number, {when} the time, such as 2026-04."),
        render_kw={"maxlength": 100},
    )
    first_number = IntegerField(
        _l("Number of the first"),
        [Optional(), NumberRange(0, 100_000)],
        render_kw={"inputmode": "numeric", "min": 0},
    )
    source = SelectField(
        _l("Formula"),
        description=_l("Each draft gets it, and can be changed by itself until it is announced."),
    )

    def slots(self) -> list[Slot]:
        """The seasons that were asked for.

        Raises:
            Invalid: naming the field.
        """
        zone = club().settings.zone
        if self.kind.data == rules_calendar.FREE:
            return rules_calendar.between(
                rules_calendar.FREE, rules_calendar.parse_dates(self.dates.data or ""), zone
            )
        if self.first.data is None:
            raise Invalid(N_("Choose the day from which seasons are planned."), field="first")
        return rules_calendar.slots(self.kind.data, self.first.data, self.count.data or 0, zone)

    @property
    def names(self) -> dict[str, Any]:
        """What names are made with."""
        return {"pattern": self.pattern.data or "", "first_number": self.first_number.data or 0}


class WithdrawForm(Form):
    """Why an announcement is withdrawn."""

    reason = TextAreaField(
        _l("Reason"),
        [InputRequired(), Length(max=services_calendar.MOST_WORDS)],
        description=_l("Everybody reads it among all seasons, until the season is announced again."),
        render_kw={"rows": 2, "maxlength": services_calendar.MOST_WORDS},
    )


def _form(session: Session, **values: Any) -> PlanForm:
    form = PlanForm(**values)
    known = [(str(one.id), one.name) for one in queries_calendar.sources(session)]
    form.source.choices = known or [("", _("the usual one"))]
    return form


def _fresh(session: Session) -> PlanForm:
    last = queries.latest(session)
    today = typed(now()).date()
    start = today if last is None else max(typed(last.ends_at).date(), today)
    proposal = {
        "kind": rules_calendar.MONTH,
        "first": rules_calendar.first_day(rules_calendar.MONTH, start + dt.timedelta(days=start == today)),
        "count": 3,
        "pattern": _("Season {n}"),
        "first_number": queries_calendar.count(session) + 1,
    }
    return _form(session, formdata=None, data=proposal)


def _formula(session: Session, source: str) -> tuple[Formula, int | None]:
    if source.isdecimal():
        season = queries.get(session, int(source))
        return season.formula, season.group_id
    brought = services_proposal.brought_formula(session)
    return brought or Formula(69, 7, leaves=1, two_person=queries_people.admins(session) > 1), None


def _page(session: Session, form: PlanForm, preview: list[tuple[Slot, str]] | None = None) -> Any:
    return render(
        "seasons/admin_calendar.html",
        form=form,
        preview=preview,
        ahead=queries_calendar.ahead(session, now()),
        states=words.STATES,
        now=now(),
    ), 422 if form.errors else 200


@bp.get("/calendar")
@allow("admin")
def calendar() -> Any:
    """What is planned, where nothing is, and a form for the next ones."""
    with reading() as session:
        return _page(session, _fresh(session))


@bp.post("/calendar")
@allow("admin")
def plan() -> Any:
    """Show the dates of what was asked for, or plan them."""
    with reading() as session:
        form, preview = _form(session), None
        if form.validate_on_submit():
            with form_errors(form):
                preview = services_calendar.proposed(session, form.slots(), **form.names, now=now())
        if preview is None or "show" in request.form:
            return _page(session, form, preview)
        formula, group_id = _formula(session, form.source.data or "")
    made: list[Season] = []
    with form_errors(form), unit_of_work() as session:
        made = services_calendar.plan_ahead(
            session, form.slots(), formula=formula, group_id=group_id, **form.names,
            actor=current_actor(), now=now(),
        )  # fmt: skip
    if form.errors:
        with reading() as session:
            return _page(session, form)
    flash(
        _n(
            "%(num)s draft is planned. Nobody sees it until you announce it.",
            "%(num)s drafts are planned. Nobody sees them until you announce them.",
            len(made),
        )
    )
    return see_other(".calendar")


@bp.post("/<int:season_id>/announce")
@allow("admin")
def announce(season_id: int) -> Any:
    """Publish a draft's formula; it opens by itself."""
    with unit_of_work() as session:
        services_calendar.announce(session, season_id=season_id, actor=current_actor(), now=now())
    flash(_("The season is announced: its formula is public and cannot change. It opens by itself."))
    return _back(season_id)


@bp.post("/<int:season_id>/withdraw")
@allow("admin")
def withdraw(season_id: int) -> Any:
    """Make a draft of an announced season again, for a reason that everybody reads."""
    from .admin import show_with

    form = WithdrawForm()
    if form.validate_on_submit():
        with form_errors(form), unit_of_work() as session:
            services_calendar.withdraw(
                session, season_id=season_id, reason=form.reason.data or "", actor=current_actor(), now=now()
            )
        if not form.errors:
            flash(
                _("The announcement is withdrawn. The draft is seen by admins only, the reason by everybody.")
            )
            return _back(season_id)
    return show_with(season_id, withdrawal=form)


def _back(season_id: int) -> Any:
    if request.form.get("back") == "calendar":
        return see_other(".calendar")
    return see_other("qunclub.seasons_admin.show", season_id=season_id)
