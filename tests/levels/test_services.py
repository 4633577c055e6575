"""Members on the path, on both databases: up, down with a letter and grace, the core, hands, drafts, doctor."""

import datetime as dt
from dataclasses import replace

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from qunclub import levels, points, projects
from qunclub.kernel import Actor, Conflict, Invalid, Stale
from qunclub.kernel.outbox import OutboxMessage
from qunclub.levels import doctor, queries, rules
from qunclub.levels.facts import gather
from qunclub.levels.models import LevelChange, LevelCount, MemberLevel
from qunclub.levels.rules import Conditions, Rung
from qunclub.members.models import Member
from qunclub.seasons.models import CoreSeat
from tests.support.statements import count_statements

ADMIN = Actor.system("test")
DAY = dt.timedelta(days=1)
EASY = replace(
    rules.DEFAULT,
    rungs={
        **rules.DEFAULT.rungs,
        "contributor": Rung(Conditions(points=20), frozenset({"more_files"})),
        "opinion_leader": Rung(Conditions(points=100, recent_points=50), frozenset({"lead_projects"})),
    },
    grace_days=10,
    stay_days=5,
    recent_days=30,
)


@pytest.fixture
def easy(session, now):
    """A ladder of points only, as version 2, and nobody to look at."""
    levels.ensure_ladder(session, now)
    written = levels.save_draft(session, ladder=EASY, version=0, now=now, actor=ADMIN)
    levels.put_in_force(session, version=written.version, reason="Easier.", now=now, actor=ADMIN)


def swept(session, now):
    """All that a minute's sweep does."""
    levels.follow(session, now=now)
    levels.enrol(session, now=now)
    while levels.look(session, now=now):
        pass
    while levels.preview(session, now=now):
        pass
    session.expire_all()


def letters(session, member):
    rows = session.scalars(
        select(OutboxMessage).where(OutboxMessage.kind == "mail").order_by(OutboxMessage.id)
    )
    return [row.payload["context"]["what"] for row in rows if row.payload["to"] == member.email]


def steps(session, member):
    query = select(LevelChange).where(LevelChange.member_id == member.id).order_by(LevelChange.n)
    return [(one.from_level, one.to_level, one.why) for one in session.scalars(query)]


def level(session, member):
    return session.get_one(MemberLevel, member.id).level


def healthy(session, now):
    assert doctor.check(session, now) == []


def test_up_at_once_and_down_after_a_letter_and_its_days(session, make, easy, now):
    member = make.member(number=True)
    swept(session, now)
    assert level(session, member) == "participant" and letters(session, member) == []
    line = make.earn(member, 120)
    swept(session, now)
    assert level(session, member) == "opinion_leader" and letters(session, member) == ["reached"]
    points.reverse(session, entry_id=line.id, reason="By mistake.", actor=ADMIN, now=now)
    later = now + DAY
    swept(session, later)
    row = session.get_one(MemberLevel, member.id)
    assert row.level == "opinion_leader" and row.lose_at == later + 10 * DAY
    assert letters(session, member) == ["reached", "losing"]
    for day in range(2, 11):
        swept(session, now + day * DAY)
    assert level(session, member) == "opinion_leader" and letters(session, member) == ["reached", "losing"]
    swept(session, later + 10 * DAY)
    assert level(session, member) == "participant"
    assert letters(session, member) == ["reached", "losing", "lost"]
    assert steps(session, member) == [
        ("participant", "opinion_leader", "reached"),
        ("opinion_leader", "participant", "lost"),
    ]
    healthy(session, later + 10 * DAY)


def test_what_is_met_again_in_time_is_kept_without_a_word(session, make, easy, now):
    member = make.member(number=True)
    line = make.earn(member, 30)
    swept(session, now)
    points.reverse(session, entry_id=line.id, reason="By mistake.", actor=ADMIN, now=now)
    swept(session, now + DAY)
    assert session.get_one(MemberLevel, member.id).lose_at is not None
    make.earn(member, 25)
    swept(session, now + 2 * DAY)
    row = session.get_one(MemberLevel, member.id)
    assert row.level == "contributor" and row.lose_at is None and row.changes == 1
    # The first look told nothing; the letter of the loss is the only one.
    assert letters(session, member) == ["losing"]


def test_points_that_grow_old_lower_a_level_too(session, make, easy, now):
    member = make.member(number=True)
    make.earn(member, 120)
    swept(session, now)
    assert level(session, member) == "opinion_leader"
    swept(session, now + 31 * DAY)
    swept(session, now + 41 * DAY)
    assert level(session, member) == "contributor"


