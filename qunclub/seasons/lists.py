"""The long lists of seasons, read by marks: for admins, for everybody, and who sat in the core before."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.kernel import Marked, Page, paginate_by_mark
from qunclub.members.models import Member

from .models import Season
from .models_profile import CoreProfile
from .queries_core import Alumnus, _alumni, _shown

NEWEST = Marked(Season.starts_at, Season.id, True, lambda row: (row[0].starts_at, row[0].id))


def listed(session: Session, *, q: str = "", state: str = "", after: str = "") -> Page[Season]:
    """Seasons for admins, newest first."""
    query = select(Season)
    if state:
        query = query.where(Season.state == state)
    if q.strip():
        query = query.where(Season.name.contains(q.strip(), autoescape=True) | (Season.slug == q.strip()))
    return _seasons(paginate_by_mark(session, query, NEWEST, after=after))


def begun(session: Session, now: dt.datetime, *, after: str = "") -> Page[Season]:
    """Public seasons that have begun, newest first."""
    query = select(Season).where(Season.state.not_in(("draft", "announced")), Season.starts_at <= now)
    return _seasons(paginate_by_mark(session, query, NEWEST, after=after))


def _seasons(found: Page[Any]) -> Page[Season]:
    return replace(found, items=[row[0] for row in found.items])


def alumni(session: Session, *, names: bool, after: str = "") -> Page[Alumnus]:
    """Who sat in the core, the latest to leave first: one statement.

    Args:
        names: whether the reader sees names; others see those who agreed.
    """
    sat = _alumni().subquery()
    query = (
        select(
            sat.c.member_id, sat.c.number, sat.c.since, sat.c.until, sat.c.terms, Member.nickname, Member.name,
            CoreProfile.skills, CoreProfile.public_at,
        )
        .join(Member, Member.id == sat.c.member_id)
        .outerjoin(CoreProfile, CoreProfile.member_id == sat.c.member_id)
        .where(_shown())
    )  # fmt: skip
    marked = Marked(sat.c.until, sat.c.member_id, True, lambda row: (row.until, row.member_id))
    found = paginate_by_mark(session, query, marked, after=after)
    people = []
    rows: list[Any] = found.items
    for ident, number, since, until, terms, nickname, name, skills, public_at in rows:
        open_to = names or public_at is not None
        said = (nickname or name) if open_to else ""
        people.append(
            Alumnus(ident, number, said, since, until, terms, list(skills or ()) if open_to else [])
        )
    return replace(found, items=people)
