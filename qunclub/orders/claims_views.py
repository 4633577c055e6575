"""Claim codes on the web: the buyer's page of codes, and the page of whoever was given one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request
from limits import parse
from sqlalchemy.orm import Session

from qunclub import groups
from qunclub.kernel import ClubError, Conflict, Invalid, NotFound, ids
from qunclub.web import (
    N_,
    _,
    _n,
    absolute_url,
    allow,
    club,
    csv_response,
    current_actor,
    current_actor_or_none,
    explain,
    flash,
    form_errors,
    limit,
    member_id,
    now,
    page_number,
    reading,
    render,
    see_other,
    transact,
)
from qunclub.web.limits import TooMany
from qunclub.web.render import format_date

from . import queries, queries_claims, rules_claims, services_claims, services_codes
from .forms_buying import ClaimForm, RecipientForm
from .models_selling import ClaimCode
from .queries_claims import CodeRow

bp = Blueprint("claims", __name__)

# Wrong codes from one address: enough for an office that mistypes, nothing for a machine that tries.
MISSES = parse("20 per 10 minutes")
CSV_HEADER = (
    "code",
    "link",
    "state",
    "plan",
    "name",
    "email",
    "sent_at",
    "claimed_at",
    "claimed_by",
    "ended_at",
)
WORDS = {
    "labels": rules_claims.STATE_LABELS,
    "kinds": rules_claims.STATE_KINDS,
    "mark": services_codes.mark,
    "may_send": lambda code: rules_claims.may_send(code.sent_at, now()),
}


def link_of(code: ClaimCode) -> str:
    """The address that claims a code."""
    return absolute_url("qunclub.claims.claim", code=code.code)


# ---- whoever was given a code ----


def _not_guessing() -> None:
    """Refuse an address from which too many wrong codes came."""
    state = club()
    if state.settings.rate_limits and not state.limiter.test(
        MISSES, "qunclub", "claim", request.remote_addr or ""
    ):
        raise TooMany(N_("Too many tries. Wait a few minutes, then try again."))


def _missed() -> None:
    state = club()
    if state.settings.rate_limits:
        state.limiter.hit(MISSES, "qunclub", "claim", request.remote_addr or "")


@bp.route("/claim", methods=["GET", "POST"])
@allow("anyone")
def enter() -> Any:
    """Type a code that stands on paper."""
    form = ClaimForm()
    if form.validate_on_submit():
        return see_other(".claim", code=ids.normalise_code(form.code.data or "")[:40] or "-")
    return render("orders/claim_enter.html", form=form), 422 if form.errors else 200


@bp.get("/claim/<code>")
@allow("anyone")
def claim(code: str) -> Any:
    """Who gives what; and why it cannot be claimed, when it cannot."""
    return _claim_page(code)


def _claim_page(code: str, *, refused: ClubError | None = None) -> Any:
    _not_guessing()
    actor = current_actor_or_none()
    with reading() as session:
        gift = queries_claims.gift(session, code)
        if gift is None:
            _missed()
            return render("orders/claim_unknown.html", form=ClaimForm(formdata=None)), 404
        mine = queries_claims.pass_of(session, gift.row, actor.member_id if actor else None)
        line_id = gift.plan.group_line_id
        page = render(
            "orders/claim.html",
            gift=gift,
            code=gift.row,
            plan=gift.plan,
            mine=mine,
            refused=explain(refused) if refused else "",
            seats=groups.seats_left(session, [line_id])[line_id] if line_id else None,
        )
    return page, refused.status if refused else 200


@bp.post("/claim/<code>")
@allow("signed_in")
@limit("20 per minute", name="claim")
def redeem(code: str) -> Any:
    """Claim it, then be welcomed."""
    _not_guessing()
    actor, claimer = current_actor(), member_id()

    def command(session: Session) -> tuple[int, str]:
        given = services_claims.redeem(session, code=code, member_id=claimer, now=now(), actor=actor)
        own = services_claims.is_own(session, given, code=code)
        return given.id, "" if own else format_date(given.ends_at)

    try:
        pass_id, until = transact(command)
    except NotFound:
        return _claim_page(code)
    except Conflict as refused:
        return _claim_page(code, refused=refused)
    if until:
        flash(_("Claimed. You held this pass already; it is now valid until %(date)s.", date=until))
    else:
        flash(_("Claimed. The pass is yours."))
    return see_other("qunclub.welcome.index", pass_id=pass_id)


# ---- the buyer ----


def _state() -> str:
    asked = request.args.get("state", "")
    return asked if asked in rules_claims.STATE_LABELS else ""


@bp.get("/orders/<code>/codes")
@allow("signed_in")
def codes(code: str) -> Any:
    """Every code of an order: who has claimed it, what can be done with it."""
    return _codes_page(code)


def _codes_page(code: str, *, form: RecipientForm | None = None, form_id: int = 0) -> Any:
    with reading() as session:
        view = queries.order_of(session, code=code, member_id=member_id())
        state = _state()
        counts = queries_claims.counts(session, view.order.id)
        if not counts:
            raise NotFound()
        page = render(
            "orders/codes.html",
            view=view,
            order=view.order,
            page=queries_claims.codes_page(session, view.order.id, state=state, page=page_number()),
            counts=counts,
            state=state,
            form=form,
            form_id=form_id,
            recipient_form=_recipient_form,
            link_of=link_of,
            **WORDS,
        )
    return page, 422 if form is not None else 200


def _recipient_form(code: ClaimCode) -> RecipientForm:
    """The form of one code; its fields' ids are its own."""
    return RecipientForm(
        formdata=None,
        prefix=f"c{code.id}-",
        data={"name": code.recipient_name, "email": code.recipient_email, "message": code.message},
    )