def test_the_core_follows_its_seats(session, make, easy, now):
    member = make.core_member()
    swept(session, now)
    assert level(session, member) == "core"
    seat = session.scalars(select(CoreSeat).where(CoreSeat.member_id == member.id)).one()
    seat.left_at, seat.left_reason = now, "season"
    session.flush()
    swept(session, now)
    row = session.get_one(MemberLevel, member.id)
    assert row.level == "opinion_leader" and row.lose_at == now + 10 * DAY
    assert letters(session, member) == ["losing"]
    swept(session, now + 10 * DAY)
    assert [why for _from, _to, why in steps(session, member)] == ["core_seat", "core_left", "lost"]
    healthy(session, now + 10 * DAY)


def test_a_hand_holds_until_its_day_and_then_the_rules_decide(session, make, easy, now):
    member = make.member(number=True)
    swept(session, now)
    hand = {
        "number": member.number,
        "level": "opinion_leader",
        "reason": "For a year of help.",
        "actor": ADMIN,
    }
    with pytest.raises(Invalid):
        levels.set_by_hand(session, **{**hand, "level": "core"}, until=now + DAY, now=now)
    with pytest.raises(Invalid):
        levels.set_by_hand(session, **{**hand, "reason": " "}, until=now + DAY, now=now)
    with pytest.raises(Invalid):
        levels.set_by_hand(session, **hand, until=now, now=now)
    with pytest.raises(Invalid, match="their own"):
        mine = {**hand, "actor": make.actor(member, roles=("admin",))}
        levels.set_by_hand(session, **mine, until=now + DAY, now=now)
    levels.set_by_hand(session, **hand, until=now + 30 * DAY, now=now)
    swept(session, now + 20 * DAY)
    assert level(session, member) == "opinion_leader" and letters(session, member) == []
    swept(session, now + 30 * DAY)
    assert letters(session, member) == ["losing"]
    with pytest.raises(Conflict):
        levels.end_hand(session, number=member.number, reason="Enough.", now=now, actor=ADMIN)
    swept(session, now + 40 * DAY)
    assert steps(session, member) == [
        ("participant", "opinion_leader", "by_hand"),
        ("opinion_leader", "participant", "lost"),
    ]
    healthy(session, now + 40 * DAY)


def test_a_hand_may_be_taken_off(session, make, easy, now):
    member = make.member(number=True)
    make.earn(member, 30)
    levels.set_by_hand(
        session, number=member.number, level="participant", until=now + 90 * DAY, reason="A pause.", now=now,
        actor=ADMIN,
    )  # fmt: skip
    swept(session, now + DAY)
    assert level(session, member) == "participant"
    levels.end_hand(session, number=member.number, reason="Over.", now=now + DAY, actor=ADMIN)
    swept(session, now + DAY)
    assert level(session, member) == "contributor"
    healthy(session, now + DAY)


def test_a_draft_is_counted_and_changes_nothing_until_it_is_put_in_force(session, make, now):
    low, high = make.member(number=True), make.member(number=True)
    make.earn(low, 30)
    make.earn(high, 120)
    swept(session, now)
    written = levels.save_draft(session, ladder=EASY, version=0, now=now, actor=ADMIN)
    with pytest.raises(Stale):
        levels.save_draft(session, ladder=EASY, version=0, now=now, actor=ADMIN)
    assert levels.preview(session, now=now, limit=1) == 1 and written.counted_at is None
    swept(session, now)
    assert written.moves == {"rise": {"contributor": 1, "opinion_leader": 1}, "lose": {}}
    assert written.looked == 2 and written.counted_at == now
    assert level(session, high) == "participant"
    with pytest.raises(Stale):
        levels.put_in_force(session, version=9, reason="x", now=now, actor=ADMIN)
    made = levels.put_in_force(session, version=written.version, reason="Easier.", now=now, actor=ADMIN)
    swept(session, now)
    assert made.version == 2 and (level(session, low), level(session, high)) == (
        "contributor",
        "opinion_leader",
    )
    change = session.scalars(select(LevelChange).where(LevelChange.member_id == low.id)).one()
    assert change.ladder_version == 2 and change.facts["points"] == 30
    with pytest.raises(Conflict):
        levels.put_in_force(session, version=1, reason="x", now=now, actor=ADMIN)


def test_the_history_is_never_rewritten(session, make, easy, now):
    make.earn(make.member(number=True), 30)
    swept(session, now)
    for act in ("UPDATE qunclub_level_change SET why = 'x'", "DELETE FROM qunclub_ladder_version"):
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(text(act))


def test_the_sweep_goes_on_where_it_left_off(session, make, easy, now):
    people = [make.member(number=True) for _ in range(5)]
    assert levels.enrol(session, now=now, limit=2) == 2 and levels.enrol(session, now=now, limit=2) == 2
    assert levels.enrol(session, now=now, limit=2) == 1
    assert [levels.look(session, now=now, limit=2) for _ in range(4)] == [2, 2, 1, 0]
    assert session.scalars(select(LevelCount.members)).all() == [5] and people
    # A number that was kept back and is given later is found at the next day's walk.
    make.member(number=1000)
    late = make.member(number=500)
    levels.enrol(session, now=now + 2 * DAY)
    levels.enrol(session, now=now + 2 * DAY)
    assert session.get(MemberLevel, late.id) is not None


