"""The door for hosts: at which one they stand, what a ticket is, who came."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request
from flask import session as cookie
from sqlalchemy.orm import Session

from qunclub import groups
from qunclub.groups.models import Group
from qunclub.kernel import Conflict, NotFound
from qunclub.web import (
    N_,
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
    reading,
    render,
    see_other,
    transact,
)

from . import queries_door, rules_door, services_door, tickets
from .forms import DoorForm
from .forms_door import ForceForm, PhotoForm
from .rules_door import Doors
from .seen import TicketResult
from .services_door import DoorResult, Way

bp = Blueprint("door", __name__)
CHOSEN = "qunclub_door"
LATEST = 8
WEB_WAYS = ("typed", "scan", "camera")

DOORS = {
    "admit": ("success", N_("Valid: not used yet")),
    "used": ("warning", N_("Already used")),
    "void": ("danger", N_("Void")),
    "waiting": ("warning", N_("Still waiting for a seat")),
    "left": ("danger", N_("The seat has ended: the member left, or the pass expired")),
    "removed": ("danger", N_("The seat was taken back")),
    "suspended": ("danger", N_("The membership is suspended")),
    "suspended_payment": ("warning", N_("Suspended: the payment is disputed")),
    "other_group": ("warning", N_("A ticket of another group")),
    "unknown": ("danger", N_("Not a ticket")),
    "admitted": ("success", N_("Entered by ticket")),
    "forced": ("warning", N_("Let in by a host")),
}
WAY_WORDS = {
    "typed": _l("typed"),
    "scan": _l("scanned"),
    "camera": _l("camera"),
    "api": _l("by a program"),
    "offline": _l("offline list"),
    "chat": _l("by the bot of a chat"),
}


def my_doors(session: Session) -> Doors:
    """Where the host who is here may stand, and which door they chose."""
    chosen = cookie.get(CHOSEN)
    return queries_door.doors_of(session, current_actor(), chosen if isinstance(chosen, int) else None)


def stands_for(session: Session, group_id: int | None) -> bool:
    """Whether the host who is here may stand at the door of a group; who has no group yet is the whole club's."""
    doors = my_doors(session)
    return doors.allowed is None or (group_id is not None and doors.may(group_id))


def door_page(form: DoorForm, photo: PhotoForm | None = None) -> str:
    """The page of the door: where one stands, the ways to read a ticket, who came."""
    with reading() as session:
        doors = my_doors(session)
        group = session.get(Group, doors.at) if doors.at is not None else None
        return render(
            "passes/door.html",
            form=form,
            photo=photo or PhotoForm(formdata=None),
            doors=doors,
            group=group,
            choices=queries_door.choices(session, doors),
            tally=queries_door.tally(session, group.id) if group else None,
            latest=queries_door.log(session, group.id, per_page=LATEST) if group else None,
            words=DOORS,
            ways=WAY_WORDS,
        )


@bp.post("/door/at")
@allow("host")
def stand() -> Any:
    """Choose the door at which one stands."""
    wanted = request.form.get("group", type=int)
    with reading() as session:
        doors = queries_door.doors_of(session, current_actor(), None)
        group = session.get(Group, wanted) if wanted is not None else None
        if wanted is not None and (group is None or not doors.may(group.id)):
            raise NotFound()
        if group is not None and groups.is_spin_off(session, group.id):
            raise Conflict(groups.NO_TICKETS)
        name = group.name if group else ""
    if wanted is None:
        cookie.pop(CHOSEN, None)
        flash(_("You stand at no door in particular."))
    else:
        cookie[CHOSEN] = wanted
        flash(_("You stand at the door of %(group)s.", group=name))
    return see_other("qunclub.tickets.door")


@bp.get("/door/log")
@allow("host")
def log() -> Any:
    """Everything that happened at the door one stands at."""
    with reading() as session:
        group = _mine(session)
        page = queries_door.log(session, group.id, before=request.args.get("before", type=int))
        return render(
            "passes/door_log.html",
            group=group,
            page=page,
            tally=queries_door.tally(session, group.id),
            words=DOORS,
            ways=WAY_WORDS,
        )


@bp.get("/door/log.csv")
@allow("host")
def log_csv() -> Any:
    """The same as a table of record."""
    with reading() as session:
        group = _mine(session)
        return csv_response("door", queries_door.LOG_HEADER, queries_door.log_rows(session, group.id))


def _mine(session: Session) -> Group:
    doors = my_doors(session)
    group = session.get(Group, doors.at) if doors.at is not None else None
    if group is None:
        raise NotFound(N_("Choose at the door which group you stand for; then its log is here."))
    return group


