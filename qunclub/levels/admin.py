"""The path, for admins: rules as a draft with a preview, put in force with a reason; levels by hand; the history."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from qunclub.kernel import Stale
from qunclub.web import (
    NavItem,
    _,
    _l,
    allow,
    current_actor,
    explain,
    flash,
    form_errors,
    now,
    reading,
    register,
    render,
    see_other,
    transact,
    version_in,
)

from . import queries, rules, services
from .forms import HandForm, LadderForm, ReasonForm, data_of
from .views import words

bp = Blueprint("levels_admin", __name__, url_prefix="/admin/levels")
register(NavItem("admin", _l("The path upward"), "qunclub.levels_admin.index", "ladder", 86, role="admin"))

# What the audit log calls the acts of this room.
ACTS = {
    "levels.rules": _l("Rules of the path changed"),
    "levels.hand": _l("Level set by hand"),
}


def _shown(form: Any) -> int:
    given = form.version.data or ""
    return version_in(given)


@bp.get("")
@allow("admin")
def index() -> Any:
    """The rules in force, how many stand where, who will lose a level, the last steps."""
    typed = request.args.get("number", "").strip().lower().removeprefix("no.").strip()
    if typed.isdecimal() and len(typed) < 10:
        return see_other(".member", number=int(typed))
    with reading() as session:
        version, ladder = services.ladder_in_force(session)
        return render(
            "levels/admin_index.html",
            version=version,
            ladder=ladder,
            counts=queries.counts(session),
            draft=queries.draft(session),
            versions=queries.versions(session),
            losing=queries.losing(session),
            page=queries.history(session, after=request.args.get("after", "")),
            typed=typed,
            **words(),
        )


@bp.route("/draft", methods=["GET", "POST"])
@allow("admin")
def draft() -> Any:
    """Write rules; the sweep counts what they would change before anybody puts them in force."""
    actor, moment, stale = current_actor(), now(), ""
    with reading() as session:
        written = queries.draft(session)
        in_force, ladder = services.ladder_in_force(session)
        held = rules.Ladder.of(written.rules) if written is not None else ladder
        version = written.version if written is not None else 0
    form = LadderForm(data=data_of(held, version))
    if form.validate_on_submit():
        saved = False
        try:
            with form_errors(form):
                wanted = form.ladder()
                saved = transact(
                    lambda session: bool(
                        services.save_draft(
                            session, ladder=wanted, version=_shown(form), now=moment, actor=actor
                        ).version
                    )
                )
        except Stale as error:
            stale = explain(error)
            form.version.data = str(version)
        if saved:
            flash(_("The draft is saved. What it would change is being counted."))
            return see_other(".preview")
    page = render("levels/admin_draft.html", form=form, stale=stale, theirs="", in_force=in_force, **words())
    return page, 409 if stale else 422 if form.errors else 200


@bp.route("/draft/preview", methods=["GET", "POST"])
@allow("admin")
def preview() -> Any:
    """What the draft would change, as far as it is counted; putting it in force."""
    actor, moment = current_actor(), now()
    with reading() as session:
        written = queries.draft(session)
        if written is None:
            flash(_("There is no draft; write one first."), "info")
            return see_other(".draft")
        in_force, old = services.ladder_in_force(session)
        ladder, version = rules.Ladder.of(written.rules), written.version
        total = sum(queries.counts(session).values())
    form = ReasonForm(data={"version": version})
    stale = ""
    if form.validate_on_submit():
        made, reason, given = 0, form.reason.data or "", _shown(form)
        try:
            with form_errors(form):
                made = transact(
                    lambda session: (
                        services.put_in_force(
                            session, version=given, reason=reason, now=moment, actor=actor
                        ).version
                    )
                )
        except Stale as error:
            stale = explain(error)
            form.version.data = str(version)
        if made:
            flash(_("Version %(n)s holds from now on; members are looked at in turn.", n=made))
            return see_other(".index")
    page = render(
        "levels/admin_preview.html",
        form=form,
        draft=written,
        ladder=ladder,
        old=old,
        in_force=in_force,
        total=total,
        stale=stale,
        theirs="",
        **words(),
    )
    return page, 409 if stale else 422 if form.errors else 200


@bp.post("/draft/discard")
@allow("admin")
def discard() -> Any:
    """Throw the draft away."""
    typed = request.form.get("version", "")
    version = version_in(typed)
    try:
        transact(lambda session: services.discard_draft(session, version=version))
    except Stale as error:
        flash(explain(error), "warning")
        return see_other(".preview")
    flash(_("The draft is thrown away; the rules in force stay."), "info")
    return see_other(".index")


@bp.route("/members/<int:number>", methods=["GET", "POST"])
@allow("admin")
def member(number: int) -> Any:
    """One member's path, and a level by hand."""
    actor, moment = current_actor(), now()
    form = HandForm()
    if form.validate_on_submit():
        done = False
        level, reason = form.level.data, form.reason.data or ""
        with form_errors(form):
            until = form.end()
            done = transact(
                lambda session: bool(
                    services.set_by_hand(
                        session,
                        number=number,
                        level=level,
                        until=until,
                        reason=reason,
                        now=moment,
                        actor=actor,
                    ).level
                )
            )
        if done:
            flash(_("The level holds until then; the member reads the reason on their path."))
            return see_other(".member", number=number)
    with reading() as session:
        who = queries.member_of(session, number)
        mine = queries.path_of(session, who.id, moment)
        page = render(
            "levels/admin_member.html", who=who, path=mine, form=form, ending=ReasonForm(formdata=None), now=moment,
            **words(),
        )  # fmt: skip
    return page, 422 if form.errors else 200


@bp.post("/members/<int:number>/follow")
@allow("admin")
def follow(number: int) -> Any:
    """Take the hand off: the rules decide again."""
    actor, moment, form = current_actor(), now(), ReasonForm()
    if form.validate_on_submit():
        reason, done = form.reason.data or "", False
        with form_errors(form):
            done = transact(
                lambda session: bool(
                    services.end_hand(session, number=number, reason=reason, now=moment, actor=actor).level
                )
            )
        if done:
            flash(_("The rules decide again; a level is not lost without letter and grace."))
            return see_other(".member", number=number)
    for errors in form.errors.values():
        for error in errors:
            flash(str(error), "danger")
    return see_other(".member", number=number)
