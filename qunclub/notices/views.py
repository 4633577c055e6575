"""The bell: a member's notices, how they want to be told, and the link in a mail that ends such mails."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request
from werkzeug.routing import BuildError

from qunclub.kernel import Invalid, NotFound
from qunclub.web import (
    N_,
    _,
    _n,
    allow,
    club,
    csrf_exempt,
    current_actor,
    explain,
    flash,
    limit,
    member_id,
    now,
    reading,
    render,
    see_other,
    transact,
)

from . import queries, rules, rules_links, services

bp = Blueprint("notices", __name__, url_prefix="/notices")
WAYS = {
    "all": N_("in the club and by mail"),
    "app": N_("in the club only"),
    "none": N_("not at all"),
}


@bp.get("")
@allow("signed_in")
def index() -> Any:
    """What I was told, the newest first."""
    after = request.args.get("after", type=int)
    with reading() as session:
        page = queries.listed(session, member_id(), before=after)
    return render(
        "notices/index.html",
        page=page,
        newest=page.items[0].id if page.items and after is None else 0,
        unread=any(one.unread for one in page.items),
    )


@bp.post("/read")
@allow("signed_in")
def read() -> Any:
    """Mark as read everything up to the newest one that was on the page."""
    ident, upto = member_id(), request.form.get("upto", 0, type=int)
    count = transact(lambda work: services.mark_read(work, member_id=ident, upto=upto, now=now()))
    flash(_n("%(num)s notice marked as read.", "%(num)s notices marked as read.", count))
    return see_other(".index")


@bp.post("/<int:notice_id>/open")
@allow("signed_in")
def open_one(notice_id: int) -> Any:
    """Mark a notice as read and go where it leads."""
    ident = member_id()

    def command(work: Any) -> tuple[str, dict[str, Any]]:
        row = services.open_notice(work, notice_id=notice_id, member_id=ident, now=now())
        return row.endpoint, dict(row.args)

    endpoint, values = transact(command)
    try:
        return see_other(endpoint or ".index", **values)
    except BuildError:
        # It led to a page that this version of the club has no more.
        return see_other(".index")


@bp.route("/choices", methods=["GET", "POST"])
@allow("signed_in")
def choices() -> Any:
    """How I want to be told of each kind."""
    ident, error, status = member_id(), "", 200
    if request.method == "POST":
        ways = {kind: request.form[kind] for kind in rules.KINDS if kind in request.form}
        try:
            transact(lambda work: services.choose(work, member_id=ident, ways=ways))
        except Invalid as refused:
            error, status = explain(refused), 422
        else:
            flash(_("Your choice is kept."))
            return see_other(".choices")
    with reading() as session:
        ways = queries.ways(session, ident)
    roles = current_actor().roles
    kinds = {name: kind for name, kind in rules.KINDS.items() if not kind.role or kind.role in roles}
    page = render("notices/choices.html", kinds=kinds, ways=ways, words=WAYS, error=error)
    return page, status


@bp.route("/off/<token>", methods=["GET", "POST"])
@allow("anyone")
@csrf_exempt
@limit("30 per minute", name="notices_off")
def off(token: str) -> Any:
    """End mails of one kind by the signed link of a mail: without signing in, and with a mail program's one click."""
    found = rules_links.verify(token, club().secret)
    if found is None or found[1] not in rules.KINDS:
        raise NotFound(N_("This link is not one of ours, or it was cut short."))
    ident, kind = found
    done = False
    if request.method == "POST":
        done = transact(lambda work: services.no_more_mail(work, member_id=ident, kind=kind))
    return render("notices/off.html", token=token, kind=rules.KINDS[kind], done=done)