def test_a_look_costs_the_same_statements_for_many(db, session, make, easy, now):
    counted = []
    for many in (2, 12):
        for _ in range(many):
            make.earn(make.member(number=True), 1)
        levels.enrol(session, now=now)
        session.flush()
        with count_statements(db.engine) as seen:
            assert levels.look(session, now=now) == many
        counted.append(seen.count)
    assert counted[0] == counted[1], seen


def test_every_read_of_the_sweep_is_a_search_in_an_index(db, session, make, easy, now):
    if db.kind != "sqlite":
        session.execute(text("SELECT 1"))
        return
    members = [make.member(number=True) for _ in range(300)]
    for member in members[:100]:
        make.earn(member, 30)
    levels.enrol(session, now=now)
    levels.follow(session, now=now)
    while levels.look(session, now=now):
        pass
    make.earn(members[200], 1)
    session.execute(text("ANALYZE"))
    with count_statements(db.engine) as seen:
        levels.follow(session, now=now + DAY)
        levels.enrol(session, now=now)
        levels.look(session, now=now, limit=50)
        levels.preview(session, now=now)
        queries.path_of(session, members[0].id, now)
        queries.losing(session)
        queries.history(session)
        queries.levels_of(session, [member.number for member in members[:50]])
    raw, plan = session.connection().connection, []
    for statement in seen.sent:
        if statement.lstrip().upper().startswith(("SELECT", "UPDATE")):
            marks = ["2026-01-01"] * statement.count("?")
            lines = [row[3] for row in raw.execute("EXPLAIN QUERY PLAN " + statement, marks)]
            plan += [(line, statement) for line in lines]
    # Along a key or an index, or a table of one row.
    scans = [(line, sent) for line, sent in plan if line.startswith("SCAN") and "INDEX" not in line]
    allowed = ("qunclub_ladder_version", "qunclub_level_change", "CONSTANT ROW", "qunclub_ledger_entry")
    assert all(any(name in line for name in allowed) for line, _sent in scans), scans


def test_facts_are_those_of_the_member(session, make, now):
    member, other = make.member(number=True), make.member(number=True)
    make.earn(member, 30, kind="answer_best", at=now - 100 * DAY)
    make.earn(member, 12)
    make.earn(other, 5)
    make.pass_(member, make.plan())  # 10 points for joining
    facts = gather(session, [member.id, other.id], rules.DEFAULT, now + 3 * DAY)
    mine = facts[member.id]
    assert (mine.points, mine.recent_points, mine.days, mine.clean, mine.core) == (52, 22, 3, True, False)
    assert mine.kinds == {"answer_best": 30, "granted": 12, "pass_issued": 10} and mine.has_pass
    assert mine.recent_kinds == {"granted": 12, "pass_issued": 10}
    assert facts[other.id].points == 5
    session.get_one(Member, other.id).suspended_at = now
    session.flush()
    assert not gather(session, [other.id], rules.DEFAULT, now)[other.id].clean


def test_rights_do_something(session, make, easy, now):
    member = make.member(number=True)
    with pytest.raises(Invalid):
        make.project(lead=member)
    make.earn(member, 120)
    swept(session, now)
    assert levels.rights_of(session, member.id) == {"lead_projects"}
    assert make.project(lead=member).lead_id == member.id and projects
    assert queries.levels_of(session, [member.number, 999]) == {member.number: "opinion_leader"}


def test_whoever_leaves_stands_nowhere_and_is_looked_at_no_more(session, make, easy, now):
    member = make.member(number=True)
    make.earn(member, 120)
    swept(session, now)
    levels.forget(session, member_id=member.id, now=now, actor=ADMIN)
    session.get_one(Member, member.id).user_key = "erased:1"
    session.flush()
    swept(session, now + DAY)
    assert level(session, member) == "participant"
    assert steps(session, member)[-1] == ("opinion_leader", "participant", "left_club")
    healthy(session, now + DAY)


def test_the_doctor_finds_what_is_wrong(session, make, easy, now):
    member = make.member(number=True)
    make.earn(member, 30)
    swept(session, now)
    healthy(session, now)
    row = session.get_one(MemberLevel, member.id)
    row.level, row.due_at = "opinion_leader", now - 9 * DAY
    session.flush()
    found = " ".join(finding.message for finding in doctor.check(session, now))
    assert "last step" in found and "not looked at" in found and "kept numbers" in found
