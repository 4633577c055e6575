"""A team's work at the desk: found by each of them, named together, hidden when blind, judged by none of them."""

from __future__ import annotations

import csv
import datetime as dt
import io
from zoneinfo import ZoneInfo

import pytest
from flask import render_template
from sqlalchemy import select

from qunclub import homework
from qunclub.groups import book
from qunclub.home.export_work import PARTS
from qunclub.homework import (
    doctor,
    queries_desk,
    queries_fair,
    queries_judging,
    queries_second,
    queries_similar,
    queries_voice,
    rules_fair,
    services_appeals,
    services_release,
    services_second,
    services_teams,
    services_teams_admin,
    services_voice,
)
from qunclub.homework.models import Attempt, Criterion, Review
from qunclub.homework.models_voice import SpokenComment
from qunclub.homework.queries_desk import Filters
from qunclub.kernel import Actor, Conflict, Forbidden, NotFound
from qunclub.kernel.outbox import OutboxMessage
from qunclub.kernel.uploads import StoredFile
from qunclub.members.models import Member
from qunclub.web.i18n import override
from tests.homework.test_similar import ESSAY, varied
from tests.homework.test_teams import OPEN, earned, hand_in, join, judge, start, team_of
from tests.support.pages import text_of
from tests.support.statements import count_statements

LEASE = dt.timedelta(minutes=30)
SOUND = StoredFile("comment.mp3", "audio/mpeg", 3, "0" * 64, "voice/x")


@pytest.fixture
def group_work(make):
    """Homework for two or three."""
    return make.assignment(team_min=1, team_max=3)


@pytest.fixture
def people(make):
    """Ann, Bob, Eve and Dan, each with a number."""
    return [make.member(number=True, name=name) for name in ("Ann", "Bob", "Eve", "Dan")]


@pytest.fixture
def ours(session, group_work, people, now):
    """What Ann handed in for herself and Bob."""
    team_of(session, group_work, people[:2], now)
    return hand_in(session, group_work, people[0], now, body=ESSAY)


@pytest.fixture
def judges(make):
    """``judges(name)``: an instructor's actor."""

    def made(name):
        member = make.member(number=True, name=name, roles=["instructor"])
        return Actor(member.user_key, member.name, member.email, frozenset({"instructor"}), member.id)

    return made


def mailed(session, template):
    query = select(OutboxMessage).where(OutboxMessage.kind == "mail").order_by(OutboxMessage.id)
    return [one.payload for one in session.scalars(query) if one.payload["template"] == template]


class TestFinding:
    @pytest.mark.parametrize("place", [0, 1])
    @pytest.mark.parametrize("state", ["", "waiting"])
    def test_the_record_finds_each_of_a_team(self, session, group_work, people, ours, now, place, state):
        alone = team_of(session, group_work, [people[2]], now) and hand_in(
            session, group_work, people[2], now
        )
        one = people[place]
        for q in (str(one.number), one.name, one.name[:2]):
            page = queries_desk.record(session, Filters(state=state, q=q))
            assert [row.id for row in page.items] == [ours.id]
            assert page.items[0].team == f"Ann No. {people[0].number}, Bob No. {people[1].number}"
            assert [row.id for row in queries_desk.export(session, Filters(state=state, q=q))] == [ours.id]
        assert [row.id for row in queries_desk.record(session, Filters(state=state)).items] == [
            alone.id,
            ours.id,
        ]
        assert queries_desk.record(session, Filters(state=state, q=str(people[3].number))).items == []

    @pytest.mark.parametrize("small", [300, 0])
    @pytest.mark.parametrize("place", [0, 1])
    def test_a_group_finds_what_one_of_it_made_with_others(
        self, session, make, group_work, people, ours, now, monkeypatch, small, place
    ):
        monkeypatch.setattr(queries_desk, "SMALL", small)
        team_of(session, group_work, [people[2]], now)
        hand_in(session, group_work, people[2], now)
        line = make.group_line(capacities=[50], slug="here")
        group_id = make.seat(line, of=people[place]).group_id
        make.submission(make.assignment(), member=people[3])
        narrowed = Filters(
            members=book.members_of(group_id),
            seated=lambda column: book.seated(group_id, column),
            state="waiting",
        )
        assert [row.id for row in queries_desk.queue(session, narrowed, now=now).items] == [ours.id]
        assert queries_desk.next_free(session, narrowed, member_id=0, now=now) == [ours.id]
        # Whoever is of the team is not offered it.
        assert queries_desk.next_free(session, narrowed, member_id=people[1].id, now=now) == []

    def test_as_many_statements_with_teams_as_without(self, session, db, make, group_work, people, ours, now):
        def asked(q):
            with count_statements(db.engine) as seen:
                queries_desk.record(session, Filters(q=q))
                queries_desk.queue(session, Filters(viewer=people[1].id), now=now)
            return seen.count

        one = asked("Ann")
        for member in people[2:]:
            team_of(session, group_work, [member], now)
            hand_in(session, group_work, member, now)
        assert asked("Ann") == asked("Eve") == one
        rows = {
            row.id: row for row in queries_desk.queue(session, Filters(viewer=people[1].id), now=now).items
        }
        assert [row.own for row in rows.values()] == [True, False, False]
        assert rows[ours.id].team.startswith("Ann No. ")


