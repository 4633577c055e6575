"""Whether somebody may write on a board now: the one question that every writing verb and page asks."""

from __future__ import annotations

import datetime as dt

from sqlalchemy.orm import Session

from qunclub import house
from qunclub.groups.models import Group
from qunclub.members.models import Member

from . import queries_posts, rules
from .models import BoardPost
from .queries import Place


def may_post(
    session: Session,
    *,
    place: Place,
    now: dt.datetime,
    zone: dt.tzinfo,
    answering: BoardPost | None = None,
    editing: bool = False,
) -> house.Verdict:
    """Whether the reader of *place* may write a post there or, with *answering*, an answer to that post.

    Args:
        session: what else decides is read with it, in the transaction that writes.
        now: aware UTC.
        zone: the club's time zone, in which hours of the day are meant.
        editing: whether words that are there already are changed; slow mode does not ask for patience with that.
    """
    if place.closed:
        return house.Verdict(False, "closed", rules.GROUP_CLOSED)
    member = session.get_one(Member, place.member_id)
    verdict = house.may_post(
        session,
        group=session.get_one(Group, place.group_id),
        member=member,
        now=now,
        zone=zone,
        kind="reply" if answering is not None else "post",
        # Only what hosts have opened goes on while the group is quiet.
        opened=answering is not None and answering.by_staff and answering.open_answers,
        last_post_at=None
        if editing
        else lambda: queries_posts.last_post_at(session, group_id=place.group_id, member_id=member.id),
    )
    if verdict.allowed and not place.staff and answering is not None and not answering.open_answers:
        return house.Verdict(False, "closed", rules.CLOSED)
    return verdict


def check_may_post(
    session: Session,
    *,
    place: Place,
    now: dt.datetime,
    zone: dt.tzinfo,
    answering: BoardPost | None = None,
    editing: bool = False,
) -> None:
    """The same, as a refusal.

    Raises:
        Forbidden: saying why.
    """
    may_post(session, place=place, now=now, zone=zone, answering=answering, editing=editing).require()
