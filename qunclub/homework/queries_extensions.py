"""Who has more time for which homework."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, or_, select
from sqlalchemy.orm import Session

from qunclub.kernel import reads
from qunclub.members.models import Member

from .models_work import Extension

More = tuple[dt.datetime, dt.datetime | None]
"""When an extension is due, and when it closes."""


@cache
def _of_member(one: bool, groups: bool) -> Select[*tuple[Any, ...]]:
    whose = Extension.member_id == bindparam("member")
    if groups:
        whose = or_(whose, Extension.group_id.in_(bindparam("groups", expanding=True)))
    query: Select[*tuple[Any, ...]] = select(
        Extension.assignment_id, Extension.due_at, Extension.cut_off_at
    ).where(whose)
    return query.where(Extension.assignment_id == bindparam("assignment")) if one else query


def of_member(
    session: Session, *, member_id: int, group_ids: Collection[int], assignment_id: int | None = None
) -> dict[int, list[More]]:
    """The extensions (due, cut-off) that somebody has, by assignment: one statement."""
    values: dict[str, Any] = {"member": member_id}
    if group_ids:
        values["groups"] = sorted(group_ids)
    if assignment_id is not None:
        values["assignment"] = assignment_id
    found: dict[int, list[More]] = defaultdict(list)
    for row in reads.rows(session, _of_member(assignment_id is not None, bool(group_ids)), **values):
        found[row[0]].append((row[1], row[2]))
    return dict(found)


def listed(session: Session, assignment_id: int) -> list[Any]:
    """An assignment's extensions for its admins, the newest first: one statement."""
    query = (
        select(Extension, Member)
        .outerjoin(Member, Member.id == Extension.member_id)
        .where(Extension.assignment_id == assignment_id)
        .order_by(Extension.granted_at.desc(), Extension.id.desc())
    )
    return list(session.execute(query))