class TestBlind:
    def test_no_name_of_a_team_until_the_verdict(self, session, make, group_work, people, ours, now):
        make.judging(group_work, blind="both")
        viewer = people[3].id
        row = queries_desk.desk_row(session, ours.id, viewer=viewer)
        assert (row.veiled, row.author, row.team, row.number, row.own) == (True, "", "", None, False)
        assert queries_desk.queue(session, Filters(viewer=viewer), now=now).items[0].team == ""
        for q in ("Bob", str(people[1].number)):
            assert queries_desk.record(session, Filters(q=q, viewer=viewer)).items == []
        # Their own work is theirs under the veil too.
        assert queries_desk.desk_row(session, ours.id, viewer=people[1].id).own
        judge(session, ours, now)
        row = queries_desk.desk_row(session, ours.id, viewer=viewer)
        assert not row.veiled and "Bob" in row.team
        assert len(queries_desk.record(session, Filters(q="Bob", viewer=viewer)).items) == 1

    def test_a_team_is_one_of_the_crowd(self, session, make, group_work, people, ours, now):
        make.judging(group_work, blind="author")
        line = make.group_line(capacities=[50], slug="here")
        group_id = make.seat(line, of=people[1]).group_id
        narrowed = Filters(members=book.members_of(group_id), state="waiting", viewer=people[3].id)
        for n in range(4):
            assert queries_desk.queue(session, narrowed, now=now).items == []
            other = make.member(number=True)
            make.seat(line, of=other)
            team_of(session, group_work, [other], now)
            hand_in(session, group_work, other, now, body=f"Work {n}.")
        assert len(queries_desk.queue(session, narrowed, now=now).items) == 5

    def test_authors_of_a_team_read_no_reviewer(self, session, make, group_work, people, ours, now, judges):
        make.judging(group_work, blind="both")
        judge(session, ours, now)
        homework.open_appeal(
            session, submission_id=ours.id, member_id=people[1].id, reason="Look.",
            terms=terms(now), now=now,
        )  # fmt: skip
        for member in people[:2]:
            (row,) = PARTS["reviews"](session, member.id)
            assert row["reviewer_name"] == ""


class TestSimilar:
    def test_works_of_the_same_team_or_its_members_are_not_pointed_out(
        self, session, make, group_work, people, ours, now
    ):
        again = make.assignment(title="Again", team_min=1, team_max=3)
        team_of(session, again, [people[1], people[2]], now)
        second = hand_in(session, again, people[2], now, body=varied(ESSAY, 60))
        alone = make.submission(make.assignment(), member=people[1], body_md=varied(ESSAY, 70))
        foreign = make.submission(make.assignment(), member=people[3], body_md=varied(ESSAY, 80))

        def found(submission):
            attempt = session.scalar(select(Attempt.id).where(Attempt.submission_id == submission.id))
            return {one.submission_id for one in queries_similar.similar(session, attempt_id=attempt)}

        # Bob is in both teams, and wrote one alone.
        assert found(ours) == found(second) == found(alone) == {foreign.id}
        assert found(foreign) == {ours.id, second.id, alone.id}
        assert queries_similar.related(session, ours.id, second.id)
        assert not queries_similar.related(session, ours.id, foreign.id)


