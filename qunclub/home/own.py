"""One's own page: the card, what one holds, the profile, one's data, and the way out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response
from flask import session as browser_session
from sqlalchemy.orm import Session

from qunclub import groups, members, orders
from qunclub.adapters import accounts
from qunclub.courses import queries_certificates
from qunclub.house import queries as house
from qunclub.house.views_words import ACTS_OF
from qunclub.kernel import Invalid
from qunclub.members.forms import ProfileForm
from qunclub.orders import queries_memberships as memberships
from qunclub.passes import queries as passes
from qunclub.rewards import queries as rewards_queries
from qunclub.seasons import queries as seasons
from qunclub.seasons import queries_offers
from qunclub.web import (
    N_,
    _,
    allow,
    current_actor,
    flash,
    forget_actor,
    form_errors,
    locale,
    member_id,
    now,
    reading,
    render,
    see_other,
    transact,
    unit_of_work,
)
from qunclub.web.i18n import LOCALES, override

from . import leaving, queries
from .export import export
from .forms import LeaveForm

bp = Blueprint("own", __name__, url_prefix="/me")


def page(form: ProfileForm | None = None) -> Any:
    """One's own page, with a profile that was refused when there is one."""
    ident, moment = member_id(), now()
    with reading() as session:
        member, tier = queries.row_of(session, ident)
        if form is None:
            values = {
                "nickname": member.nickname or member.name,
                "city": member.city,
                "bio": member.bio,
                "hidden_on_boards": member.hidden_on_boards,
                "locale": member.locale or locale(),
            }
            form = ProfileForm(formdata=None, data=values)
        shown = render(
            "home/me.html",
            member=member,
            tier=tier,
            holdings=passes.holdings(session, ident),
            seats=groups.my_seats(session, ident),
            certificates=queries_certificates.of_member(session, ident),
            core=seasons.is_core(session, ident),
            core_offer=queries_offers.mine(session, ident, moment),
            decisions=seasons.decisions_about(session, ident, limit=3),
            standing=house.live_of(session, ident, now=moment),
            acts=ACTS_OF,
            form=form,
            unverified=accounts.unverified(),
            failing=memberships.failing(session, ident),
            tuition=rewards_queries.mine(session, ident),
            brings=orders.is_on(session),
            now=moment,
        )
    return shown, 422 if form.errors else 200


@bp.post("/profile")
@allow("signed_in")
def profile() -> Any:
    """What others see of me, and the language I read."""
    form = ProfileForm()
    if form.validate_on_submit():
        with form_errors(form), unit_of_work() as session:
            ident = member_id()
            members.update_profile(
                session,
                member_id=ident,
                nickname=form.nickname.data or "",
                city=form.city.data or "",
                bio=form.bio.data or "",
                hidden_on_boards=bool(form.hidden_on_boards.data),
            )
            if form.locale.data in LOCALES:
                members.keep_locale(session, ident, form.locale.data)
        if not form.errors:
            forget_actor()
            # The choice of this browser would outvote the one just made.
            browser_session.pop("qunclub_locale", None)
            override(form.locale.data)
            flash(_("Your profile is saved."))
            return see_other("qunclub.home.me")
    return page(form)


@bp.get("/data.json")
@allow("signed_in")
def data() -> Response:
    """Everything the club knows of me."""
    with reading() as session:
        text = json.dumps(export(session, member_id(), now=now()), ensure_ascii=False, indent=1)
    return Response(
        text,
        mimetype="application/json",
        headers={
            "Content-Disposition": f'attachment; filename="my-data-{now():%Y-%m-%d}.json"',
            "Cache-Control": "private, no-store",
        },
    )


@bp.route("/leave", methods=["GET", "POST"])
@allow("signed_in")
def leave() -> Any:
    """What leaving does, and leaving."""
    form = LeaveForm()
    name = current_actor().name
    if form.validate_on_submit():
        with form_errors(form):
            close = _confirmed(form, name)
            actor, ident, moment = current_actor(), member_id(), now()
            transact(
                lambda session: leaving.leave(
                    session, actor=actor, member_id=ident, now=moment, close_account=close
                )
            )
            browser_session.clear()
            forget_actor()
            flash(_("Your account is deleted. Thank you for the time with us."), "info")
            return see_other("qunclub.home.index")
    with reading() as session:
        shown = render(
            "home/leave.html",
            effects=leaving.effects(session, member_id()),
            form=form,
            name=name,
            password=accounts.signed_in_id() is not None,
        )
    return shown, 422 if form.errors else 200


def _confirmed(form: LeaveForm, name: str) -> Callable[[Session], None] | None:
    """What also closes the account, where the club keeps it.

    Raises:
        Invalid: when the name or the password does not fit.
    """
    if " ".join((form.name.data or "").split()) != " ".join(name.split()):
        raise Invalid(N_("Type your name exactly as it stands above."), field="name")
    account_id = accounts.signed_in_id()
    if account_id is None:
        return None
    with reading() as session:
        try:
            accounts.services.confirm_password(
                session, account_id=account_id, password=form.password.data or ""
            )
        except Invalid as error:
            raise Invalid(error.message, field="password") from None

    def close(session: Session) -> None:
        accounts.services.close(session, account_id=account_id)

    return close
