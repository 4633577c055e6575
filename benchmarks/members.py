"""The ranking, my place in it, and the season that runs, with few and with many members."""

from __future__ import annotations

import datetime as dt

from benchmarks import seasons_data
from benchmarks.growth import GrowthPage, Subject
from qunclub import points
from qunclub.members.models import Member
from tests.support.databases import Db

LINES_EACH = 2
MINE = 41
"""The reader's points: somewhere in the middle, above nobody of the core's first and below its last line."""
LEFT = dt.timedelta(days=10)

PAGES = (
    GrowthPage("ranking, this season", "/ranking"),
    GrowthPage("ranking, all time", "/ranking?window=all"),
    GrowthPage("ranking, a page in the middle", "/ranking?after={cursor}"),
    GrowthPage("ranking, the page before it", "/ranking?before={cursor}"),
    GrowthPage("ranking, around me", "/ranking?at=me"),
    GrowthPage("my points", "/me/points"),
    GrowthPage("the season as it stands", "/season"),
    GrowthPage("the core", "/core"),
    GrowthPage("home, with my place", "/"),
)


def fill(database: Db, members: int, reader: int, now: dt.datetime) -> None:
    """Write a club whose season runs, the *reader* in the middle of it."""
    seasons_data.fill(database, members, now=now, ends_at=now + LEFT, each=LINES_EACH)
    with database.uow() as session:
        session.get_one(Member, reader).number = 1
        session.get_one(Member, reader).numbered_at = now
        points.award(
            session, member_id=reader, kind="granted", source="reader", amount=MINE, occurred_at=now, now=now,
            actor=seasons_data.ACTOR,
        )  # fmt: skip


def words(members: int, now: dt.datetime) -> dict[str, object]:
    """What fills the paths: a place in the middle."""
    day = now - dt.timedelta(days=3)
    return {"cursor": points.Cursor(MINE, 0, day.date(), seasons_data.FIRST + members // 2)}


MEMBERS = Subject(
    name="Ranking and season",
    things="members",
    roles=(),
    pages=PAGES,
    sizes=lambda scale: (scale.members_few, scale.members_many),
    fill=fill,
    words=words,
    note=f"In both clubs the core has {seasons_data.SEATS} seats, the season has ten days to go, and the reader "
    "stands in the middle.",
)