class TestVoice:
    def test_none_of_the_team_speaks_and_all_hear(self, session, group_work, people, ours, now, judges):
        teacher = judges("Tea")
        inside = Actor("x", "Bob", "", frozenset({"instructor"}), people[1].id)
        with pytest.raises(Forbidden):
            services_voice.keep(session, submission_id=ours.id, file=SOUND, actor=inside, now=now)
        voice = services_voice.keep(session, submission_id=ours.id, file=SOUND, actor=teacher, now=now)
        for member in people[:2]:
            with pytest.raises(NotFound):
                queries_voice.heard_by(session, voice.id, member_id=member.id, instructor=False)
        judge(session, ours, now)
        session.get_one(SpokenComment, voice.id).review_id = session.scalar(select(Review.id))
        session.flush()
        for member in people[:2]:
            assert queries_voice.heard_by(session, voice.id, member_id=member.id, instructor=False)
            assert [row["id"] for row in PARTS["recordings"](session, member.id)] == [voice.id]
        with pytest.raises(NotFound):
            queries_voice.heard_by(session, voice.id, member_id=people[2].id, instructor=False)


def terms(now):
    return rules_fair.Terms(1, 14, rules_fair.token_span(now, ZoneInfo("Asia/Shanghai"), None))


class TestAppeals:
    def opened(self, session, ours, member, now):
        return homework.open_appeal(
            session, submission_id=ours.id, member_id=member.id, reason="Look at page two.", terms=terms(now), now=now
        )  # fmt: skip

    def test_one_appeals_for_all_and_all_are_told(self, session, group_work, people, ours, now, judges):
        ann, bob, eve, _ = people
        judge(session, ours, now, score=40)
        with pytest.raises(NotFound):
            self.opened(session, ours, eve, now)
        one = self.opened(session, ours, bob, now)
        assert services_appeals.paid_tokens(session, bob.id, terms(now).span) == 1
        assert services_appeals.paid_tokens(session, ann.id, terms(now).span) == 0
        assert [mail["to"] for mail in mailed(session, "appeal_opened")] == [bob.email]
        with pytest.raises(Conflict):
            self.opened(session, ours, ann, now)
        left = {
            member.id: queries_fair.fairness(
                session, ours.id, member_id=member.id, terms=terms(now), now=now
            ).left
            for member in (ann, bob)
        }
        assert left == {ann.id: 1, bob.id: 0}
        inside = Actor("x", "Ann", "", frozenset({"instructor"}), ann.id)
        assert queries_fair.queue(session, member_id=ann.id, page=1).items == []
        with pytest.raises(Forbidden):
            homework.decline(session, appeal_id=one.id, answer="No.", actor=inside, now=now)
        teacher = judges("Tea")
        assert len(queries_fair.queue(session, member_id=teacher.member_id, page=1).items) == 1
        scores = scored(session, group_work, 9)
        homework.uphold(
            session, appeal_id=one.id, verdict="accept", scores=scores, comment_md="True.", actor=teacher, now=now
        )  # fmt: skip
        answered = mailed(session, "appeal_answered")
        assert [(mail["to"], mail["context"]["by"]) for mail in answered] == [
            (ann.email, "Bob"),
            (bob.email, ""),
        ]
        assert doctor.check(session, now) == []

    def test_what_the_mail_says_to_whom(self, app):
        base = {
            "name": "Ann", "title": "One page", "assignment_id": 1, "answer": "True.", "score": 90, "verdict": "accept",
            "site_url": "https://club.example", "club_name": "Club",
        }  # fmt: skip
        for state in ("upheld", "declined", "returned"):
            with app.test_request_context():
                override("en")
                mine = render_template("qunclub/mail/appeal_answered.txt", state=state, by="", **base)
                fellow = render_template("qunclub/mail/appeal_answered.txt", state=state, by="Bob", **base)
            assert "Bob has appealed for your team." in fellow and "Your appeal about" in mine
            assert "given back to you" not in fellow and "appealed for your team" not in mine


def scored(session, group_work, share):
    query = select(Criterion.id).where(Criterion.rubric_id == group_work.rubric_id)
    return dict.fromkeys(session.scalars(query), share)


