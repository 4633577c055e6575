"""The door for programs: one check of a ticket, the same again for the same key."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate
from sqlalchemy import update
from sqlalchemy.orm import Session

from qunclub import groups
from qunclub.api import Problem, bearer, blueprint, current_token, register_scope
from qunclub.api.models import ApiToken
from qunclub.web import N_, _, _l, club, explain, now, transact

from . import queries_door, rules_door, services_door
from .rules_door import Doors
from .services_door import Way
from .tickets import TicketResult
from .views_door import DOORS

SCOPE = "tickets.check"
register_scope(SCOPE, _l("Check tickets at the door"))
bp = blueprint("door_api", under="/tickets", description="The door.")


def _storable(text: str) -> None:
    if not rules_door.storable(text):
        raise ValidationError(N_("Only characters that can be written down."))


class CheckIn(Schema):
    """A ticket that was shown."""

    code = fields.String(
        required=True,
        validate=validate.Length(min=1, max=400, error=N_("Between 1 and 400 characters.")),
        metadata={"description": "The scanned address, the signed code, or the twelve letters and digits."},
    )
    key = fields.String(
        required=True,
        validate=[validate.Length(min=8, max=80, error=N_("Between 8 and 80 characters.")), _storable],
        metadata={
            "description": "Your own name of this check, a new one for each: the same again gives the same answer."
        },
    )
    device = fields.String(
        load_default="",
        validate=[validate.Length(max=60, error=N_("At most 60 characters.")), _storable],
        metadata={"description": "Where it was shown; for the log of the door."},
    )


class MemberOut(Schema):
    """Whose ticket it is."""

    number = fields.Integer(allow_none=True)
    name = fields.String()


class GroupOut(Schema):
    """The group to which the ticket admits."""

    slug = fields.String()
    name = fields.String()


class FirstOut(Schema):
    """Of a used ticket: when and by whom it was used."""

    at = fields.AwareDateTime()
    by = fields.String()


class CheckOut(Schema):
    """What came of the check."""

    admitted = fields.Boolean(metadata={"description": "Whether this check let the member in."})
    outcome = fields.String(
        metadata={
            "description": "admitted, used, void, waiting, left, removed, suspended, suspended_payment or other_group."
        }
    )
    message = fields.String(metadata={"description": "The outcome in words, in the caller's language."})
    reason = fields.String(
        metadata={
            "description": "Why the ticket ended or its member is suspended, as the host reads it; else empty."
        }
    )
    again = fields.Boolean(
        metadata={"description": "Whether this key was used before: nothing was done this time."}
    )
    checked_at = fields.AwareDateTime()
    member = fields.Nested(MemberOut, allow_none=True)
    group = fields.Nested(GroupOut, allow_none=True)
    first = fields.Nested(FirstOut, allow_none=True)


@bp.post("/check")
@bearer(SCOPE)
@bp.arguments(CheckIn())
@bp.response(200, CheckOut)
def check(asked: dict[str, Any]) -> dict[str, Any]:
    """Check a ticket and, when it is good, let its member in, once.

    A ticket that does not admit is told by its outcome; a code that is no ticket is a problem 404 with the code
    unknown-ticket. Both are written into the log of the door.
    """
    token, moment = current_token(), now()
    way = Way("api", device=asked["device"], bot=token.name, key=f"token:{token.id}:{asked['key']}")
    # A token for one group stands at its door and at no other.
    doors = Doors() if token.group_id is None else Doors(frozenset({token.group_id}), token.group_id)

    def command(session: Session) -> dict[str, Any] | str:
        done = services_door.check(
            session,
            text=asked["code"],
            secret=club().secret,
            doors=doors,
            way=way,
            actor=token.actor,
            now=moment,
        )
        if done.found is None:
            return explain(done.refusal) if done.refusal is not None else ""
        return _told(session, done)

    answer = transact(command)
    if isinstance(answer, str):
        raise Problem(404, "unknown-ticket", answer)
    return answer


def _lead_on(session: Session, from_id: int, into_id: int) -> None:
    """A program that stood at the door of a group which was merged stands at the other's, as its hosts do."""
    session.execute(
        update(ApiToken)
        .where(ApiToken.group_id == from_id)
        .values(group_id=into_id)
        .execution_options(synchronize_session="fetch")
    )


groups.MERGED.append(_lead_on)


def _words(found: TicketResult) -> dict[str, str]:
    return {
        "ticket": found.ticket.void_reason,
        "seat": found.seat.end_reason,
        "member": found.member.suspend_reason,
    }


def _told(session: Session, done: services_door.DoorResult) -> dict[str, Any]:
    assert done.found is not None  # asked before
    member, group = done.found.member, done.found.group
    first = None
    if done.outcome == "used":
        row = queries_door.first_entry(session, done.found.ticket)
        if row is not None:
            by = row.check.bot or (row.host.shown_name if row.host else "")
            first = {"at": row.check.at, "by": by}
    return {
        "admitted": done.entered,
        "outcome": done.outcome,
        "message": _(DOORS[done.outcome][1]),
        "reason": _(why) if (why := rules_door.why(done.outcome, **_words(done.found))) else "",
        "again": done.again,
        "checked_at": done.check.at,
        # Of another group's ticket only which group it is for.
        "member": None
        if done.outcome == "other_group"
        else {"number": member.number, "name": member.shown_name},
        "group": {"slug": group.slug, "name": group.name} if group else None,
        "first": first,
    }
