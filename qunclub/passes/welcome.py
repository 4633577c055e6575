"""The ritual of entering: number, covenant, name, introduction, the way in, first task. Each step is kept, so it can be
left and resumed."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from qunclub import groups
from qunclub.groups import MySeat
from qunclub.members.models import Member, Tier

from . import queries
from .queries import Holding

STEPS = ("number", "covenant", "name", "introduction", "enter", "task")


@dataclass(frozen=True, slots=True)
class Ritual:
    """Where a member stands.

    Attributes:
        seat: the seat or waiting place of the pass's line; None when the pass leads into no group.
        done: the steps that are done, of :attr:`steps`.
        nickname: the member's name by the group's rule, as it stands.
        asked: what the group's line asks of them, and what they did of it.
    """

    holding: Holding
    member: Member
    tier: Tier | None
    seat: MySeat | None
    steps: tuple[str, ...]
    done: frozenset[str]
    nickname: str
    asked: groups.Asked

    @property
    def open(self) -> bool:
        """Whether the way in is shown: by the one rule of ``groups``."""
        return self.seat is not None and self.seat.may_enter

    @property
    def current(self) -> str | None:
        """The first step that is not done."""
        return next((step for step in self.steps if step not in self.done), None)


def named(member: Member, rule: str) -> bool:
    """Whether the member has what the group's rule asks for."""
    return bool(member.nickname) and not missing(member.city, rule)


def missing(city: str, rule: str) -> bool:
    """Whether the rule asks for a city that is not there."""
    return "{city}" in rule and not city.strip()


def ritual(session: Session, *, pass_id: int, member_id: int) -> Ritual:
    """How far this member is with this pass.

    Raises:
        NotFound: when the pass is not theirs.
    """
    holding = queries.holding(session, pass_id=pass_id, member_id=member_id)
    member = session.get_one(Member, member_id)
    seat = groups.seat_of(session, holding.seat.id) if holding.seat else None
    if seat is not None and seat.seat.state not in groups.LIVE:
        seat = None
    rule = seat.line.nickname_rule if seat else groups.DEFAULT_NICKNAME
    asked = groups.asked_of(session, seat.seat) if seat is not None else groups.NOTHING_ASKED
    there = {
        "number": True,
        "covenant": seat is not None and seat.covenant is not None,
        "name": True,
        "introduction": bool(asked.questions),
        "enter": seat is not None,
        "task": bool(asked.task_title),
    }
    done = {
        "number": member.number is not None,
        "covenant": seat is not None and seat.accepted_at is not None,
        "name": named(member, rule),
        "introduction": asked.introduction is not None,
        "enter": seat is not None
        and seat.may_enter
        and holding.ticket is not None
        and holding.ticket.state == "used",
        "task": asked.task_at is not None,
    }
    return Ritual(
        holding=holding,
        member=member,
        tier=session.get(Tier, member.tier_id) if member.tier_id else None,
        seat=seat,
        steps=tuple(step for step in STEPS if there[step]),
        done=frozenset(step for step in STEPS if done[step]),
        nickname=groups.nickname(rule, number=member.number, nickname=member.shown_name, city=member.city),
        asked=asked,
    )
