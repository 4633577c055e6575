"""Coupons, for admins: find, make, change and switch them off, and see which orders used one."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from qunclub.kernel import Conflict, Stale
from qunclub.web import (
    NavItem,
    _,
    _l,
    allow,
    club,
    csv_response,
    current_actor,
    explain,
    flash,
    form_errors,
    now,
    page_number,
    reading,
    register,
    render,
    see_other,
    transact,
    version_in,
)

from . import queries_coupons as queries
from . import rules, rules_selling, services_coupons
from .forms_coupons import CouponForm

bp = Blueprint("coupons_admin", __name__, url_prefix="/admin/coupons")
register(NavItem("admin", _l("Coupons"), "qunclub.coupons_admin.index", "percent", 31, role="admin"))

STATES = {
    "live": _l("In use"),
    "early": _l("Not yet"),
    "over": _l("Over"),
    "used_up": _l("Used up"),
    "off": _l("Switched off"),
    "overshot": _l("Overshot"),
}
KINDS = {"live": "success", "early": "info", "over": "neutral", "used_up": "neutral", "off": "neutral"}
USES = {
    "held": _l("Waiting for payment"),
    "used": _l("Used"),
    "overshot": _l("Overshot"),
    "released": _l("Given back"),
}
USE_KINDS = {"held": "info", "used": "success", "overshot": "warning", "released": "neutral"}


def _asked() -> dict[str, str]:
    asked = {"q": request.args.get("q", "").strip()[:120], "state": request.args.get("state", "")}
    if asked["state"] not in STATES:
        asked["state"] = ""
    return asked


@bp.get("")
@allow("admin")
def index() -> Any:
    """Every coupon with how often it was used."""
    asked, moment = _asked(), now()
    with reading() as session:
        page = queries.coupons(session, **asked, now=moment, page=page_number())
        return render(
            "orders/admin_coupons.html",
            page=page,
            **asked,
            states=STATES,
            kinds=KINDS,
            state_of={one.id: rules_selling.coupon_state(one, moment) for one in page.items},
        )


@bp.get("/export.csv")
@allow("admin")
def export() -> Any:
    """The same list as a table of record."""
    with reading() as session:
        return csv_response("coupons", queries.HEADER, queries.rows(session, **_asked(), now=now()))


@bp.route("/new", methods=["GET", "POST"])
@allow("admin")
def new() -> Any:
    """Make a coupon."""
    form = CouponForm()
    _offer(form)
    if not form.is_submitted():
        form.currency.data = club().settings.currency
    if form.validate_on_submit():
        with form_errors(form):
            draft = form.draft()
            made = transact(
                lambda session: (
                    services_coupons.create(session, draft=draft, actor=current_actor(), now=now()).id
                )
            )
            flash(_("The coupon is made."))
            return see_other(".show", coupon_id=made)
    page = render("orders/admin_coupon_edit.html", form=form, coupon=None, stale="")
    return page, 422 if form.errors else 200


def _offer(form: CouponForm) -> None:
    with reading() as session:
        form.offer(queries.plans(session))


@bp.get("/<int:coupon_id>")
@allow("admin")
def show(coupon_id: int) -> Any:
    """One coupon: what it does, and the orders that used it."""
    state = request.args.get("state", "")
    state = state if state in USES else ""
    with reading() as session:
        coupon = queries.coupon(session, coupon_id)
        return render(
            "orders/admin_coupon.html",
            coupon=coupon,
            page=queries.uses(session, coupon_id, state=state, page=page_number()),
            state=state,
            stands=rules_selling.coupon_state(coupon, now()),
            states=STATES,
            kinds=KINDS,
            uses=USES,
            use_kinds=USE_KINDS,
            labels=rules.STATE_LABELS,
            order_kinds=rules.STATE_KINDS,
        )


@bp.get("/<int:coupon_id>/uses.csv")
@allow("admin")
def export_uses(coupon_id: int) -> Any:
    """Its uses as a table of record."""
    with reading() as session:
        coupon = queries.coupon(session, coupon_id)
        rows = queries.uses_rows(session, coupon, state=request.args.get("state", ""))
        return csv_response(f"coupon-{coupon.code}", queries.USES_HEADER, rows)


@bp.route("/<int:coupon_id>/edit", methods=["GET", "POST"])
@allow("admin")
def edit(coupon_id: int) -> Any:
    """Change a coupon."""
    form, stale = CouponForm(), ""
    with reading() as session:
        form.offer(queries.plans(session))
        coupon = queries.coupon(session, coupon_id)
        if not form.is_submitted():
            form.show(coupon, [plan.id for plan in coupon.plans])
        session.expunge(coupon)
    if form.validate_on_submit():
        try:
            with form_errors(form):
                draft = form.draft()
                version = form.version.data or ""
                transact(
                    lambda session: services_coupons.update(
                        session,
                        coupon_id=coupon_id,
                        version=version_in(version),
                        draft=draft,
                        actor=current_actor(),
                        now=now(),
                    )
                )
                flash(_("Saved."))
                return see_other(".show", coupon_id=coupon_id)
        except Stale as error:
            # What was typed stays in the form; saving again from here is a decision, so it carries the new version.
            stale, form.version.data = explain(error), str(coupon.version)
    status = 409 if stale else 422 if form.errors else 200
    return render("orders/admin_coupon_edit.html", form=form, coupon=coupon, stale=stale), status


@bp.post("/<int:coupon_id>/switch")
@allow("admin")
def switch(coupon_id: int) -> Any:
    """Take it out of use, or into it again."""
    active = request.form.get("active") == "1"
    transact(
        lambda session: (
            services_coupons.switch(
                session, coupon_id=coupon_id, active=active, actor=current_actor(), now=now()
            ).id
        )
    )
    if active:
        flash(_("The coupon is in use again."))
    else:
        flash(_("The coupon is switched off. Open orders keep their discount."))
    return see_other(".show", coupon_id=coupon_id)


@bp.post("/<int:coupon_id>/delete")
@allow("admin")
def delete(coupon_id: int) -> Any:
    """Delete one that no order ever named."""
    try:
        transact(
            lambda session: services_coupons.delete_unused(
                session, coupon_id=coupon_id, actor=current_actor(), now=now()
            )
        )
    except Conflict as refused:
        flash(explain(refused), "warning")
        return see_other(".show", coupon_id=coupon_id)
    flash(_("The coupon is deleted."))
    return see_other(".index")
