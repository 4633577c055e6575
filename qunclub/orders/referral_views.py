"""Bringing somebody along: my link, what became of it, and what whoever follows it is told."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request
from sqlalchemy.orm import Session

from qunclub import points
from qunclub.kernel import NotFound, ids
from qunclub.web import (
    _,
    absolute_url,
    allow,
    club,
    flash,
    limit,
    member_id,
    now,
    reading,
    render,
    see_other,
    transact,
)

from . import queries_referral as queries
from . import rules_referral as rules
from . import services_referral as services

bp = Blueprint("referral", __name__)
COOKIE, KEPT_SECONDS = "qunclub_brought_by", 30 * 24 * 3600


def words() -> dict[str, str]:
    """Why nothing was earned, in the reader's language."""
    return {code: _(label) for code, label in rules.WHY.items()}


@bp.get("/me/referral")
@allow("member")
def mine() -> Any:
    """My link, the terms, and what became of everybody who followed it."""
    ident = member_id()
    with reading() as session:
        code = queries.code_of(session, ident)
        rule = points.rules_in_force(session)[rules.KIND]
        return render(
            "orders/referral.html",
            on=rule.active,
            amount=rule.amount,
            limits=rule.limits,
            terms=services.load(session),
            link=absolute_url("qunclub.referral.follow", code=code) if code else "",
            rows=queries.mine(session, ident),
            why=words(),
        )


@bp.post("/me/referral")
@allow("member")
def make() -> Any:
    """A link of my own."""
    ident, moment = member_id(), now()
    transact(lambda session: services.code_for(session, member_id=ident, now=moment))
    flash(_("This is your link."))
    return see_other(".mine")


@bp.get("/r/<code>")
@allow("anyone")
@limit("60 per minute", name="referral")
def follow(code: str) -> Any:
    """Who invites, and what they get for it: said before anything is kept."""
    with reading() as session:
        inviter = services.inviter_of(session, code)
        if inviter is None:
            raise NotFound()
        rule = points.rules_in_force(session)[rules.KIND]
        return render(
            "orders/referral_follow.html",
            inviter=inviter,
            amount=rule.amount,
            terms=services.load(session),
            code=ids.normalise_code(code),
        )


@bp.post("/r/<code>")
@allow("anyone")
@limit("60 per minute", name="referral")
def accept(code: str) -> Any:
    """Go on, with the inviter remembered in this browser or without."""
    answer = see_other("qunclub.passes.index")
    if request.form.get("tell") == "1":
        answer.set_cookie(
            COOKIE,
            ids.normalise_code(code)[:20],
            max_age=KEPT_SECONDS,
            httponly=True,
            samesite="Lax",
            secure=club().settings.production,
        )
    else:
        answer.delete_cookie(COOKIE)
    return answer


def keep(session: Session, order_code: str) -> None:
    """Remember with a placed order by whose link its buyer came, if they came by one."""
    code = request.cookies.get(COOKIE, "")
    if code:
        services.keep(session, order_code=order_code, code=code[:20], now=now())