def _own_code(session: Session, code: str, code_id: int) -> ClaimCode:
    """A code of one's own order that is paid for."""
    view = queries.order_of(session, code=code, member_id=member_id())
    found = session.get(ClaimCode, code_id)
    if found is None or found.order_id != view.order.id:
        raise NotFound()
    return found


@bp.post("/orders/<code>/codes/<int:code_id>/recipient")
@allow("signed_in")
@limit("60 per minute", name="codes")
def recipient(code: str, code_id: int) -> Any:
    """Say whom a code is for, and, when asked to, send it."""
    buyer, actor, form = member_id(), current_actor(), RecipientForm(prefix=f"c{code_id}-")
    if not form.validate_on_submit():
        return _codes_page(code, form=form, form_id=code_id)

    def command(session: Session) -> bool:
        _own_code(session, code, code_id)
        services_codes.name_recipient(
            session,
            code_id=code_id,
            member_id=buyer,
            name=(form["name"].data or "").strip(),
            email=(form["email"].data or "").strip(),
            message=(form["message"].data or "").strip(),
            now=now(),
            actor=actor,
        )
        if "send" not in request.form:
            return False
        seen = services_codes.mark(_own_code(session, code, code_id))
        return services_codes.send(
            session, code_id=code_id, member_id=buyer, seen=seen, now=now(), actor=actor
        )

    sent = False
    try:
        with form_errors(form):
            sent = transact(command)
    except Conflict as refused:
        flash(explain(refused), "warning")
        return _back(code, code_id)
    if form.errors:
        return _codes_page(code, form=form, form_id=code_id)
    flash(_("Kept, and the code is on its way by mail.") if sent else _("Kept."))
    return _back(code, code_id)


@bp.post("/orders/<code>/codes/<int:code_id>/send")
@allow("signed_in")
@limit("60 per minute", name="codes")
def send(code: str, code_id: int) -> Any:
    """Send a code to its recipient, or send it again."""
    buyer, actor, seen = member_id(), current_actor(), request.form.get("seen", "")

    def command(session: Session) -> bool:
        _own_code(session, code, code_id)
        return services_codes.send(
            session, code_id=code_id, member_id=buyer, seen=seen, now=now(), actor=actor
        )

    try:
        sent = transact(command)
    except (Conflict, Invalid) as refused:
        flash(explain(refused), "warning")
    else:
        flash(_("The code is on its way by mail.") if sent else _("It was sent already."), "success")
    return _back(code, code_id)


