"""Rankings of weeks, months and courses: opened by the club's calendar, kept with every line, equal to the ledger."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from qunclub import jobs, points
from qunclub.kernel import Actor
from qunclub.points import doctor, rules_periods
from qunclub.points.models import ScoreCount, Standing, Window
from qunclub.points.services_periods import keep_periods
from qunclub.web.state import club
from tests.factories import Make
from tests.support.concurrency import concurrently, failed
from tests.support.pages import in_language, sign_in, text_of
from tests.support.statements import count_statements

ADMIN = Actor("test:admin", "Admin", roles=frozenset({"admin"}))
SHANGHAI = ZoneInfo("Asia/Shanghai")
ZONES = [ZoneInfo(name) for name in ("Asia/Shanghai", "Europe/Berlin", "America/St_Johns", "Pacific/Apia")]
DAY = dt.timedelta(days=1)


def utc(year, month, day, hour=0, minute=0):
    return dt.datetime(year, month, day, hour, minute, tzinfo=dt.UTC)


def test_a_week_is_monday_to_sunday_of_the_clubs_midnights():
    week = rules_periods.period("week", dt.date(2026, 4, 15), SHANGHAI)
    assert (week.key, week.starts_at, week.ends_at) == (
        "week:2026-W16",
        utc(2026, 4, 12, 16),
        utc(2026, 4, 19, 16),
    )
    month = rules_periods.period("month", dt.date(2026, 12, 31), SHANGHAI)
    assert (month.key, month.ends_at) == ("month:2026-12", utc(2026, 12, 31, 16))
    assert rules_periods.period("week", dt.date(2027, 1, 1), SHANGHAI).key == "week:2026-W53"
    # Where the clock is put forward a week is an hour shorter.
    summer = rules_periods.period("week", dt.date(2026, 3, 29), ZoneInfo("Europe/Berlin"))
    assert summer.ends_at - summer.starts_at == 7 * DAY - dt.timedelta(hours=1)


@given(
    st.integers(0, 3 * 365 * 24).map(lambda hour: utc(2025, 1, 1) + dt.timedelta(hours=hour)),
    st.lists(st.tuples(st.integers(0, 20 * 24), st.sampled_from(ZONES)), min_size=1, max_size=12),
)
def test_periods_follow_one_another_whatever_the_zone_and_the_running_one_is_open(now, steps):
    known: dict[str, rules_periods.Ends] = {}
    for hours, zone in steps:
        now += dt.timedelta(hours=hours)
        for one in rules_periods.due(now, zone, known):
            assert one.key not in known and one.starts_at < one.ends_at
            known[one.key] = (one.starts_at, one.ends_at)
        assert rules_periods.due(now, zone, known) == []
        for kind in rules_periods.KINDS:
            spans = sorted(ends for key, ends in known.items() if key.startswith(kind))
            assert all(first[1] <= second[0] for first, second in pairwise(spans))
            assert sum(start <= now < end for start, end in spans) <= 1
    gone = rules_periods.over(now, known)
    assert all(known[key][1] <= now for key in gone)


def test_a_month_that_runs_once_more_in_a_zone_to_the_west_ends_where_the_next_begins():
    now = utc(2025, 7, 31) + dt.timedelta(hours=16)
    known = {one.key: (one.starts_at, one.ends_at) for one in rules_periods.due(now, SHANGHAI, {})}
    opened = rules_periods.due(now, ZoneInfo("Europe/Berlin"), known)
    assert [one.ends_at for one in opened if one.key == "month:2025-07"] == [known["month:2025-08"][0]]


def test_the_running_week_is_always_open_in_a_zone_that_stays():
    known: dict[str, rules_periods.Ends] = {}
    now = utc(2026, 1, 1)
    for _hour in range(24 * 70):
        now += dt.timedelta(hours=1)
        known |= {one.key: (one.starts_at, one.ends_at) for one in rules_periods.due(now, SHANGHAI, known)}
        for kind in rules_periods.KINDS:
            here = rules_periods.period(kind, now.astimezone(SHANGHAI).date(), SHANGHAI)
            assert known[here.key] == (here.starts_at, here.ends_at)


def held(session, key, member):
    window = points.window_by_key(session, key)
    found = None if window is None else points.standing(session, window.id, member.id)
    return None if found is None else found.points


def test_the_sweep_opens_what_runs_and_what_comes_from_the_ledger(session, make, now):
    member = make.member(number=True)
    make.earn(member, 5, at=now - 20 * DAY)
    make.earn(member, 7, at=utc(2026, 4, 12, 15, 59))  # Sunday, a minute before midnight in Shanghai
    make.earn(member, 11, at=utc(2026, 4, 12, 16))
    assert keep_periods(session, now=now, zone=SHANGHAI) == 4
    assert keep_periods(session, now=now, zone=SHANGHAI) == 0
    assert held(session, "week:2026-W16", member) == 11
    assert held(session, "month:2026-04", member) == 18
    make.earn(member, 2, at=now)
    assert (held(session, "week:2026-W16", member), held(session, "month:2026-04", member)) == (13, 20)
    assert held(session, "week:2026-W17", member) is None
    assert held(session, points.ALL_TIME, member) == 25
    # They are nobody's season.
    assert points.windows_at(session, now)[1] is None
    assert doctor.check(session, now) == []


def test_old_weeks_are_let_go_and_the_ledger_still_knows(session, make, now):
    member = make.member(number=True)
    for _week in range(12):
        make.now = now
        keep_periods(session, now=now, zone=SHANGHAI)
        make.earn(member, 3, at=now)
        now += 7 * DAY
    keep_periods(session, now=now, zone=SHANGHAI)
    kept = session.scalars(select(Window.key).where(Window.kind == "week").order_by(Window.key)).all()
    assert len(kept) == rules_periods.KEPT["week"] + 2
    assert held(session, points.ALL_TIME, member) == 36
    windows = set(session.scalars(select(Window.id)))
    for table in (Standing, ScoreCount):
        assert set(session.scalars(select(table.window_id))) <= windows
    assert doctor.check(session, now) == []


def test_weeks_and_courses_cost_award_no_statement_more(session, make, now, db):
    members = make.ranking([1] * 30)
    keep_periods(session, now=now, zone=SHANGHAI)
    points.award_many(
        session, [points.Award(members[0].id, "granted", "first", 1, scope="course:1")], now=now, actor=ADMIN
    )
    many = [
        points.Award(m.id, "pass_issued", f"p:{m.id}:{n}", scope="course:1" if n else None)
        for m in members
        for n in range(3)
    ]
    for awards in (many[:1], many[1:2], many[2:]):
        with count_statements(db.engine) as seen:
            points.award_many(session, awards, now=now, actor=ADMIN)
        assert seen.count == 5, seen
    assert doctor.check(session, now) == []


def test_a_line_counts_in_its_course_and_is_taken_back_there(session, make, now):
    member, other = make.member(number=True), make.member(number=True)
    one = points.course_scope(7)

    def earn(who, amount, scope):
        line = points.award(
            session,
            member_id=who.id,
            kind="granted",
            source=f"s:{make.next()}",
            occurred_at=now,
            now=now,
            actor=ADMIN,
            amount=amount,
            scope=scope,
        )
        assert line is not None
        return line

    first = earn(member, 10, one)
    earn(member, 20, points.course_scope(8))
    earn(other, 4, one)
    earn(other, 400, None)
    assert (held(session, one, member), held(session, one, other)) == (10, 4)
    assert held(session, points.ALL_TIME, other) == 404
    window = points.window_by_key(session, one)
    assert window is not None and points.rank_of(session, window.id, 4) == 2
    back = points.reverse(session, entry_id=first.id, reason="copied", actor=ADMIN, now=now)
    assert back.scope == one and held(session, one, member) is None
    assert points.rank_of(session, window.id, 4) == 1
    assert doctor.check(session, now) == []
    points.rebuild(session, window.id)
    assert held(session, one, other) == 4 and doctor.check(session, now) == []


def test_the_season_of_a_cap_is_never_a_week(session, make, now):
    keep_periods(session, now=now, zone=SHANGHAI)
    season = make.window(starts_at=now - 20 * DAY, ends_at=now + 20 * DAY)
    found = points.windows_at(session, now)[1]
    assert found is not None and found.id == season.id and found.kind == "season"


step = st.one_of(
    st.tuples(st.just("earn"), st.integers(0, 2), st.integers(1, 60), st.integers(-45, 0), st.integers(0, 2)),
    st.tuples(st.just("reverse"), st.integers(0, 30)),
    st.tuples(st.just("wait"), st.integers(1, 12)),
    st.tuples(st.just("sweep")),
)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(step, min_size=3, max_size=20))
def test_what_is_kept_equals_what_is_made_anew(db, steps):
    with db.rolled_back() as session:
        now = utc(2026, 4, 15)
        make = Make(session, now)
        people = [make.member(number=True) for _ in range(3)]
        lines: list[int] = []
        for written, (what, *facts) in enumerate(steps):
            if what == "earn":
                who, amount, days, course = facts
                line = points.award(
                    session,
                    member_id=people[who].id,
                    kind="granted",
                    source=f"s:{written}",
                    occurred_at=now + days * DAY,
                    now=now,
                    actor=ADMIN,
                    amount=amount,
                    scope=points.course_scope(course) if course else None,
                )
                assert line is not None
                lines.append(line.id)
            elif what == "reverse" and lines:
                ident = lines.pop(facts[0] % len(lines))
                points.reverse(session, entry_id=ident, reason="r", actor=ADMIN, now=now)
            elif what == "wait":
                now += facts[0] * DAY
            elif what == "sweep":
                keep_periods(session, now=now, zone=SHANGHAI)
        assert doctor.check(session, now) == []
        before = _kept(session)
        for ident in session.scalars(select(Window.id)).all():
            points.rebuild(session, ident)
        assert _kept(session) == before


def _kept(session):
    standings = session.execute(
        select(Standing.window_id, Standing.member_id, Standing.points, Standing.honours, Standing.last_day)
    )
    counts = session.execute(
        select(ScoreCount.window_id, ScoreCount.span, ScoreCount.points, ScoreCount.members).where(
            ScoreCount.members != 0
        )
    )
    return sorted(map(tuple, standings)), sorted(map(tuple, counts))


def test_many_first_lines_of_a_course_at_once_open_it_once(db, make, now):
    people = [make.member(number=True).id for _ in range(8)]

    def earn(session, index):
        points.award(
            session,
            member_id=people[index],
            kind="granted",
            source=f"s:{index}",
            occurred_at=now,
            now=now,
            actor=ADMIN,
            amount=3,
            scope="course:1",
        )

    assert not failed(concurrently(db, 8, earn))
    with db.rolled_back() as session:
        window = points.window_by_key(session, "course:1")
        assert window is not None and points.total(session, window.id) == 8
        assert doctor.check(session, now) == []


def test_sweeps_at_once_open_each_week_once(db, make, now):
    make.ranking([5, 6])
    assert not failed(concurrently(db, 6, lambda s, i: keep_periods(s, now=now, zone=SHANGHAI)))
    with db.rolled_back() as session:
        assert session.scalar(select(func.count()).where(Window.kind.in_(("week", "month")))) == 4
        assert doctor.check(session, now) == []


# Pages


def test_week_month_season_and_all_time_are_chosen_by_tabs(client, app, make, now):
    account, me = make.person(number=500, nickname="Me myself")
    _account, unseen = make.person(number=501, nickname="Hidden one", hidden_on_boards=True)
    make.window(starts_at=now - 60 * DAY, ends_at=now + 5 * DAY)
    make.earn(me, 7, at=now)
    make.earn(me, 100, at=now - 5 * DAY)
    make.earn(me, 1000, at=now - 50 * DAY)
    make.earn(unseen, 900, at=now)
    with app.app_context():
        assert jobs.sweep(club())["periods"] == 4
    in_language(sign_in(client, account), "en")
    for address, mine in (
        ("/ranking?window=week", "7 points"),
        ("/ranking?window=month", "107 points"),
        ("/ranking", "1107 points"),
        ("/ranking?window=all", "1107 points"),
    ):
        page = text_of(client.get(address))
        assert mine in page and "Hidden one" not in page and "my place among 2" in page, address
        assert "This week" in page and "This month" in page
    assert "at=me" in text_of(client.get("/ranking?window=week"))
    assert 'id="me"' in text_of(client.get("/ranking?window=week&at=me"))
    assert client.get("/ranking?window=week:1999-W01").status_code == 404
    assert "本周" in text_of(in_language(client, "zh").get("/ranking?window=week"))
    mine = text_of(in_language(client, "en").get("/me/points"))
    assert "This week" in mine and "This month" in mine


def test_an_earlier_week_can_be_read(client, app, make, now, clock):
    account, me = make.person(number=500)
    with app.app_context():
        jobs.sweep(club())
    make.earn(me, 7, at=now)
    clock.advance(days=7)
    with app.app_context():
        jobs.sweep(club())
    in_language(sign_in(client, account), "en")
    page = text_of(client.get("/ranking?window=week"))
    assert "week:2026-W16" in page and "Nobody has points here yet" in page
    assert "7 points" in text_of(client.get("/ranking?window=week:2026-W16"))


def test_the_ranking_of_a_course(client, make, now, site_db):
    account, me = make.person(number=500)
    course = make.course(title="Reading slowly")
    draft = make.course(title="Not yet", state="draft")
    make.earn(me, 70)
    make.ranking([30])
    for scope in (points.course_scope(course.id), points.course_scope(draft.id)):
        make.earn(me, 9, scope=scope)
    in_language(sign_in(client, account), "en")
    assert "Reading slowly" in text_of(client.get("/ranking")) and "Not yet" not in text_of(
        client.get("/ranking")
    )
    with count_statements(site_db.engine) as seen:
        page = text_of(client.get(f"/ranking?of=course:{course.id}"))
    assert "9 points" in page and "my place among 1" in page and "Points earned in Reading slowly" in page
    assert seen.count <= 10, seen
    assert client.get(f"/ranking?of=course:{draft.id}").status_code == 404
    assert client.get("/ranking?of=course:999").status_code == 404


@pytest.mark.parametrize("wanted", ["week", "month", "season", "all"])
def test_no_ranking_reads_the_ledger(session, make, now, db, wanted):
    make.ranking([5, 6, 7])
    keep_periods(session, now=now, zone=SHANGHAI)
    window = session.scalars(select(Window).where(Window.kind == wanted).limit(1)).one_or_none()
    if window is None:
        window = make.window(starts_at=now - DAY, ends_at=now + DAY)
    with count_statements(db.engine) as seen:
        points.board(session, window.id)
        points.standpoint(session, window.id, 6)
    assert seen.count == 3 and all("ledger" not in statement for statement in seen.sent)
