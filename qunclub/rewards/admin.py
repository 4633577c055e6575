"""Tuition back for admins: what each pass promises, and every order under a promise."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import Blueprint, request
from wtforms import BooleanField, DateField, IntegerField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from qunclub.kernel import parse_amount
from qunclub.web import (
    Form,
    NavItem,
    SelectField,
    SelectMultipleField,
    _,
    _l,
    allow,
    club,
    csv_response,
    current_actor,
    flash,
    form_errors,
    now,
    page_number,
    reading,
    register,
    render,
    see_other,
    transact,
)

from . import queries, services, views
from .models import STATES
from .services import PromiseDraft

bp = Blueprint("tuition_admin", __name__, url_prefix="/admin/tuition")
register(
    NavItem(
        area="admin",
        label=_l("Tuition back"),
        endpoint="qunclub.tuition_admin.index",
        icon="cash-coin",
        order=36,
        role="admin",
    )
)
# The pages' sections are hung up when this module is loaded.
SECTIONS = (views.plan_section, views.course_section)
# What the audit log calls the acts of this room.
ACTS = {
    "tuition.promise": _l("Tuition back promised"),
    "tuition.end": _l("Promise of tuition back ended"),
    "tuition.withhold": _l("Tuition back withheld"),
    "tuition.reconsider": _l("Tuition back opened again"),
}
STATE_WORDS = {
    "in_progress": _l("in progress"),
    "granted": _l("granted"),
    "missed": _l("missed"),
    "withheld": _l("withheld"),
    "ended": _l("ended"),
}


class PromiseForm(Form):
    """What a pass promises."""

    assignments = SelectMultipleField(
        _l("Homework that counts"),
        coerce=int,
        option_widget=CheckboxInput(),
        widget=ListWidget(prefix_label=False),
    )
    works = IntegerField(_l("Accepted works needed"), [InputRequired(), NumberRange(1, 100)])
    featured_only = BooleanField(_l("Only featured works count"))
    days = IntegerField(_l("Days from paying"), [Optional(), NumberRange(1, 1000)])
    by_at = DateField(_l("Or until the end of a date"), [Optional()])
    kind = SelectField(
        _l("How it is given"),
        choices=[
            ("refund", _l("Money back, by the way it was paid")),
            ("credit", _l("A coupon of that worth")),
        ],
    )
    percent = IntegerField(_l("Percent of what was paid"), [Optional(), NumberRange(1, 100)])
    amount = StringField(_l("Or an amount"), [Length(max=20)])


class WithholdForm(Form):
    """Why a reward is kept back."""

    reason = TextAreaField(_l("Reason"), [InputRequired(), Length(max=services.MOST_REASON)])


class ReconsiderForm(Form):
    """More time, and why."""

    days = IntegerField(_l("More days from today"), [InputRequired(), NumberRange(0, 365)], default=7)
    reason = TextAreaField(_l("Reason"), [InputRequired(), Length(max=services.MOST_REASON)])


def _filters() -> dict[str, str]:
    state = request.args.get("state", "")
    return {"state": state if state in STATES else "", "q": request.args.get("q", "").strip()[:40]}


@bp.get("")
@allow("admin")
def index() -> Any:
    """What passes promise, and the orders under a promise."""
    filters = _filters()
    with reading() as session:
        return render(
            "rewards/admin_index.html",
            plans=queries.plans(session),
            page=queries.page_of(session, **filters, page=page_number()),
            words=STATE_WORDS,
            **filters,
        )


@bp.get("/all.csv")
@allow("admin")
def export() -> Any:
    """The orders under a promise as a table of record."""
    with reading() as session:
        return csv_response("tuition", queries.HEADER, queries.rows_for_csv(session, **_filters()))


@bp.route("/plans/<int:plan_id>", methods=["GET", "POST"])
@allow("admin")
def promise(plan_id: int) -> Any:
    """Promise tuition back to whoever buys a pass from now on."""
    form = PromiseForm()
    with reading() as session:
        plan = queries.plan_for(session, plan_id)
        homework = queries.homework_of(session, plan_id)
        present = queries.promised(session, plan_id)
    form.assignments.choices = homework
    if form.validate_on_submit():
        with form_errors(form):
            draft = PromiseDraft(
                plan_id=plan_id,
                works=form.works.data or 0,
                assignment_ids=tuple(form.assignments.data or ()),
                kind=form.kind.data,
                featured_only=bool(form.featured_only.data),
                days=form.days.data,
                by_at=_end_of(form.by_at.data),
                percent=form.percent.data,
                amount=_amount(form.amount.data, plan.currency),
            )
            transact(lambda work: services.promise(work, draft=draft, actor=current_actor(), now=now()))
            flash(_("Promised to every order made from now on. Orders made before keep what they had."))
            return see_other(".index")
    page = render("rewards/admin_promise.html", form=form, plan=plan, homework=homework, present=present)
    return (page, 422) if form.errors else page


def _end_of(day: dt.date | None) -> dt.datetime | None:
    if day is None:
        return None
    return dt.datetime.combine(day, dt.time(23, 59, 59), tzinfo=club().settings.zone).astimezone(dt.UTC)


def _amount(text: str | None, currency: str) -> int | None:
    return parse_amount(text, currency, field="amount") if text and text.strip() else None


@bp.post("/plans/<int:plan_id>/end")
@allow("admin")
def end(plan_id: int) -> Any:
    """Promise nothing any more."""
    transact(lambda work: services.end_promise(work, plan_id=plan_id, actor=current_actor(), now=now()))
    flash(_("Nothing is promised to orders made from now on. Orders made before keep what they had."))
    return see_other(".index")


@bp.route("/<int:case_id>/withhold", methods=["GET", "POST"])
@allow("admin")
def withhold(case_id: int) -> Any:
    """Keep a reward back, with a reason."""
    with reading() as session:
        row = queries.one(session, case_id)
        code = row.code
    form = WithholdForm()
    if form.validate_on_submit():
        with form_errors(form):
            transact(
                lambda work: services.withhold(
                    work, case_id=case_id, reason=form.reason.data or "", actor=current_actor(), now=now()
                )
            )
            flash(_("Withheld; the member is told why."), "warning")
            return see_other(".index")
    page = render("rewards/admin_case.html", form=form, code=code, withholding=True)
    return (page, 422) if form.errors else page


@bp.route("/<int:case_id>/reconsider", methods=["GET", "POST"])
@allow("admin")
def reconsider(case_id: int) -> Any:
    """Open a missed or withheld one again."""
    with reading() as session:
        row = queries.one(session, case_id)
        code = row.code
    form = ReconsiderForm()
    if form.validate_on_submit():
        with form_errors(form):
            transact(
                lambda work: services.reconsider(
                    work,
                    case_id=case_id,
                    days=form.days.data or 0,
                    reason=form.reason.data or "",
                    actor=current_actor(),
                    now=now(),
                )
            )
            flash(_("Open again; it is granted as soon as it is earned."))
            return see_other(".index")
    page = render("rewards/admin_case.html", form=form, code=code, withholding=False)
    return (page, 422) if form.errors else page