class TestJudging:
    def judged(self, session, group_work, row, actor, now, share=8):
        session.refresh(row)
        return homework.review(
            session, submission_id=row.id, version=row.version, verdict="accept",
            scores=scored(session, group_work, share), comment_md="Good.", actor=actor, now=now,
        )  # fmt: skip

    def test_none_of_the_team_is_a_second_or_third_judge(
        self, session, make, group_work, people, now, judges
    ):
        make.judging(group_work, second_percent=100, divergence=10)
        team_of(session, group_work, people[:2], now)
        ours = hand_in(session, group_work, people[0], now)
        people[1].roles = ["instructor"]
        inside = Actor("x", "Bob", "", frozenset({"instructor"}), people[1].id)
        teachers = [judges(name) for name in ("Tea", "Toe", "Tie")]
        for place, teacher in enumerate(teachers):
            assert queries_desk.next_free(session, Filters(), member_id=people[1].id, now=now) == []
            assert queries_desk.next_free(session, Filters(), member_id=teacher.member_id, now=now) == [
                ours.id
            ]
            # Bob is an instructor, but not one who could judge it.
            assert queries_second.left(session, ours.id) == 3 - place
            with pytest.raises(Forbidden):
                homework.claim(session, submission_id=ours.id, actor=inside, lease=LEASE, now=now)
            with pytest.raises(Forbidden):
                self.judged(session, group_work, ours, inside, now)
            assert doctor.check(session, now) == []
            row = queries_desk.desk_row(session, ours.id, viewer=people[1].id)
            attempt = session.scalars(select(Attempt.id).where(Attempt.submission_id == ours.id)).one()
            assert queries_judging.unread(session, row, attempt, viewer=people[1].id).opinions == ()
            homework.claim(session, submission_id=ours.id, actor=teacher, lease=LEASE, now=now)
            self.judged(session, group_work, ours, teacher, now, share=(2, 9, 6)[place])
        assert (ours.state, ours.score) == ("accepted", 60)
        assert [mail["to"] for mail in mailed(session, "review_done")] == [one.email for one in people[:2]]
        assert doctor.check(session, now) == []

    def test_an_admin_of_the_team_does_not_waive(self, session, make, group_work, people, now, judges):
        make.judging(group_work, second_percent=100, divergence=10)
        team_of(session, group_work, people[:2], now)
        ours = hand_in(session, group_work, people[0], now)
        teacher = judges("Tea")
        homework.claim(session, submission_id=ours.id, actor=teacher, lease=LEASE, now=now)
        self.judged(session, group_work, ours, teacher, now)
        session.refresh(ours)
        inside = Actor("x", "Bob", "", frozenset({"admin"}), people[1].id)
        with pytest.raises(Forbidden):
            services_second.waive(
                session, submission_id=ours.id, version=ours.version, reason="Nobody else.", actor=inside, now=now
            )  # fmt: skip

    def test_a_release_tells_and_pays_all_of_the_team(self, session, make, group_work, people, now, judges):
        make.judging(group_work, release="together")
        team_of(session, group_work, people[:2], now)
        ours = hand_in(session, group_work, people[0], now)
        teacher = judges("Tea")
        homework.claim(session, submission_id=ours.id, actor=teacher, lease=LEASE, now=now)
        self.judged(session, group_work, ours, teacher, now)
        assert mailed(session, "review_done") == []
        for member in people[:2]:
            assert PARTS["reviews"](session, member.id) == [] and earned(session, member) == []
        services_release.release(session, assignment_id=group_work.id, actor=teacher, now=now)
        assert services_release.bring_out_some(session, assignment_id=group_work.id, now=now) == 1
        told = mailed(session, "review_done")
        assert [(mail["to"], mail["context"]["name"]) for mail in told] == [
            (one.email, one.name) for one in people[:2]
        ]
        for member in people[:2]:
            assert len(PARTS["reviews"](session, member.id)) == 1 and earned(session, member)[0] == 80
        assert doctor.check(session, now) == []

    def test_whoever_joins_late_has_not_judged_it_and_lets_go_of_it(
        self, session, make, group_work, people, ours, now, judges
    ):
        teacher, other = judges("Tea"), judges("Toe")
        admin = Actor("admin", "Ada", "", frozenset({"admin"}), people[3].id)
        numbers = {one.member_id: session.get_one(Member, one.member_id).number for one in (teacher, other)}

        def asked(actor):
            services_teams_admin.invite(
                session, team_id=ours.team_id, number=numbers[actor.member_id], access_of=lambda one: OPEN,
                reason="Was there", actor=admin, now=now,
            )  # fmt: skip

        asked(teacher)
        homework.claim(session, submission_id=ours.id, actor=teacher, lease=LEASE, now=now)
        services_teams.accept(
            session, team_id=ours.team_id, member_id=teacher.member_id, access=OPEN, now=now
        )
        assert ours.claimed_by is None and doctor.check(session, now) == []
        services_teams_admin.remove(
            session, team_id=ours.team_id, member_id=teacher.member_id, reason="No", actor=admin, now=now
        )
        asked(other)
        homework.claim(session, submission_id=ours.id, actor=other, lease=LEASE, now=now)
        session.refresh(ours)
        homework.review(
            session, submission_id=ours.id, version=ours.version, verdict="return", scores={},
            comment_md="Once more.", actor=other, now=now,
        )  # fmt: skip
        with pytest.raises(Conflict, match="judged this work yourself"):
            services_teams.accept(
                session, team_id=ours.team_id, member_id=other.member_id, access=OPEN, now=now
            )


