"""A mute of a role or of all: who it keeps from writing reads why and asks for an exception, which an admin answers."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from qunclub import groups
from qunclub import house as room
from qunclub.home.export import export
from qunclub.house import doctor, rules, services_exceptions, services_forget, services_reports
from qunclub.house.jobs import sweep
from qunclub.house.models import Mute, MuteException
from qunclub.house.rules import Silence, stretch
from qunclub.kernel import Conflict, Forbidden, Invalid, NotFound, Stale, locks, outbox
from qunclub.kernel.mail import MailMessage
from qunclub.web import mailing
from tests.support.concurrency import concurrently, failed, succeeded
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

HOUR = dt.timedelta(hours=1)
ZONE = ZoneInfo("Asia/Shanghai")
APPEALS = services_reports.APPEALS


@pytest.fixture
def house(make):
    return make.house(posting="all", capacities=(9,), slug="foundation", name="Foundation")


def mute(session, house, now, **values):
    facts = {"role": "", "reason": "Rest.", "starts_at": now, "until": now + 2 * HOUR, "actor": house.host}
    return room.mute(session, group_id=house.group.id, now=now, **{**facts, **values})


def verdict(session, house, now, member=None):
    return room.may_post(session, group=house.group, member=member or house.member, now=now, zone=ZONE)


def ask(session, house, row, now, member=None, reason="I keep the minutes."):
    return room.ask_exception(
        session, mute_id=row.id, member_id=(member or house.member).id, reason=reason, now=now
    )


def answer(session, wish, now, actor, outcome="granted", words="Go on."):
    return room.answer_exception(
        session, exception_id=wish.id, outcome=outcome, answer=words, actor=actor, now=now
    )


def waiting(session):
    return services_reports.waiting(session, APPEALS)


# ---- why, until when, by whom ----


def test_the_verdict_names_the_mute_and_the_office_that_set_it(session, house, now):
    row = mute(session, house, now)
    silence = verdict(session, house, now).silence
    assert (silence.ident, silence.office, silence.asked) == (row.id, "host", "")
    room.lift(session, mute_id=row.id, actor=house.host, now=now)
    assert verdict(session, house, now).silence is None
    mute(session, house, now, actor=house.admin)
    assert verdict(session, house, now).silence.office == "admin"


def test_of_a_members_own_mute_the_office_is_kept_too(session, make, house, now):
    make.sanctioned(house, "mute", days=1)
    assert verdict(session, house, now).silence.office == "host"


# ---- asking and answering ----


def test_an_exception_holds_for_one_member_and_one_mute(session, house, now):
    row = mute(session, house, now)
    wish = ask(session, house, row, now)
    assert waiting(session) == 1 and verdict(session, house, now).silence.asked == "open"
    answer(session, wish, now, house.admin)
    assert waiting(session) == 0
    assert verdict(session, house, now).allowed
    assert verdict(session, house, now, house.other).code == "group_muted"
    other = mute(session, house, now, role="member", until=None)
    assert verdict(session, house, now).silence.ident == other.id, "of another mute it means nothing"
    assert doctor.check(session, now) == []


def test_what_is_declined_stands_and_is_said(session, house, now):
    row = mute(session, house, now)
    answer(session, ask(session, house, row, now), now, house.admin, "declined", "Everybody rests.")
    assert verdict(session, house, now).silence.asked == "declined" and waiting(session) == 0
    with pytest.raises(Conflict, match="already"):
        ask(session, house, row, now)


def test_only_whom_the_mute_means_asks(session, make, house, now):
    row = mute(session, house, now, role="member")
    teacher = make.member(number=True, roles=("instructor",))
    make.seat(house.line, teacher)
    for who in (teacher, make.member(number=True)):
        with pytest.raises(NotFound):
            ask(session, house, row, now, who)
    own = make.sanctioned(house, "mute", days=1)
    mine = session.scalars(select(Mute).where(Mute.sanction_id == own.id)).one()
    with pytest.raises(NotFound):
        ask(session, house, mine, now)
    with pytest.raises(Invalid) as error:
        ask(session, house, row, now, reason="  ")
    assert error.value.field == "reason"
    with pytest.raises(Conflict, match="ended"):
        ask(session, house, row, now + 3 * HOUR)


def test_another_admin_than_who_set_it_answers(session, make, house, now):
    row = mute(session, house, now, actor=house.admin)
    wish = ask(session, house, row, now)
    for who in (house.admin, house.host):
        with pytest.raises(Forbidden):
            answer(session, wish, now, who)
    for field, wrong in (("answer", {"words": " "}), ("answer", {"outcome": "maybe"})):
        with pytest.raises(Invalid) as error:
            answer(session, wish, now, house.second, **wrong)
        assert error.value.field == field
    with pytest.raises(Conflict, match="ended"):
        answer(session, wish, now + 3 * HOUR, house.second)
    answer(session, wish, now, house.second)
    with pytest.raises(Stale):
        answer(session, wish, now, house.second, "declined")


def test_wishes_end_with_the_mute_and_with_the_seat(app, site_db, make, now):
    house = make.house(posting="all", capacities=(9,))
    state = app.extensions["qunclub"]
    with site_db.uow() as session:
        first, second, third = (mute(session, house, now, until=None) for _ in range(3))
        ask(session, house, first, now)
        ask(session, house, second, now)
        ask(session, house, third, now, house.other)
        room.lift(session, mute_id=first.id, actor=house.host, now=now)
        groups.leave_seat(session, seat_id=house.other_seat.id, state="left", reason="x", now=now)
    with app.app_context():
        assert sweep(state) == 2 and sweep(state) == 0
    with site_db.session() as session:
        states = session.scalars(select(MuteException.state).order_by(MuteException.id)).all()
        assert states == ["lapsed", "open", "lapsed"] and waiting(session) == 1
        assert doctor.check(session, now) == []


def test_the_doctor_sees_an_answer_by_who_set_the_mute(session, house, now):
    wish = ask(session, house, mute(session, house, now), now)
    answer(session, wish, now, house.admin)
    wish.decided_by = house.host.member_id
    session.flush()
    assert [one.message for one in doctor.check(session, now)] == [
        f"exception {wish.id} is granted by nobody, or by who set the mute"
    ]


def test_who_leaves_takes_the_wish_along_and_reads_it_before(session, make, house, now):
    wish = ask(session, house, mute(session, house, now), now)
    [mine] = export(session, house.member.id, now=now)["mute_exceptions"]
    assert mine["reason"] == "I keep the minutes." and mine["mute"] == "Rest."
    services_forget.forget(session, member_id=house.member.id, now=now)
    session.expire_all()
    assert (wish.state, wish.reason) == ("lapsed", "") and waiting(session) == 0


# ---- at once ----


def answer_at_once(db, make, now):
    house = make.house(posting="all", capacities=(9,))
    with db.uow() as session:
        wish = ask(session, house, mute(session, house, now), now)
        session.flush()
        ident = wish.id
    admins = [make.actor(make.member(roles=("admin",))) for _ in range(5)]
    outcomes = concurrently(
        db,
        5,
        lambda session, i: (
            room.answer_exception(
                session,
                exception_id=ident,
                outcome="granted" if i % 2 else "declined",
                answer="x",
                actor=admins[i],
                now=now,
            ).state
        ),
    )
    with db.session() as session:
        return outcomes, waiting(session)


def test_a_wish_is_answered_once(db, make, now):
    outcomes, left = answer_at_once(db, make, now)
    assert len(succeeded(outcomes)) == 1 and all(isinstance(one, Stale) for one in failed(outcomes))
    assert left == 0


def test_control_without_the_lock_it_is_answered_twice(db, make, now):
    with locks.disabled():
        outcomes, left = answer_at_once(db, make, now)
    assert len(succeeded(outcomes)) > 1 or left < 0 or any("locked" in str(one) for one in failed(outcomes))


# ---- the rule ----

MOMENT = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
SPANS = st.tuples(
    st.integers(0, 20), st.one_of(st.none(), st.integers(1, 20)), st.sampled_from(("all", "member"))
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(SPANS, max_size=6))
def test_the_stretch_is_the_first_moment_without_a_mute(spans):
    ones = [
        Silence(whom, MOMENT + start * HOUR, None if length is None else MOMENT + (start + length) * HOUR, "")
        for start, length, whom in spans
    ]
    on, until = stretch(ones, frozenset(), MOMENT)
    assert on == any(one.covers(MOMENT) for one in ones)
    assert stretch(ones, frozenset({"admin", "host"}), MOMENT) == (False, None)
    covered = [any(one.covers(MOMENT + hour * HOUR) for one in ones) for hour in range(60)]
    if on:
        free = covered.index(False) if False in covered else None
        assert until == (None if free is None else MOMENT + free * HOUR)


def test_a_role_means_whom_the_house_says():
    one = Silence("role", MOMENT, None, "", "instructor")
    assert stretch([one], frozenset({"instructor"}), MOMENT) == (True, None)
    assert stretch([one], frozenset(), MOMENT) == (False, None)
    assert rules.concerns(one, frozenset({"instructor"}))


# ---- pages ----


@pytest.fixture
def club(make, site_db, client, now):
    house = make.house(
        name="Foundation",
        slug="foundation",
        name_pattern="Foundation {index}",
        posting="all",
        capacities=(9,),
    )
    people = {}
    for name, roles, seated in (
        ("inside", (), True), ("outside", (), False), ("hosting", ("host",), False), ("ruling", ("admin",), False),
    ):  # fmt: skip
        account, row = make.person(name=name, number=True, roles=roles)
        if seated:
            make.seat(house.line, row)
        people[name] = account, row
    house.people = people
    house.signs = lambda name: in_language(sign_in(client, people[name][0]), "en")
    house.row = site_db.transact(lambda session: mute(session, house, now).id)
    return house


def test_a_muted_member_reads_why_asks_and_writes(club, client, site_db):
    club.signs("inside")
    ask_at = f"/me/mutes/{club.row}/exception"
    for page in ("/groups/foundation-1", "/groups/foundation-1/board"):
        said = text_of(client.get(page))
        assert "The group is muted: Rest." in said and "Set by a host of the club." in said, page
        assert ask_at in said
    assert "Rest." in text_of(client.get("/me/standing")) and ask_at in text_of(client.get("/me/standing"))
    assert "Rest." in text_of(client.get(ask_at))
    refused = post(client, ask_at, data={"reason": " "})
    assert refused.status_code == 422
    assert post(client, ask_at, data={"reason": "I keep the minutes."}).status_code == 303
    again = post(client, ask_at, data={"reason": "My words stay."})
    assert again.status_code == 409 and "My words stay." in text_of(again)
    assert "an admin answers it" in text_of(client.get("/groups/foundation-1/board"))
    club.signs("ruling")
    queue = text_of(client.get("/desk/reports/appeals"))
    assert "I keep the minutes." in queue and "/desk/reports/exceptions/1" in queue
    assert "Rest." in text_of(client.get("/desk/reports/exceptions/1"))
    assert (
        post(client, "/desk/reports/exceptions/1/answer", data={"outcome": "grant", "answer": ""}).status_code
        == 422
    )
    done = post(
        client, "/desk/reports/exceptions/1/answer", data={"outcome": "grant", "answer": "Please do."}
    )
    assert done.status_code == 303
    late = post(
        client, "/desk/reports/exceptions/1/answer", data={"outcome": "decline", "answer": "Stay typed."}
    )
    assert late.status_code == 409 and "Granted" in text_of(late)
    assert "Please do." in text_of(client.get(f"/desk/quiet/{club.group.id}"))
    club.signs("inside")
    assert "The group is muted" not in text_of(client.get("/groups/foundation-1/board"))
    assert "Please do." in text_of(client.get("/me/standing"))


def test_asking_and_answering_are_for_whom_they_concern(club, client, site_db, now):
    path = f"/me/mutes/{club.row}/exception"
    club.signs("outside")
    assert client.get(path).status_code == post(client, path, data={"reason": "x"}).status_code == 404
    with site_db.uow() as session:
        services_exceptions.ask(
            session, mute_id=club.row, member_id=club.people["inside"][1].id, reason="x", now=now
        )
    for name in ("inside", "hosting"):
        club.signs(name)
        assert client.get("/desk/reports/exceptions/1").status_code == 403
        answered = post(client, "/desk/reports/exceptions/1/answer", data={"outcome": "grant", "answer": "x"})
        assert answered.status_code == 403
    club.signs("ruling")
    assert client.get("/desk/reports/exceptions/99").status_code == 404


def test_the_pages_cost_the_same_with_many(club, client, make, site_db, now):
    def cost(who, path):
        club.signs(who)
        client.get(path)
        with count_statements(site_db.engine) as sent:
            assert client.get(path).status_code == 200
        return sent.count

    def wish():
        member = make.member(number=True)
        make.seat(club.line, member)
        with site_db.uow() as session:
            ask(session, club, mute(session, club, now), now, member)
            services_exceptions.ask(session, mute_id=club.row, member_id=member.id, reason="Please.", now=now)

    wish()
    paths = [
        ("ruling", "/desk/reports/appeals"), ("ruling", "/desk/reports/exceptions/1"), ("inside", "/me/standing"),
        ("inside", "/groups/foundation-1/board"), ("hosting", f"/desk/quiet/{club.group.id}"),
    ]  # fmt: skip
    before = [cost(*path) for path in paths]
    for _ in range(3):
        wish()
    assert [cost(*path) for path in paths] == before


@pytest.mark.parametrize(
    ("locale", "outcome", "said"),
    [("en", "granted", "granted you"), ("en", "declined", "holds for you too"), ("zh", "granted", "照常发言"),
     ("zh", "declined", "同样有效")],
)  # fmt: skip
def test_the_answer_comes_by_mail(app, make, site_db, now, locale, outcome, said, monkeypatch):
    house = make.house(posting="all")
    with site_db.uow() as session:
        session.merge(house.member).locale = locale
        wish = ask(session, house, mute(session, house, now), now)
        answer(session, wish, now, house.admin, outcome, "Because.")
    sent: list[MailMessage] = []
    state = app.extensions["qunclub"]
    monkeypatch.setattr(state.mailer, "send", sent.append)
    with app.app_context(), site_db.session() as session:
        for message in session.scalars(
            select(outbox.OutboxMessage).where(outbox.OutboxMessage.kind == "mail")
        ):
            if message.payload["template"] == "house_exception":
                mailing.deliver(state, message.payload, message.key)
    [mail] = sent
    assert mail.subject and said in mail.body and "Because." in mail.body and "{" not in mail.body


def test_a_wish_costs_no_more_in_the_question(db, make, now):
    house = make.house(posting="all", capacities=(9,))
    with db.uow() as session:
        ask(session, house, mute(session, house, now), now)
    with db.session() as session:
        group, member = session.merge(house.group), session.merge(house.member)
        with count_statements(db.engine) as sent:
            room.may_post(session, group=group, member=member, now=now, zone=ZONE)
        assert sent.count == 3
        assert session.scalars(select(func.count()).select_from(MuteException)).one() == 1