def ticket_page(session: Session, result: TicketResult, signed: str, force: ForceForm | None = None) -> Any:
    """What a host sees of a ticket before they let anybody in; of another group's only whose it is not."""
    doors = my_doors(session)
    told = rules_door.verdict(result.door, group_id=result.seat.group_id, doors=doors)
    kind, words = DOORS[told]
    way = request.values.get("way", "scan")
    accepted = groups.seat_of(session, result.seat.id)
    return render(
        "passes/door_ticket.html",
        result=result,
        told=told,
        signed=signed,
        kind=kind,
        words=words,
        way=way if way in WEB_WAYS else "scan",
        at=session.get(Group, doors.at) if doors.at is not None else None,
        code=tickets.spaced(result.ticket.code),
        nickname=groups.nickname(
            result.line.nickname_rule,
            number=result.member.number,
            nickname=result.member.shown_name,
            city=result.member.city,
        ),
        ready=bool(accepted and (accepted.covenant is None or accepted.accepted_at)),
        first=queries_door.first_entry(session, result.ticket) if result.ticket.state == "used" else None,
        may_force=rules_door.may_force(told, admin=current_actor().has("admin")),
        force=force or ForceForm(formdata=None),
        ways=WAY_WORDS,
    )


def way_of(name: str) -> Way:
    """How a ticket came here, with the kind of machine it was shown to."""
    return Way(name if name in WEB_WAYS else "scan", device=rules_door.device(request.user_agent.string))


def admit(signed: str) -> tuple[str, Any]:
    """Let the ticket's member in, once: what came of it, told on the page that follows."""
    outcome, name, group = _checked(signed, None)
    if outcome == "admitted":
        flash(_("Admitted: %(name)s.", name=name))
    elif outcome == "other_group":
        flash(_("Not admitted: the ticket is for %(group)s.", group=group), "danger")
    elif outcome == "unknown":
        flash(_("Not admitted: %(why)s.", why=name), "danger")
    else:
        flash(_("Not admitted: %(why)s.", why=_(DOORS[outcome][1])), "danger")
    return outcome, see_other("qunclub.tickets.check", signed=signed)


@bp.post("/t/<signed>/force")
@allow("host")
def force(signed: str) -> Any:
    """Let somebody in although the ticket does not admit: with a reason, written down and shown as such."""
    form = ForceForm()
    if form.validate_on_submit():
        with form_errors(form):
            outcome, name, _group = _checked(signed, form.reason.data or "")
            if outcome in ("admitted", "forced"):
                flash(_("Let in: %(name)s.", name=name), "warning")
            else:
                # Only a code that is no ticket comes here; whatever else may not be forced is refused before.
                flash(_("Not admitted: %(why)s.", why=name), "danger")
            return see_other("qunclub.tickets.check", signed=signed)
    with reading() as session:
        result = tickets.look(session, text=signed, secret=club().secret)
        return ticket_page(session, result, signed, form), 422


def _checked(signed: str, reason: str | None) -> tuple[str, str, str]:
    actor, moment, way = current_actor(), now(), way_of(request.form.get("way", ""))

    def command(session: Session) -> tuple[str, str, str]:
        result: DoorResult = services_door.check(
            session,
            text=signed,
            secret=club().secret,
            doors=my_doors(session),
            way=way,
            actor=actor,
            now=moment,
            force=reason,
        )
        if result.found is None:
            # Without its full stop: it stands within a sentence.
            why = explain(result.refusal) if result.refusal is not None else ""
            return result.outcome, why.rstrip(".。"), ""
        group = result.found.group
        return result.outcome, result.found.member.shown_name, group.name if group else ""

    return transact(command)


def note_unknown(way: str) -> None:
    """Write down that somebody came with what is no ticket; the text itself is not kept."""
    actor, moment, how = current_actor(), now(), way_of(way)

    def command(session: Session) -> None:
        services_door.note_unknown(session, doors=my_doors(session), way=how, actor=actor, now=moment)

    transact(command)


def note_refused(signed: str, way: str) -> None:
    """Write down that a ticket was shown that does not admit here; one that does waits for the host."""
    actor, moment, how = current_actor(), now(), way_of(way)

    def command(session: Session) -> None:
        services_door.note_refused(
            session,
            text=signed,
            secret=club().secret,
            doors=my_doors(session),
            way=how,
            actor=actor,
            now=moment,
        )

    transact(command)
