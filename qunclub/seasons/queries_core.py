"""The core group as it is shown: who sits in it, who sat in it, and what a member's page says of both."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, aliased

from qunclub.kernel import Actor
from qunclub.kernel.ports import Part
from qunclub.members.models import Member

from .models import CoreSeat, Season
from .models_profile import CoreProfile
from .rules_core import NO_HONOUR, Standing, Term, standing

ERASED = "erased:"


@dataclass(frozen=True, slots=True)
class CoreCard:
    """Somebody who sits in the core; *name*, *skills* and *about* are empty for readers they are not for."""

    member_id: int
    number: int
    name: str
    city: str
    since: dt.datetime
    season: str
    season_slug: str
    safe_closings: int
    public: bool
    skills: list[str] = field(default_factory=list)
    about: str = ""


@dataclass(frozen=True, slots=True)
class Alumnus:
    """Somebody who sat in the core, from their first day in it to their last."""

    member_id: int
    number: int
    name: str
    since: dt.datetime
    until: dt.datetime
    terms: int
    skills: list[str] = field(default_factory=list)


def _shown() -> Any:
    return Member.suspended_at.is_(None) & Member.user_key.not_like(ERASED + "%")


def core_cards(session: Session, *, names: bool) -> list[CoreCard]:
    """Who sits in the core, by number: one statement. Suspended members are not shown around.

    Args:
        names: whether the reader sees names; others see those who agreed.
    """
    rows = session.execute(
        select(
            CoreSeat.member_id, CoreSeat.number, Member.nickname, Member.name, Member.city, CoreSeat.joined_at,
            Season.name, Season.slug, CoreSeat.safe_closings, CoreProfile.skills, CoreProfile.about,
            CoreProfile.public_at,
        )
        .join(Member, Member.id == CoreSeat.member_id)
        .outerjoin(Season, Season.id == CoreSeat.since_season_id)
        .outerjoin(CoreProfile, CoreProfile.member_id == CoreSeat.member_id)
        .where(CoreSeat.left_at.is_(None), _shown())
        .order_by(CoreSeat.number)
    )  # fmt: skip
    cards = []
    for ident, number, nickname, name, city, since, season, slug, safe, skills, about, public_at in rows:
        open_to = names or public_at is not None
        cards.append(
            CoreCard(
                ident,
                number,
                (nickname or name) if open_to else "",
                city if open_to else "",
                since,
                season or "",
                slug or "",
                safe,
                public_at is not None,
                list(skills or ()) if open_to else [],
                (about or "") if open_to else "",
            )
        )
    return cards


def seats_taken(session: Session) -> int:
    """How many seats of the core are taken."""
    query = select(func.count()).select_from(CoreSeat).where(CoreSeat.left_at.is_(None))
    return session.scalar(query) or 0


def _alumni() -> Select[*tuple[Any, ...]]:
    """Members without a seat whose last leaving was no dishonour: their first day, their last, how often they sat."""
    later = aliased(CoreSeat)
    still = select(later.id).where(later.member_id == CoreSeat.member_id, later.left_at.is_(None)).exists()
    gone = aliased(CoreSeat)
    last = (
        select(gone.left_reason)
        .where(gone.member_id == CoreSeat.member_id)
        .order_by(gone.left_at.desc(), gone.joined_at.desc())
        .limit(1)
        .correlate(CoreSeat)
        .scalar_subquery()
    )
    return (
        select(
            CoreSeat.member_id,
            func.min(CoreSeat.number).label("number"),
            func.min(CoreSeat.joined_at).label("since"),
            func.max(CoreSeat.left_at).label("until"),
            func.count().label("terms"),
        )
        .where(~still, last.not_in(NO_HONOUR))
        .group_by(CoreSeat.member_id)
    )


def profile(session: Session, member_id: int) -> CoreProfile | None:
    """What somebody wrote of themselves."""
    return session.get(CoreProfile, member_id)


def terms_of(session: Session, member_id: int) -> list[Term]:
    """Every time somebody sat in the core."""
    rows = session.execute(
        select(CoreSeat.joined_at, CoreSeat.left_at, CoreSeat.left_reason)
        .where(CoreSeat.member_id == member_id)
        .order_by(CoreSeat.joined_at)
    )
    return [Term(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a member's page says of their time in the core."""

    standing: Standing
    terms: list[Term]
    skills: list[str]
    about: str


def of_member(session: Session, *, number: int, actor: Actor | None) -> list[Part]:
    """The badge beside the name, and the card below: one statement."""
    rows = session.execute(
        select(
            CoreSeat.joined_at, CoreSeat.left_at, CoreSeat.left_reason, CoreProfile.skills, CoreProfile.about
        )
        .join(Member, Member.id == CoreSeat.member_id)
        .outerjoin(CoreProfile, CoreProfile.member_id == CoreSeat.member_id)
        .where(Member.number == number)
        .order_by(CoreSeat.joined_at)
    ).all()
    terms = [Term(row[0], row[1], row[2]) for row in rows]
    now = standing(terms)
    if not now.kind:
        return []
    shown = Shown(now, terms, list(rows[0][3] or ()), rows[0][4] or "")
    return [
        Part("qunclub/seasons/_core_badge.html", shown, beside=True),
        Part("qunclub/seasons/_core_card.html", shown),
    ]
