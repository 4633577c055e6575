"""When seasons are and who sits in the core, for rooms that do not stand on seasons (``kernel.ports.SeasonBook``)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from qunclub.kernel import reads
from qunclub.kernel.ports import SeasonTime

from .models import CoreSeat, Season

MOST = 100


def _times() -> Select[*tuple[Any, ...]]:
    return select(Season.id, Season.slug, Season.name, Season.state, Season.starts_at, Season.ends_at)


def choices(session: Session) -> list[SeasonTime]:
    """The seasons, newest first; of more than :data:`MOST` the newest."""
    rows = session.execute(_times().order_by(Season.starts_at.desc(), Season.id.desc()).limit(MOST))
    return [SeasonTime(*row) for row in rows]


def times(session: Session, season_ids: Collection[int]) -> dict[int, SeasonTime]:
    """Seasons by their id."""
    rows = session.execute(_times().where(Season.id.in_(season_ids)))
    return {row[0]: SeasonTime(*row) for row in rows}


def by_slugs(session: Session, slugs: Collection[str]) -> dict[str, int]:
    """The ids of the seasons at these addresses."""
    rows = session.execute(select(Season.slug, Season.id).where(Season.slug.in_(slugs)))
    return {slug: ident for slug, ident in rows}


@cache
def _core() -> Select[*tuple[Any, ...]]:
    return select(CoreSeat.joined_at).where(
        CoreSeat.member_id == bindparam("member"), CoreSeat.left_at.is_(None)
    )


def core_since(session: Session, member_id: int) -> dt.datetime | None:
    """Since when a member sits in the core."""
    found: dt.datetime | None = reads.scalar(session, _core(), member=member_id)
    return found
