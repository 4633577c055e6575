"""People, for admins: find them, give roles and numbers, close the doors to one and open them again."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from qunclub.web import (
    NavItem,
    _,
    _l,
    allow,
    csv_response,
    current_actor,
    flash,
    forget_actor,
    form_errors,
    now,
    reading,
    register,
    render,
    see_other,
    unit_of_work,
)

from . import queries_people as queries
from . import services
from .forms import GiveNumberForm, ReserveForm, RolesForm, SuspendForm, parse_numbers

bp = Blueprint("people", __name__, url_prefix="/admin/people")
register(NavItem("admin", _l("People"), "qunclub.people.index", "people", 20, role="admin"))

# What the audit log calls the acts of this room.
ACTS = {
    "member.roles": _l("Roles changed"),
    "member.suspend": _l("Suspended"),
    "member.restore": _l("Opened again"),
    "member.erase": _l("Account deleted by the member"),
    "number.give": _l("Kept number given"),
    "number.reserve": _l("Numbers kept back"),
}


def _filters() -> dict[str, str]:
    return {
        "q": request.args.get("q", "")[:120],
        "role": request.args.get("role", ""),
        "state": request.args.get("state", ""),
    }


@bp.get("")
@allow("admin")
def index() -> Any:
    """Search and filter."""
    filters = _filters()
    with reading() as session:
        page = queries.people(session, **filters, after=request.args.get("after", ""))
        return render("admin/people.html", page=page, **filters)


@bp.get("/all.csv")
@allow("admin")
def export() -> Any:
    """The same list as a table of record."""
    with reading() as session:
        return csv_response("people", queries.PEOPLE_HEADER, queries.people_rows(session, **_filters()))


@bp.get("/<int:member_id>")
@allow("admin")
def show(member_id: int) -> Any:
    """One person: what they are, what was done about them, what can be done."""
    return _page(member_id)


def _page(
    member_id: int,
    *,
    roles: RolesForm | None = None,
    suspend: SuspendForm | None = None,
    give: GiveNumberForm | None = None,
) -> Any:
    with reading() as session:
        view = queries.person(session, member_id)
        member = view.person.member
        free = [] if member.number is not None else queries.free_reserved(session)
        give = give or GiveNumberForm(formdata=None)
        give.number.choices = [(number, f"No. {number}") for number in free]
        failed = any(form is not None and form.errors for form in (roles, suspend, give))
        page = render(
            "admin/people_show.html",
            view=view,
            member=member,
            roles=roles or RolesForm(formdata=None, data={"roles": member.roles}),
            suspend=suspend or SuspendForm(formdata=None),
            give=give,
            free=free,
            act_words=ACTS,
        )
    return page, 422 if failed else 200


@bp.post("/<int:member_id>/roles")
@allow("admin")
def roles(member_id: int) -> Any:
    """Replace a person's roles."""
    form = RolesForm()
    if form.validate_on_submit():
        with form_errors(form), unit_of_work() as session:
            services.set_roles(
                session, member_id=member_id, roles=form.roles.data or [], actor=current_actor(), now=now()
            )
        if not form.errors:
            forget_actor()
            flash(_("The roles are saved."))
            return see_other("qunclub.people.show", member_id=member_id)
    return _page(member_id, roles=form)


@bp.post("/<int:member_id>/suspend")
@allow("admin")
def suspend(member_id: int) -> Any:
    """Close the doors, with a reason the person reads."""
    form = SuspendForm()
    if form.validate_on_submit():
        with form_errors(form), unit_of_work() as session:
            services.suspend(
                session, member_id=member_id, reason=form.reason.data or "", actor=current_actor(), now=now()
            )
        if not form.errors:
            flash(_("The membership is suspended; the reason stands on the member's own page."), "warning")
            return see_other("qunclub.people.show", member_id=member_id)
    return _page(member_id, suspend=form)


@bp.post("/<int:member_id>/restore")
@allow("admin")
def restore(member_id: int) -> Any:
    """Open the doors again."""
    with unit_of_work() as session:
        services.restore(session, member_id=member_id, actor=current_actor(), now=now())
    flash(_("The membership is open again."))
    return see_other("qunclub.people.show", member_id=member_id)


@bp.post("/<int:member_id>/number")
@allow("admin")
def give_number(member_id: int) -> Any:
    """Give one of the kept numbers."""
    form = GiveNumberForm()
    if form.validate_on_submit():
        number = int(form.number.data or 0)
        with form_errors(form), unit_of_work() as session:
            services.give_reserved_number(
                session, member_id=member_id, number=number, actor=current_actor(), now=now()
            )
        if not form.errors:
            flash(_("This person is No. %(number)s now, for life.", number=number))
            return see_other("qunclub.people.show", member_id=member_id)
    return _page(member_id, give=form)


@bp.get("/numbers")
@allow("admin")
def numbers() -> Any:
    """The numbers kept back."""
    return _numbers_page(ReserveForm(formdata=None))


def _numbers_page(form: ReserveForm) -> Any:
    with reading() as session:
        page = render(
            "admin/people_numbers.html",
            page=queries.reserved(session, after=request.args.get("after", "")),
            next_number=services.current_number(session) + 1,
            form=form,
        )
    return page, 422 if form.errors else 200


@bp.post("/numbers")
@allow("admin")
def reserve() -> Any:
    """Keep numbers back from the queue."""
    form = ReserveForm()
    if form.validate_on_submit():
        kept: list[int] = []
        with form_errors(form):
            wanted = parse_numbers(form.numbers.data or "")
            with unit_of_work() as session:
                kept = services.reserve_numbers(
                    session, numbers=wanted, reason=form.reason.data or "", actor=current_actor(), now=now()
                )
        if not form.errors:
            flash(_("%(count)s numbers are kept back.", count=len(kept)))
            return see_other("qunclub.people.numbers")
    return _numbers_page(form)
