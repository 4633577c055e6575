"""The admins' front page and the pages that look at the whole club: audit log, doctor, messages given up."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from qunclub.kernel import NotFound, outbox, store
from qunclub.web import (
    NavItem,
    _,
    _l,
    allow,
    club,
    csv_response,
    current_actor,
    flash,
    now,
    reading,
    register,
    render,
    see_other,
    unit_of_work,
)

from . import queries
from .forms import ProfileForm
from .overview import COUNTED, overview
from .words import acts, promises, things

bp = Blueprint("admin", __name__, url_prefix="/admin")
PROFILE = "club.profile"
"""Where the club keeps what it says of itself; the home reads it there, too."""

register(
    NavItem("admin", _l("Overview"), "qunclub.admin.index", "speedometer2", 0, role="admin"),
    NavItem("admin", _l("Club profile"), "qunclub.admin.profile", "card-heading", 800, role="admin"),
    NavItem("admin", _l("Audit log"), "qunclub.admin.audit", "journal-check", 900, role="admin"),
    NavItem("admin", _l("Doctor"), "qunclub.admin.doctor", "heart-pulse", 910, role="admin"),
    NavItem("admin", _l("Messages"), "qunclub.admin.messages", "send-exclamation", 920, role="admin"),
)


@bp.get("/")
@allow("admin")
def index() -> Any:
    """What needs a hand."""
    with reading() as session:
        view = overview(session, now=now(), zone=club().settings.zone)
        return render("admin/home.html", view=view, counted=COUNTED, act_words=acts(), now=now())


@bp.get("/audit")
@allow("admin")
def audit() -> Any:
    """Who did what to what."""
    q, thing = request.args.get("q", "")[:120], request.args.get("thing", "")[:40]
    with reading() as session:
        page = queries.audit(session, q=q, thing=thing, after=request.args.get("after", ""))
        return render("admin/audit.html", page=page, q=q, thing=thing, things=things(), act_words=acts())


@bp.get("/audit.csv")
@allow("admin")
def audit_export() -> Any:
    """The log as a table of record."""
    q, thing = request.args.get("q", "")[:120], request.args.get("thing", "")[:40]
    with reading() as session:
        return csv_response("audit", queries.AUDIT_HEADER, queries.audit_rows(session, q=q, thing=thing))


@bp.get("/doctor")
@allow("admin")
def doctor() -> Any:
    """The promises, and with ``?run=1`` what the doctor finds on the live database."""
    findings = None
    if request.args.get("run"):
        with reading() as session:
            findings = [
                (room, finding) for room, check in club().doctors.items() for finding in check(session, now())
            ]
    return render(
        "admin/doctor.html",
        findings=findings,
        promises=promises(),
        rooms=len(club().doctors),
        looked_at=now(),
    )


@bp.route("/profile", methods=["GET", "POST"])
@allow("admin")
def profile() -> Any:
    """What strangers read on the front page."""
    form = ProfileForm()
    if form.validate_on_submit():
        with unit_of_work() as session:
            before = store.get_value(session, PROFILE, {})
            store.set_value(session, PROFILE, {**before, **form.values()})
            store.record(
                session,
                actor=current_actor(),
                action="club.profile",
                target="club",
                now=now(),
                details={"before": before, "after": form.values()},
            )
        flash(_("The profile is saved."))
        return see_other("qunclub.admin.profile")
    if request.method == "GET":
        with reading() as session:
            form = ProfileForm.filled(store.get_value(session, PROFILE, {}))
    return render("admin/profile.html", form=form), 422 if form.errors else 200


@bp.get("/outbox")
@allow("admin")
def messages() -> Any:
    """Mails and refunds that failed too often, and what waits for its turn."""
    with reading() as session:
        page = queries.given_up(session, after=request.args.get("after", ""))
        return render("admin/outbox.html", page=page, queued=queries.queued(session), now=now())


@bp.post("/outbox/<int:message_id>/retry")
@allow("admin")
def retry(message_id: int) -> Any:
    """Put one back into the queue."""
    with unit_of_work() as session:
        if not outbox.retry(session, message_id, now=now()):
            raise NotFound()
        store.record(
            session, actor=current_actor(), action="outbox.retry", target=f"outbox:{message_id}", now=now()
        )
    flash(_("It is in the queue again and goes out within a minute."))
    return see_other("qunclub.admin.messages")
