"""Spin-offs as members see them: the list, proposing one, coming in, leading one."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from qunclub.kernel import Conflict, Forbidden, NotFound, Stale
from qunclub.web import (
    _,
    allow,
    current_actor,
    current_actor_or_none,
    explain,
    flash,
    form_errors,
    member_id,
    now,
    reading,
    render,
    see_other,
    transact,
    version_in,
)

from . import queries, queries_mine, queries_spin_off, services_spin_off, services_spin_off_end
from .forms_spin_off import EndForm, HandOverForm, LeadForm, ProposeForm, PutOutForm

bp = Blueprint("spin_offs", __name__, url_prefix="/groups/spin-offs")


@bp.get("")
@allow("anyone")
def index() -> Any:
    """The groups that members lead, the newest first; and what I proposed."""
    actor = current_actor_or_none()
    before = max(0, request.args.get("before", 0, type=int))
    with reading() as session:
        return render(
            "groups/spin_offs.html",
            page=queries_spin_off.listed(session, "approved", before=before),
            mine=queries_spin_off.proposals_of(session, actor.member_id) if actor and actor.member_id else [],
            gone=queries_spin_off.ended_with(session, actor.member_id) if actor and actor.member_id else [],
            before=before,
        )


@bp.route("/new/<slug>", methods=["GET", "POST"])
@allow("signed_in")
def new(slug: str) -> Any:
    """Propose one beside my group."""
    form = ProposeForm()
    with reading() as session:
        line, group = queries.group_by_slug(session, slug)
        mine = queries_mine.my_seat(session, line_id=line.id, member_id=member_id())
        seated = mine is not None and mine.seat.state == "admitted" and mine.group is not None
        if group is None or not seated or mine is None or mine.group is None or mine.group.id != group.id:
            raise Forbidden(services_spin_off.NO_SEAT)
        group_id = group.id
        if not form.validate_on_submit():
            page = render("groups/spin_off_new.html", form=form, group=group)
            return page, 422 if form.errors else 200
    made, refused = 0, ""
    try:
        with form_errors(form):
            made = transact(
                lambda session: (
                    services_spin_off.propose(
                        session, group_id=group_id, member_id=member_id(), said=form.said(), now=now()
                    ).id
                )
            )
    except Conflict as error:
        refused = explain(error)
    if made:
        flash(_("Proposed. An admin looks at it; you are told what they say."))
        return see_other(".show", ident=made)
    with reading() as session:
        group = queries.group_by_slug(session, slug)[1]
        page = render("groups/spin_off_new.html", form=form, group=group, refused=refused)
        return page, 409 if refused else 422


@bp.get("/<int:ident>")
@allow("signed_in")
def show(ident: int) -> Any:
    """A proposal, for whoever made it; a group that is there, for everybody."""
    actor = current_actor()
    with reading() as session:
        row = queries_spin_off.spin_off(session, ident)
        if row.spin.state in ("approved", "ended") and row.group is not None:
            return see_other("qunclub.groups.show", slug=row.group.slug)
        if row.spin.proposer_id != actor.member_id and not actor.has("admin"):
            raise NotFound()
        return render("groups/spin_off.html", row=row)


@bp.post("/<int:ident>/withdraw")
@allow("signed_in")
def withdraw(ident: int) -> Any:
    """Take my proposal back."""
    transact(
        lambda session: services_spin_off.withdraw(session, ident=ident, member_id=member_id(), now=now()).id
    )
    flash(_("Withdrawn."))
    return see_other(".index")


@bp.post("/<int:ident>/join")
@allow("signed_in")
def join(ident: int) -> Any:
    """Come in."""
    state = transact(
        lambda session: services_spin_off.join(session, ident=ident, member_id=member_id(), now=now()).state
    )
    with reading() as session:
        row = queries_spin_off.spin_off(session, ident)
        slug, name = (row.group.slug if row.group else ""), row.spin.name
    flash(
        _("Welcome to %(group)s.", group=name)
        if state == "admitted"
        else _("Every seat of %(group)s is taken; you are on the list.", group=name)
    )
    return see_other("qunclub.groups.show", slug=slug)


@bp.route("/<int:ident>/lead", methods=["GET", "POST"])
@allow("signed_in")
def lead(ident: int) -> Any:
    """What whoever leads a group sees to: its purpose, the way in, who is in it, who leads next."""
    return _lead(ident, LeadForm(), HandOverForm(formdata=None), save=True)


@bp.post("/<int:ident>/hand-over")
@allow("signed_in")
def hand_over(ident: int) -> Any:
    """Somebody else leads it from now on."""
    form, actor = HandOverForm(), current_actor()
    if form.validate_on_submit():
        with form_errors(form):
            name, slug = transact(lambda session: _handed(session, ident, (form.number.data or "").strip()))
            flash(_("%(name)s leads the group now.", name=name))
            if actor.has("admin"):
                return see_other(".lead", ident=ident)
            return see_other("qunclub.groups.show", slug=slug)
    return _lead(ident, LeadForm(formdata=None), form, save=False)


def _handed(session: Any, ident: int, number: str) -> tuple[str, str]:
    member = services_spin_off.hand_over(
        session, ident=ident, number=number, actor=current_actor(), now=now()
    )
    row = queries_spin_off.spin_off(session, ident)
    return member.shown_name, row.group.slug if row.group else ""


def _lead(ident: int, form: LeadForm, over: HandOverForm, *, save: bool) -> Any:
    stale, actor = "", current_actor()
    with reading() as session:
        row = queries_spin_off.spin_off(session, ident)
        services_spin_off.check_leads(row.spin, actor)
        version = row.spin.version
        if not (save and form.is_submitted()) and row.group is not None:
            form.purpose.data, form.version.data = row.spin.purpose, str(version)
            form.entry_url.data, form.entry_note.data = row.group.entry_url, row.group.entry_note
    if save and form.validate_on_submit():
        try:
            with form_errors(form):
                typed = form.version.data or ""
                transact(
                    lambda session: (
                        services_spin_off.change(
                            session,
                            ident=ident,
                            version=version_in(typed),
                            purpose=form.purpose.data or "",
                            entry_url=form.entry_url.data or "",
                            entry_note=form.entry_note.data or "",
                            actor=actor,
                            now=now(),
                        ).id
                    )
                )
                flash(_("Saved."))
                return see_other(".lead", ident=ident)
        except Stale as error:
            # What was typed stays; saving again from here is a decision, so it carries the new version.
            stale, form.version.data = explain(error), str(version)
    with reading() as session:
        row = queries_spin_off.spin_off(session, ident)
        after = max(0, request.args.get("after", 0, type=int))
        people = queries_spin_off.inside(session, row.spin.group_id or 0, after=after)
        page = render("groups/spin_off_lead.html", row=row, form=form, over=over, people=people, stale=stale)
    return page, 409 if stale else 422 if form.errors or over.errors else 200


@bp.route("/<int:ident>/end", methods=["GET", "POST"])
@allow("signed_in")
def end(ident: int) -> Any:
    """End the group, after reading what happens then."""
    form, actor = EndForm(), current_actor()
    with reading() as session:
        row = queries_spin_off.spin_off(session, ident)
        services_spin_off.check_is_leader(row.spin, actor)
        if row.group is None:
            raise NotFound()
        slug, ended = row.group.slug, row.spin.state == "ended"
        if not ended and not form.validate_on_submit():
            page = render("groups/spin_off_end.html", form=form, row=row)
            return page, 422 if form.errors else 200
    if not ended:
        with form_errors(form):
            transact(
                lambda session: (
                    services_spin_off_end.end(
                        session, ident=ident, reason=form.reason.data or "", actor=actor, now=now()
                    ).id
                )
            )
    if form.errors:
        with reading() as session:
            row = queries_spin_off.spin_off(session, ident)
            return render("groups/spin_off_end.html", form=form, row=row), 422
    flash(_("The group has ended; everybody in it is told."), "warning")
    return see_other("qunclub.groups.show", slug=slug)


@bp.route("/<int:ident>/remove/<int:seat_id>", methods=["GET", "POST"])
@allow("signed_in")
def remove(ident: int, seat_id: int) -> Any:
    """Take a member out, with a reason."""
    form, actor, refused = PutOutForm(), current_actor(), ""
    with reading() as session:
        row = queries_spin_off.spin_off(session, ident)
        services_spin_off.check_leads(row.spin, actor)
        seat = queries.seat_row(session, seat_id)
        if seat.seat.line_id != row.spin.line_id:
            raise NotFound()
        if not form.validate_on_submit():
            page = render("groups/spin_off_remove.html", form=form, row=row, seat=seat)
            return page, 422 if form.errors else 200
        name = seat.member.shown_name
    try:
        with form_errors(form):
            transact(
                lambda session: (
                    services_spin_off.put_out(
                        session,
                        ident=ident,
                        seat_id=seat_id,
                        reason=form.reason.data or "",
                        actor=actor,
                        now=now(),
                    ).id
                )
            )
    except Conflict as error:
        refused = explain(error)
    if refused or form.errors:
        with reading() as session:
            row, seat = queries_spin_off.spin_off(session, ident), queries.seat_row(session, seat_id)
            page = render("groups/spin_off_remove.html", form=form, row=row, seat=seat, refused=refused)
            return page, 409 if refused else 422
    flash(_("%(name)s is removed and is told why: by mail, and on their groups page.", name=name), "warning")
    return see_other(".lead", ident=ident)