class TestInvitation:
    def test_whoever_is_asked_is_told_once(self, session, group_work, people, now):
        ann, bob, eve, _ = people
        bob.locale, eve.email = "en", ""
        team = start(session, group_work, ann, now)
        for _n in range(2):
            services_teams.invite(
                session, team_id=team.id, member_id=ann.id, number=bob.number, access_of=lambda one: OPEN, now=now
            )  # fmt: skip
            services_teams.uninvite(session, team_id=team.id, member_id=ann.id, invitee_id=bob.id)
        services_teams.invite(
            session, team_id=team.id, member_id=ann.id, number=eve.number, access_of=lambda one: OPEN, now=now
        )  # fmt: skip
        (told,) = mailed(session, "team_invited")
        assert told["to"] == bob.email and told["locale"] == "en"
        assert told["context"]["by"] == "Ann" and told["context"]["title"] == "One page"

    def test_nobody_who_is_suspended_is_told(self, session, group_work, people, now):
        team = start(session, group_work, people[0], now)
        people[1].suspended_at = now
        session.flush()
        services_teams.invite(
            session, team_id=team.id, member_id=people[0].id, number=people[1].number,
            access_of=lambda one: OPEN, now=now,
        )  # fmt: skip
        assert mailed(session, "team_invited") == []

    def test_an_admin_who_mends_is_not_the_asker(self, session, group_work, people, ours, now):
        admin = Actor("admin", "Ada", "", frozenset({"admin"}), people[3].id)
        team_id = ours.team_id
        services_teams_admin.invite(
            session, team_id=team_id, number=people[2].number, access_of=lambda one: OPEN, reason="Was there",
            actor=admin, now=now,
        )  # fmt: skip
        (told,) = [one for one in mailed(session, "team_invited") if one["to"] == people[2].email]
        assert told["context"]["by"] == ""

    @pytest.mark.parametrize("language", ["en", "zh"])
    @pytest.mark.parametrize("by", ["Ann", ""])
    def test_what_it_says(self, app, language, by):
        context = {
            "name": "Bob",
            "by": by,
            "title": "One page",
            "assignment_id": 7,
            "site_url": "https://x",
            "club_name": "C",
        }
        with app.test_request_context():
            override(language)
            text = render_template("qunclub/mail/team_invited.txt", **context)
        assert text.startswith("Subject: ") and "https://x/homework/7" in text and "One page" in text
        assert ("team" in text) == (language == "en")
        assert (by in text) and ("an admin" in text.lower() or "管理员" in text) == (not by)


def test_the_csv_names_teams_and_hides_blind_ones(visit, make, site_db, now):
    work = make.assignment(team_min=1, team_max=3)
    blind = make.assignment(team_min=1, team_max=3)
    make.judging(blind, blind="author")
    ann, bob = (make.member(number=True, name=name) for name in ("Ann", "Bob"))
    with site_db.uow() as session:
        for one in (work, blind):
            team = start(session, one, ann, now)
            join(session, team, ann, bob, now)
            hand_in(session, one, ann, now)
    alone = make.submission(make.assignment())
    admin = visit(make.account(name="Ada", roles=("admin",)))
    answer = admin.get("/admin/homework/submissions.csv").get_data(as_text=True)
    head, *lines = list(csv.reader(io.StringIO(answer.removeprefix("\ufeff"))))
    at = head.index("Team")
    names = f"Ann No. {ann.number}, Bob No. {bob.number}"
    assert [(int(line[0]), line[at]) for line in lines] == [(alone.id, ""), (2, ""), (1, names)]
    page = text_of(admin.get("/admin/homework/submissions?q=Bob"))
    assert names in page and "hidden: reviewed blind" not in page