@bp.post("/orders/<code>/codes/send")
@allow("signed_in")
@limit("20 per minute", name="codes-all")
def send_all(code: str) -> Any:
    """Send every code that has a recipient and was not sent yet."""
    buyer = member_id()
    sent = transact(
        lambda session: services_codes.send_all(session, order_code=code, member_id=buyer, now=now())
    )
    flash(
        _n("%(num)s code is on its way by mail.", "%(num)s codes are on their way by mail.", sent)
        if sent
        else _("Every code with an e-mail was sent already."),
        "success" if sent else "info",
    )
    return see_other(".codes", code=code)


@bp.post("/orders/<code>/codes/<int:code_id>/renew")
@allow("signed_in")
@limit("60 per minute", name="codes")
def renew(code: str, code_id: int) -> Any:
    """A new code in the place of one that went astray."""
    buyer, actor, seen = member_id(), current_actor(), request.form.get("seen", "")

    def command(session: Session) -> None:
        _own_code(session, code, code_id)
        services_codes.renew(session, code_id=code_id, member_id=buyer, seen=seen, now=now(), actor=actor)

    return _done(code, code_id, command, _("There is a new code now; the old one does not work any more."))


@bp.post("/orders/<code>/codes/<int:code_id>/revoke")
@allow("signed_in")
@limit("60 per minute", name="codes")
def revoke(code: str, code_id: int) -> Any:
    """End an open code."""
    buyer, actor = member_id(), current_actor()

    def command(session: Session) -> None:
        _own_code(session, code, code_id)
        services_codes.revoke_code(session, code_id=code_id, member_id=buyer, now=now(), actor=actor)

    return _done(code, code_id, command, _("The code is revoked. Nobody can claim a pass with it any more."))


def _done(code: str, code_id: int, command: Callable[[Session], None], said: str) -> Any:
    try:
        transact(command)
    except Conflict as refused:
        flash(explain(refused), "warning")
    else:
        flash(said)
    return _back(code, code_id)


def _back(code: str, code_id: int) -> Any:
    """To the place of the code on the page that it was on."""
    page = request.args.get("page", 1, type=int)
    return see_other(".codes", code=code, page=page if page > 1 else None, _anchor=f"code-{code_id}")


@bp.get("/orders/<code>/codes.csv")
@allow("signed_in")
def export(code: str) -> Any:
    """The codes as a table of record."""
    with reading() as session:
        view = queries.order_of(session, code=code, member_id=member_id())
        rows = queries_claims.all_codes(session, view.order.id, state=_state())
        if not rows or rows[0].row.state == rules_claims.UNPAID:
            raise NotFound()
        return csv_response(f"codes-{code}", CSV_HEADER, [_csv_row(one) for one in rows])


def _csv_row(one: CodeRow) -> list[Any]:
    row = one.row
    number = one.claimer.number if one.claimer else None
    return [
        one.spaced,
        link_of(row) if row.state == rules_claims.OPEN else "",
        _(rules_claims.STATE_LABELS[row.state]),
        one.title,
        row.recipient_name,
        row.recipient_email,
        row.sent_at,
        row.claimed_at,
        f"No. {number} {one.claimer.shown_name}" if one.claimer else "",
        row.ended_at,
    ]


@bp.get("/orders/<code>/codes/print")
@allow("signed_in")
def vouchers(code: str) -> Any:
    """The open codes as vouchers on paper, all of them or one."""
    only = request.args.get("only", 0, type=int)
    with reading() as session:
        view = queries.order_of(session, code=code, member_id=member_id())
        rows = queries_claims.all_codes(session, view.order.id, state=rules_claims.OPEN)
        shown = [one for one in rows if not only or one.row.id == only]
        return render(
            "orders/codes_print.html",
            view=view,
            order=view.order,
            rows=shown,
            link_of=link_of,
            giver=view.order.buyer_name or current_actor().name,
        )


@bp.get("/orders/<code>/codes/<int:code_id>.svg")
@allow("signed_in")
def qr(code: str, code_id: int) -> Response:
    """The link of an open code as a QR."""
    with reading() as session:
        found = _own_code(session, code, code_id)
        if found.state != rules_claims.OPEN:
            raise NotFound()
        picture = groups.qr_svg(link_of(found))
    return Response(picture, mimetype="image/svg+xml", headers={"Cache-Control": "private, no-store"})
