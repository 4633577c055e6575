"""A result is taken back exactly, or not at all."""

from __future__ import annotations

import random

import pytest
from sqlalchemy import select

from qunclub import models, seasons
from qunclub.groups.models import Group
from qunclub.kernel import Actor, Conflict, Invalid
from qunclub.kernel.outbox import OutboxMessage
from qunclub.seasons import doctor, services_review, services_undo
from qunclub.seasons.leaving import leave_core
from tests.support.pages import in_language, post, sign_in, text_of

ADMIN = Actor("test:admin", "Admin", roles=frozenset({"admin"}))


def tables(session):
    """Every row of the tables of seasons, core seats and groups, and the letters that wait."""
    session.flush()
    return {
        table.name: sorted(repr(tuple(row)) for row in session.execute(select(table)))
        for table in models.metadata.sorted_tables
        if table.name.startswith(("qunclub_season", "qunclub_decision", "qunclub_core", "qunclub_seat"))
        or table.name.startswith(("qunclub_group", "qunclub_outbox"))
    }


def undo(session, season, reason="Wrong points"):
    return services_undo.undo(session, season_id=season.id, reason=reason, actor=ADMIN, now=season.ends_at)


def story(session, make, chance, *, seats=4, sure=False):
    """Two seasons with a core group; the second is frozen, with chance deciding who stands where."""
    line = make.group_line(slug="core", kind="core", capacities=[seats], posting="all")
    group_id = session.scalars(select(Group.id).where(Group.line_id == line.id)).one()
    people = make.ranking([0] * 9)
    for member in people:
        member.email = f"m{member.number}@example.com"
    first = make.season(
        seats=seats, eliminate=1, protection=0 if sure else chance.choice([0, 1, 2]), group_id=group_id
    )
    for member in chance.sample(people, 5):
        make.earn(member, chance.randint(1, 9), at=first.starts_at)
    make.closed(first)
    second = make.season(
        starts_at=first.ends_at, seats=seats, eliminate=2 if sure else chance.randint(0, 3), group_id=group_id,
        only_outranked=not sure and chance.random() < 0.5,
    )  # fmt: skip
    for member in chance.sample(people, 7):
        make.earn(member, chance.randint(1, 9), at=second.starts_at)
    return make.closed(second, steps=("freeze",))


@pytest.mark.parametrize("seed", range(6))
def test_after_undoing_everything_is_as_it_was_and_the_same_result_can_be_published(session, make, seed):
    chance = random.Random(seed)
    season = story(session, make, chance)
    for outcome in seasons.preview(session, season, season.ends_at).eliminated[:1]:
        services_review.add_exception(
            session, season_id=season.id, number=outcome.number, kind="keep", reason="Ill", actor=ADMIN,
            now=season.ends_at,
        )  # fmt: skip
    before = tables(session)
    make.closed(season, steps=("publish",))
    published = tables(session)
    assert published != before
    undo(session, season)
    assert tables(session) == before
    assert doctor.check(session, season.ends_at) == []
    make.closed(season, steps=("publish",))

    def who(rows):
        return sorted(row.split("(", 1)[1].split(", ", 1)[1] for row in rows["qunclub_decision"])

    assert who(tables(session)) == who(published)
    assert doctor.check(session, season.ends_at) == []


def test_letters_that_are_out_are_answered_and_the_next_result_writes_again(session, make):
    season = story(session, make, random.Random(1), sure=True)
    make.closed(season, steps=("publish",))
    prefix = f"mail:season:{season.id}:"
    letters = session.scalars(select(OutboxMessage).where(OutboxMessage.key.startswith(prefix))).all()
    assert letters
    letters[0].due_at, letters[0].done_at = None, season.ends_at
    to = letters[0].payload["to"]
    undo(session, season, reason="Two  lines were wrong")
    sorry = session.scalars(select(OutboxMessage).where(OutboxMessage.key.startswith("mail:undone:"))).one()
    assert (sorry.payload["to"], sorry.payload["context"]["reason"]) == (to, "Two lines were wrong")
    make.closed(season, steps=("publish",))
    again = session.scalars(
        select(OutboxMessage).where(OutboxMessage.key.startswith(prefix), OutboxMessage.due_at.is_not(None))
    ).all()
    assert to in [letter.payload["to"] for letter in again]


def test_it_is_refused_without_a_reason_before_and_after_and_when_a_seat_changed(session, make):
    season = story(session, make, random.Random(2))
    with pytest.raises(Conflict, match="published and not put away"):
        undo(session, season)
    make.closed(season, steps=("publish",))
    with pytest.raises(Invalid) as refused:
        undo(session, season, reason=" ")
    assert refused.value.field == "reason"
    undo(session, season)
    make.closed(season, steps=("publish",))
    someone = seasons.core_members(session)[0].member_id
    with session.begin_nested() as step:
        assert leave_core(session, member_id=someone, now=season.ends_at)
        with pytest.raises(Conflict, match="no state to go back to"):
            undo(session, season)
        step.rollback()
    later = make.season(starts_at=season.ends_at, seats=4, eliminate=0)
    with session.begin_nested() as step:
        make.closed(later, steps=("freeze",))
        with pytest.raises(Conflict, match="cannot be taken back any more"):
            undo(session, season)
        step.rollback()
    session.refresh(season)
    make.closed(season, steps=("close",))
    with pytest.raises(Conflict, match="published and not put away"):
        undo(session, season)


def test_an_admin_takes_a_result_back_on_the_page(client, make, site_db):
    people = [make.person(number=n, name=f"P{n}")[1] for n in (1, 2)]
    season = make.season(slug="first", seats=1, eliminate=0, days=5)
    for member, many in zip(people, (5, 9), strict=True):
        make.earn(member, many, at=season.starts_at)
    make.closed(season, steps=("freeze", "publish"))
    path = f"/admin/seasons/{season.id}"
    host = make.account(number=600, roles=("host",))
    assert post(sign_in(client, host), f"{path}/undo", {"reason": "No"}).status_code == 403
    admin = in_language(sign_in(client, make.account(number=601, roles=("admin",))), "en")
    assert "Take the result back" in text_of(admin.get(path))
    assert post(admin, f"{path}/undo", {"reason": ""}).status_code == 422
    assert post(admin, f"{path}/undo", {"reason": "Two lines were wrong"}).status_code == 303
    page = text_of(admin.get(path))
    assert "Publish the result" in page
    assert "撤回" in text_of(in_language(admin, "zh").get("/admin/audit"))
    assert seasons.core_members(site_db.session()) == []
