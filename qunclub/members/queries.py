"""Reads of members, each in a constant number of statements."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, or_, select, union_all
from sqlalchemy.orm import Session

from qunclub.kernel import Actor, Marked, Me, NotFound, Page, paginate_by_mark, reads

from .models import Member, Tier
from .rules import ERASED, effective_roles


@cache
def _identity() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Member.id, Member.number, Member.nickname, Member.name, Member.locale, Member.roles,
            Member.suspended_at, Tier.name, Member.notices_unread,
        )
        .outerjoin(Tier, Tier.id == Member.tier_id)
        .where(Member.user_key == bindparam("key"))
    )  # fmt: skip


def find_identity(session: Session, identity: Actor) -> tuple[Actor, Me, dt.datetime | None] | None:
    """The actor with member id and roles, what pages show of them, and since when they are suspended.

    One statement; None when the identity has no member row yet.
    """
    row = reads.one(session, _identity(), key=identity.key)
    if row is None:
        return None
    ident, number, nickname, name, locale, roles, suspended_at, tier, unread = row
    # A suspended member keeps what they bought but acts with no role.
    held = frozenset() if suspended_at is not None else effective_roles(identity.roles, roles, number)
    actor = replace(identity, roles=held, member_id=ident, name=nickname or name)
    return actor, Me(ident, number, nickname or name, tier or "", locale, unread), suspended_at


@dataclass(frozen=True, slots=True)
class Listed:
    """A member as other members see them."""

    number: int
    shown_name: str
    tier: str
    city: str
    bio: str
    since: dt.datetime | None


def _listed() -> Select[*tuple[Any, ...]]:
    # Suspended and departed members keep their numbers but are not shown around.
    query: Select[*tuple[Any, ...]] = select(
        Member.number, Member.nickname, Member.name, Tier.name, Member.city, Member.bio, Member.numbered_at
    ).outerjoin(Tier, Tier.id == Member.tier_id)
    return query.where(
        Member.number.is_not(None), Member.suspended_at.is_(None), Member.user_key.not_like(ERASED + "%")
    )


def _as_listed(row: Any) -> Listed:
    number, nickname, name, tier, city, bio, since = row
    return Listed(number, nickname or name, tier or "", city, bio, since)


def directory(
    session: Session, *, q: str = "", tier: str = "", newest: bool = False, after: str = ""
) -> Page[Listed]:
    """Members with a number, by number, in one statement. *q* is a number, or a part of the shown name or the city."""
    query = _listed()
    if q.strip():
        query = query.where(_matching(q.strip()))
    if tier:
        query = query.where(Tier.code == tier)
    marked = Marked(Member.number, Member.id, newest, lambda row: (row.number, row.id), number=True)
    found = paginate_by_mark(session, query.add_columns(Member.id), marked, after=after)
    items = [_as_listed(row[:-1]) for row in found.items]
    return Page(items, found.page, found.per_page, found.has_next, found.more)


def _matching(q: str) -> ColumnElement[bool]:
    digits = q.lower().removeprefix("no.").lstrip("#").strip()
    words = [
        Member.nickname.icontains(q, autoescape=True),
        # Who has a nickname is not found by the name it stands for.
        (Member.nickname == "") & Member.name.icontains(q, autoescape=True),
        Member.city.icontains(q, autoescape=True),
    ]
    if digits.isdecimal() and len(digits) <= 9:
        words.append(Member.number == int(digits))
    return or_(*words)


def by_number(session: Session, number: int) -> Listed:
    """The member with *number* as other members see them.

    Raises:
        NotFound: when nobody has it, or its member is suspended or gone.
    """
    row = session.execute(_listed().where(Member.number == number)).one_or_none()
    if row is None:
        raise NotFound()
    return _as_listed(row)


def tiers(session: Session) -> list[Tier]:
    """The levels of membership, the lowest first."""
    return list(session.scalars(select(Tier).order_by(Tier.rank, Tier.id)))


FOUND = 200
"""Most people a search by name looks for; whoever has so common a name is found by number."""


def beginning(session: Session, q: str, *, most: int = FOUND) -> Select[int]:
    """The ids of members whose name, nickname or address begins with *q*, up to *most* of each, by indexes alone."""
    means = [_begins(session, column, q) for column in (Member.name, Member.nickname)]
    means.append(_begins(session, Member.email, q.lower()))
    each = union_all(*(select(select(Member.id).where(one).limit(most).subquery()) for one in means))
    return select(each.subquery().c.id)


def _begins(session: Session, column: Any, q: str) -> ColumnElement[bool]:
    """Whether *column* begins with *q*, in the way each database's index can tell."""
    if session.get_bind().dialect.name == "postgresql":
        found: ColumnElement[bool] = column.startswith(q, autoescape=True)
        return found
    return and_(column >= q, column < q + "\U0010ffff")


def meant(session: Session, q: str, *, most: int = FOUND) -> list[int]:
    """The ids of members somebody may mean by *q*: whose name begins with it or, when there are none, holds it.

    One statement along indexes; a second one, which looks at every member, only when nobody's name begins so.
    """
    found = list(session.scalars(beginning(session, q, most=most)))
    if found:
        return sorted(set(found))
    inside = Member.name.icontains(q, autoescape=True) | Member.nickname.icontains(q, autoescape=True)
    return list(session.scalars(select(Member.id).where(inside).limit(most)))
