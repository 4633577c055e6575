"""Whatever a result decided, and whatever happened since that does not move a seat: undoing it restores what was."""

from __future__ import annotations

import datetime as dt

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from qunclub import models, points
from qunclub.groups.models import Group
from qunclub.kernel import Actor, Conflict, Invalid
from qunclub.seasons import doctor, services_appeals, services_review, services_undo
from qunclub.seasons.models import Decision
from qunclub.seasons.rules import RULINGS
from tests.factories import Make

ADMIN = Actor("test:admin", "Admin", roles=frozenset({"admin"}))
NOW = dt.datetime(2026, 4, 15, 4, tzinfo=dt.UTC)
PEOPLE = 9
# What tells what happened is not taken back, nor is what counts afresh by itself.
TOLD = {"qunclub_audit", "qunclub_counter", "qunclub_board_look", "qunclub_season_appeal", "qunclub_notice"}
UNREAD = "notices_unread"
"""How many of them: of a member's row."""

score = st.one_of(st.just(0), st.integers(1, 12))
stories = st.fixed_dictionaries(
    {
        "seats": st.integers(1, 6),
        "first": st.lists(score, min_size=PEOPLE, max_size=PEOPLE),
        "second": st.lists(score, min_size=PEOPLE, max_size=PEOPLE),
        "safe": st.integers(0, 2),
        "formula": st.fixed_dictionaries(
            {
                "eliminate": st.integers(0, 4),
                "protection": st.integers(0, 2),
                "only_outranked": st.booleans(),
                "reentry": st.integers(0, 2),
                "min_points": st.integers(1, 5),
                "offer_days": st.sampled_from([0, 7]),
                "appeal_days": st.sampled_from([0, 14]),
            }
        ),
        "rulings": st.lists(st.tuples(st.integers(1, PEOPLE), st.sampled_from(sorted(RULINGS))), max_size=3),
        "group": st.booleans(),
        "since": st.lists(
            st.tuples(st.sampled_from(["points", "appeal"]), st.integers(0, PEOPLE - 1)),
            max_size=3,
        ),
    }
)


def followed(table):
    return [column for column in table.columns if column.name != UNREAD]


def tables(session):
    """Every row of every table but those that tell."""
    session.flush()
    return {
        table.name: sorted(repr(tuple(row)) for row in session.execute(select(*followed(table))))
        for table in models.metadata.sorted_tables
        if table.name not in TOLD
    }


def frozen(session, make, story):
    """Two seasons as the story has them; the second is frozen, with what was ruled beside its formula."""
    group_id = None
    if story["group"]:
        line = make.group_line(slug="core", kind="core", capacities=[story["seats"]], posting="all")
        group_id = session.scalars(select(Group.id).where(Group.line_id == line.id)).one()
    people = make.ranking([0] * PEOPLE)
    for member in people:
        member.email = f"m{member.number}@example.com"
    given = {"seats": story["seats"], "group_id": group_id}
    eliminate = min(story["formula"]["eliminate"], story["seats"] - 1)
    first = make.season(eliminate=0, protection=story["safe"], **given)
    for member, many in zip(people, story["first"], strict=True):
        if many:
            make.earn(member, many, at=first.starts_at)
    make.closed(first)
    formula = story["formula"] | {"eliminate": eliminate}
    second = make.season(starts_at=first.ends_at, **given, **formula)
    for member, many in zip(people, story["second"], strict=True):
        if many:
            make.earn(member, many, at=second.starts_at)
    make.closed(second, steps=("freeze",))
    for number, kind in story["rulings"]:
        with session.begin_nested() as step:
            try:
                services_review.add_exception(
                    session, season_id=second.id, number=number, kind=kind, reason="Ill", actor=ADMIN,
                    now=second.ends_at,
                )  # fmt: skip
            except (Conflict, Invalid):
                step.rollback()
    return people, second


def decided(session, season):
    """What a result says of everybody."""
    query = select(Decision).where(Decision.season_id == season.id).order_by(Decision.member_id)
    return [(one.member_id, one.outcome, one.place, one.reason, one.facts) for one in session.scalars(query)]


def happen(session, people, season, what, who):
    """Something between the result and its undoing that moves no seat."""
    member = people[who]
    actor = Actor("test:member", member.name, member_id=member.id)
    if what == "points":
        points.award(
            session, member_id=member.id, kind="granted", source=f"late:{who}", amount=5, reason="Late",
            occurred_at=season.ends_at, now=season.ends_at, actor=ADMIN,
        )  # fmt: skip
    elif what == "appeal":
        with session.begin_nested() as step:
            try:
                services_appeals.open_appeal(
                    session, season_id=season.id, member_id=member.id, reason="Look again", actor=actor,
                    now=season.ends_at,
                )  # fmt: skip
            except Conflict:
                step.rollback()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=stories)
def test_undoing_before_the_close_restores_the_state_before_exactly(db, story):
    with db.rolled_back() as session:
        make = Make(session, NOW)
        people, season = frozen(session, make, story)
        before = tables(session)
        at = season.ends_at
        with session.begin_nested() as step:
            make.closed(season, steps=("publish",))
            services_undo.undo(session, season_id=season.id, reason="Wrong points", actor=ADMIN, now=at)
            session.expire_all()
            assert tables(session) == before
            assert doctor.check(session, at) == []
            step.rollback()
        # The same with what may happen between the two, which stays as it would have been without the result.
        session.expire_all()
        make.closed(season, steps=("publish",))
        said = decided(session, season)
        for what, who in story["since"]:
            happen(session, people, season, what, who)
        services_undo.undo(session, season_id=season.id, reason="Wrong points", actor=ADMIN, now=at)
        session.expire_all()
        after = tables(session)
        seats = (
            "qunclub_core_seat",
            "qunclub_seat",
            "qunclub_group",
            "qunclub_decision",
            "qunclub_season_snapshot",
            "qunclub_season_snapshot_sheet",
        )
        for name in seats:
            assert after[name] == before[name], name
        make.closed(season, steps=("publish",))
        assert decided(session, season) == said, "and the same result can be published again"
