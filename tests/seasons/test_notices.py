"""Letters about where one stands: to whom, what they say, once a week and member whatever is killed or replayed."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, func, select

from qunclub import jobs, points
from qunclub.home.export import export
from qunclub.kernel import Actor, Invalid, store
from qunclub.kernel.outbox import OutboxMessage
from qunclub.notices.models import Notice
from qunclub.points.rules_limits import Limits
from qunclub.seasons import jobs_notices, queries_notices, services_notices
from qunclub.seasons.models_notices import SeasonNotice
from qunclub.web import mailing
from qunclub.web import state as web_state
from qunclub.web.uow import transaction
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

ADMIN = Actor.system("test")
SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = dt.timedelta(days=1)


def story(make, now, scores, *, seats=2, core=2, **values):
    """A season of thirty days that runs since ten, in which the first *core* members sit in the core."""
    people = make.ranking([0] * len(scores))
    first = make.season(seats=seats, eliminate=1, protection=0, days=20, starts_at=now - 30 * DAY)
    for member in people[:core]:
        make.earn(member, 10, at=first.starts_at)
    make.closed(first)
    season = make.season(
        slug="now",
        name="Spring",
        starts_at=first.ends_at,
        seats=seats,
        eliminate=1,
        protection=0,
        days=30,
        **values,
    )
    for member, many in zip(people, scores, strict=True):
        if many:
            make.earn(member, many, at=season.starts_at)
    return people, season


@pytest.fixture
def club_state(app):
    with app.app_context():
        yield web_state.club()


def letters(db):
    """(address, template, context) of every letter about where one stands, by member."""
    with db.session() as session:
        rows = session.scalars(
            select(OutboxMessage)
            .where(OutboxMessage.key.like("mail:season_notice:%"))
            .order_by(OutboxMessage.id)
        )
        return [(one.payload["to"], one.payload["template"], one.payload["context"]) for one in rows]


def due_at(season):
    """Nine in the morning, ten days before the end."""
    day = (season.ends_at - 10 * DAY).astimezone(SHANGHAI).date()
    return dt.datetime.combine(day, dt.time(9), SHANGHAI).astimezone(dt.UTC)


def test_letters_go_to_the_core_below_the_line_and_to_those_within_reach(db, make, now, club_state, clock):
    # Two seats: 1 stays, 2 would leave, 3 would rise; 4 is near, 5 too far, 6 suspended, 7 silent, 8 has no address and
    # is told at the bell only.
    people, season = story(make, now, [200, 20, 150, 100, 40, 120, 110, 90])
    with db.session() as session, transaction(session) as work:
        for number, values in ((6, {"suspended_at": now}), (8, {"email": ""})):
            member = work.get_one(type(people[0]), people[number - 1].id)
            for name, value in values.items():
                setattr(member, name, value)
        services_notices.be_quiet(work, member_id=people[6].id, quiet=True, now=now)
    clock.now = due_at(season) - dt.timedelta(seconds=1)
    assert jobs_notices.sweep(club_state) == 0
    clock.now = due_at(season)
    assert [jobs_notices.sweep(club_state) for _ in range(2)] == [3, 0]
    with db.session() as session:
        outlook = select(Notice.member_id).where(Notice.kind == "outlook").order_by(Notice.member_id)
        assert session.scalars(outlook).all() == [people[place].id for place in (1, 3, 7)]
    found = letters(db)
    assert [(to, template) for to, template, _context in found] == [
        ("ranked2@example.com", "season_risk"), ("ranked4@example.com", "season_near"),
    ]  # fmt: skip
    risk, near = found[0][2], found[1][2]
    # The last who is safe has 200, the last who rises has 150.
    assert (risk["points"], risk["gap"], near["points"], near["gap"]) == (20, 181, 100, 51)
    assert [way[0]["kind"] for way in near["ways"]] == [
        "homework_accepted",
        "answer_best",
        "lesson_completed",
    ]
    assert [way[0]["count"] for way in near["ways"]] == [1, 11, 26]
    assert near["about"]["homework_accepted"] == 100
    # A week later again, and only then.
    clock.advance(days=6, hours=23)
    assert jobs_notices.sweep(club_state) == 0
    clock.advance(hours=1)
    assert [jobs_notices.sweep(club_state) for _ in range(2)] == [3, 0]
    with db.session() as session:
        assert session.scalar(select(func.count()).select_from(SeasonNotice)) == 6


def test_a_letter_is_written_once_even_when_the_sweep_begins_anew(db, make, now, club_state, clock):
    _people, season = story(make, now, [200, 20, 150, 100])
    clock.now = due_at(season)
    assert jobs_notices.sweep(club_state) == 2
    with db.session() as session:
        session.execute(delete(store.KeyValue).where(store.KeyValue.name.like("season.notices:%")))
        session.commit()
    assert jobs_notices.sweep(club_state) == 0 and len(letters(db)) == 2


class Killed(BaseException):
    """What a kill looks like from inside."""


def test_a_sweep_that_is_killed_between_batches_and_within_one_tells_everybody_once(
    db, make, now, club_state, clock, monkeypatch
):
    _people, season = story(make, now, [200, 20, 150, *range(149, 139, -1)])
    clock.now = due_at(season)
    real, calls = services_notices.step, []

    def killed(session: Any, **given: Any) -> Any:
        calls.append(1)
        answer = real(session, **given, limit=4)
        if len(calls) == 2:
            raise Killed
        return answer

    monkeypatch.setattr(services_notices, "step", killed)
    with pytest.raises(Killed):
        jobs_notices.sweep(club_state)
    club_state.session().rollback()
    # The first batch is written, the second is not; the next sweep goes on where the first came to.
    first = len(letters(db))
    assert first == 1 + 3, "the one at risk; of four who were looked at one would rise"
    assert jobs_notices.sweep(club_state) == 11 - first
    assert jobs_notices.sweep(club_state) == 0
    told = [to for to, _template, _context in letters(db)]
    assert len(told) == len(set(told)) == 11


def test_many_letters_cost_as_many_statements_as_few(session, make, now, db):
    _people, season = story(make, now, [300, 20, 250])
    with count_statements(db.engine) as few:
        services_notices.step(session, season_id=season.id, day=now.date(), now=now)
    many = make.ranking([200] * 120, first_number=100, at=season.starts_at)
    with count_statements(db.engine) as more:
        written, left = services_notices.step(session, season_id=season.id, day=now.date() + 7 * DAY, now=now)
    assert (written, left) == (len(many) + 1, False)
    assert more.count <= few.count + 8, (few.count, more.count)
    make.ranking([201] * 60, first_number=500, at=season.starts_at)
    with count_statements(db.engine) as most:
        written, left = services_notices.step(
            session, season_id=season.id, day=now.date() + 14 * DAY, now=now
        )
    assert written == len(many) + 61 and most.count == more.count


def test_an_admin_switches_letters_off_and_sets_who_is_near(db, make, now, club_state, clock):
    _people, season = story(make, now, [200, 20, 150, 100, 40])
    clock.now = due_at(season)

    def settle(**values):
        with db.session() as session, transaction(session) as work:
            services_notices.set_notices(work, actor=ADMIN, now=now, **values)

    with pytest.raises(Invalid):
        settle(on=True, reach=0)
    settle(on=False, reach=20)
    assert jobs_notices.sweep(club_state) == 0
    settle(on=True, reach=20)
    assert jobs_notices.sweep(club_state) == 1
    assert [template for _to, template, _context in letters(db)] == ["season_risk"]
    with db.session() as session:
        assert queries_notices.settings(session) == queries_notices.Settings(True, 20)


def test_a_weighted_season_tells_by_its_own_points(db, make, now, club_state, clock):
    people, season = story(
        make, now, [200, 20, 150, 100], weights=(("granted", 50), ("homework_accepted", 0))
    )
    clock.now = due_at(season)
    assert jobs_notices.sweep(club_state) == 2
    near = letters(db)[1][2]
    assert (near["points"], near["gap"]) == (50, 26)
    assert all(part["kind"] != "homework_accepted" for way in near["ways"] for part in way)
    assert len(people) == 4


def test_what_is_kept_of_letters_is_ones_own_and_goes_with_one(session, make, now):
    people, season = story(make, now, [200, 20, 150, 100])
    services_notices.step(session, season_id=season.id, day=now.date(), now=now)
    member = people[3].id
    services_notices.be_quiet(session, member_id=member, quiet=True, now=now)
    services_notices.be_quiet(session, member_id=member, quiet=True, now=now)
    told = export(session, member, now=now)
    assert told["season_letters"][0]["kind"] == "near" and told["season_letters"][0]["season"] == "Spring"
    assert len(told["season_letters_off"]) == 1
    services_notices.forget_notices(session, member_id=member)
    told = export(session, member, now=now)
    assert told["season_letters"] == told["season_letters_off"] == []


def test_the_letters_are_kind_and_exact_in_both_languages(app, make, now, site_db, clock):
    _people, season = story(make, now, [200, 20, 150, 100], leaves=1)
    clock.now = now + 3 * DAY
    with site_db.session() as session, transaction(session) as work:
        services_notices.step(work, season_id=season.id, day=now.date(), now=now)
    sent: list[Any] = []
    with app.app_context():
        state = web_state.club()
        with site_db.session() as session:
            mine = OutboxMessage.key.like("mail:season_notice:%")
            payloads = list(
                session.scalars(select(OutboxMessage.payload).where(mine).order_by(OutboxMessage.id))
            )
        state.mailer = type("Box", (), {"send": staticmethod(sent.append)})()
        for payload in payloads:
            for locale in ("en", "zh"):
                mailing.deliver(state, {**payload, "locale": locale}, "k")
    risk, risk_zh, near, near_zh = sent
    assert (
        risk.subject == "Where you stand in Spring"
        and near.subject == "You are close to the core group: Spring"
    )
    for message, said in (
        (risk, ("not a verdict", "had 20 points", "181 more points would have kept", "/season/now/leave")),
        (risk, ("- 2 accepted homeworks (usually 100 points each)\n", "at most once a week")),
        (near, ("had 100 points in Spring", "51 more points would", "- 11 best answers\n", "the line may move")),
        (risk_zh, ("不是结论", "你有 20 分", "再有 181 分，就能保住席位", "可以请假")),
        (risk_zh, ("- 2 份通过的作业（通常每份 100 分）\n",)),
        (near_zh, ("再有 51 分，就过了晋级线", "- 11 个最佳回答\n", "每周最多一封")),
    ):  # fmt: skip
        assert "%(" not in message.body and "\n\n\n" not in message.body, message.body
        for words in said:
            assert words in message.body, (words, message.body)


# ---- pages


def test_the_season_page_says_what_would_close_the_distance(client, make, now, site_db, clock):
    accounts = [make.person(number=n) for n in (901, 902, 903)]
    _people, season = story(make, now, [200, 20, 150])
    make.earn(accounts[0][1], 60, at=season.starts_at)
    make.earn(accounts[1][1], 500, at=season.starts_at)
    sign_in(client, accounts[0][0])
    page = text_of(in_language(client, "en").get("/season"))
    # Two rise? One seat becomes free: 902 takes it with 500.
    assert "441 points below" in page and "What would do it" in page
    assert "5 accepted homeworks (usually 100 points each)" in page and "141 points above" not in page
    assert "/season/notices" in page
    assert "还差 441 分" in text_of(in_language(client, "zh").get("/season"))
    sign_in(client, accounts[1][0])
    page = text_of(in_language(client, "en").get("/season"))
    assert "points above" in page and "What would do it" not in page
    with site_db.session() as session, transaction(session) as work:
        for kind, rule in points.rules_in_force(work).items():
            points.set_rule(
                work, kind=kind, amount=rule.amount, honours=rule.honours, active=kind == "answer_best",
                limits=Limits(season=20), reason="test", actor=ADMIN, now=now,
            )  # fmt: skip
    sign_in(client, accounts[0][0])
    page = text_of(in_language(client, "en").get("/season"))
    assert "out of reach until the season ends" in page and "homeworks" not in page
    stranger = text_of(in_language(client.application.test_client(), "en").get("/season"))
    assert "What would do it" not in stranger and "points below" not in stranger


def test_a_member_switches_letters_off_and_on(client, make, site_db):
    account, member = make.person(number=1)
    assert client.get("/season/notices").status_code in (302, 303, 401)
    in_language(sign_in(client, account), "en")
    assert "You get them when you are near a line" in text_of(client.get("/season/notices"))
    said = post(client, "/season/notices", {"quiet": "1"}, follow_redirects=True)
    assert "No more letters" in text_of(said) and "You get no such letters" in text_of(said)
    with site_db.session() as session:
        assert queries_notices.quiet(session, member.id)
    said = post(client, "/season/notices", {"quiet": "0"}, follow_redirects=True)
    assert "once a week at most" in text_of(said)
    assert "每周最多一封" in text_of(in_language(client, "zh").get("/season/notices"))


def test_admins_set_the_letters_and_nobody_else(client, make, now, site_db):
    sign_in(client, make.account(number=600, roles=("instructor", "host")))
    assert client.get("/admin/seasons/notices").status_code == 403
    assert post(client, "/admin/seasons/notices", {"reach": "5"}).status_code == 403
    in_language(sign_in(client, make.account(roles=("admin",))), "en")
    page = text_of(client.get("/admin/seasons/notices"))
    assert "Nothing yet" in page and 'value="100"' in page and "checked" in page
    refused = post(client, "/admin/seasons/notices", {"on": "1", "reach": "0"})
    assert refused.status_code == 422 and "between 1 and 10000" in text_of(refused)
    assert post(client, "/admin/seasons/notices", {"reach": "30"}).status_code == 303
    with site_db.session() as session:
        assert queries_notices.settings(session) == queries_notices.Settings(False, 30)
    _people, season = story(make, now, [200, 20, 150, 100])
    post(client, "/admin/seasons/notices", {"on": "1", "reach": "100"})
    with site_db.session() as session, transaction(session) as work:
        services_notices.step(work, season_id=season.id, day=now.date(), now=now)
    page = text_of(client.get("/admin/seasons/notices"))
    assert "1 letter" in page and "below the line of elimination" in page
    assert "Letters about the season set" in text_of(client.get("/admin/audit?thing=season"))
    assert jobs.SWEEPS["season_notices"]
