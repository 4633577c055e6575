"""Group work: nobody is in a team without a yes, one work for all, and everybody's points."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, text, update

from qunclub import homework
from qunclub.home.export_work import PARTS
from qunclub.homework import (
    doctor,
    queries,
    queries_teams,
    rules_teams,
    services_drafts,
    services_teams,
    services_teams_admin,
)
from qunclub.homework.models import Assignment, Attempt, ShowcaseEntry, Submission
from qunclub.homework.models_teams import Team, TeamDraft, TeamMember, WorkShare
from qunclub.kernel import Access, Actor, Conflict, Forbidden, Invalid, NotFound, Stale, locks
from qunclub.kernel.outbox import OutboxMessage
from qunclub.points.models import LedgerEntry
from tests.support.concurrency import concurrently, failed, succeeded
from tests.support.tampering import tampering

OPEN, SHUT = Access(True, "pass"), Access(False, "no_pass")
PROCESS = Actor.system("test")


def actor_of(member):
    return Actor(member.user_key, member.name, member.email, frozenset({"member"}), member.id)


@pytest.fixture
def work(make):
    """Homework for two or three."""
    return make.assignment(team_min=2, team_max=3)


@pytest.fixture
def people(make):
    """Four members with a number."""
    return [make.member(number=True) for _ in range(4)]


def start(session, work, member, now, access=OPEN):
    return services_teams.start(
        session, assignment_id=work.id, member_id=member.id, access=access, actor=actor_of(member), now=now
    )


def join(session, team, by, member, now):
    services_teams.invite(
        session, team_id=team.id, member_id=by.id, number=member.number, access_of=lambda one: OPEN, now=now
    )
    return services_teams.accept(session, team_id=team.id, member_id=member.id, access=OPEN, now=now)


def team_of(session, work, members, now):
    team = start(session, work, members[0], now)
    for one in members[1:]:
        join(session, team, members[0], one, now)
    return team


def hand_in(session, work, member, now, body="Ours."):
    return homework.submit(
        session, assignment_id=work.id, member_id=member.id, body_md=body, files=(), access=OPEN,
        now=now, actor=actor_of(member),
    )  # fmt: skip


def judge(session, row, now, verdict="accept", score=80):
    homework.review(
        session, submission_id=row.id, version=row.version, verdict=verdict, scores={}, comment_md="",
        score=score, actor=PROCESS, now=now,
    )  # fmt: skip


def earned(session, member):
    query = select(LedgerEntry.amount).where(
        LedgerEntry.member_id == member.id, LedgerEntry.kind.like("homework%")
    )
    return list(session.scalars(query.order_by(LedgerEntry.id)))


def mine(session, member):
    return list(
        session.scalars(select(Submission.id).where(Submission.id.in_(queries_teams.works_of(member.id))))
    )


class TestRules:
    @given(st.integers(-1, 15), st.integers(-1, 15))
    def test_sizes_that_are_taken_can_be_had(self, least, most):
        try:
            rules_teams.check_sizes(least, most)
        except Invalid as error:
            assert error.field in ("team_min", "team_max")
            return
        fits = [n for n in range(1, 16) if rules_teams.refuse_handing_in(n, least, most) is None]
        assert fits == list(range(least, most + 1))
        assert all(rules_teams.refuse_joining(n, most) is None for n in range(most))
        assert rules_teams.refuse_joining(most, most) is not None

    def test_one_size_alone_is_none(self):
        rules_teams.check_sizes(None, None)
        for sizes in ((2, None), (None, 3)):
            with pytest.raises(Invalid):
                rules_teams.check_sizes(*sizes)


class TestMaking:
    def test_nobody_is_in_it_without_a_yes(self, session, work, people, now):
        ann, bob, eve, _ = people
        team = start(session, work, ann, now)
        services_teams.invite(
            session, team_id=team.id, member_id=ann.id, number=bob.number, access_of=lambda one: OPEN, now=now
        )
        assert queries_teams.team_of(session, assignment_id=work.id, member_id=bob.id) is None
        (asked,) = queries_teams.invitations(session, bob.id)
        assert (asked.team_id, asked.by) == (team.id, ann.name)
        with pytest.raises(Conflict):
            hand_in(session, work, bob, now)
        with pytest.raises(NotFound):
            services_teams.accept(session, team_id=team.id, member_id=eve.id, access=OPEN, now=now)
        with pytest.raises(Forbidden):
            services_teams.accept(session, team_id=team.id, member_id=bob.id, access=SHUT, now=now)
        services_teams.accept(session, team_id=team.id, member_id=bob.id, access=OPEN, now=now)
        view = queries_teams.team_of(session, assignment_id=work.id, member_id=bob.id)
        assert view is not None and not view.closed
        assert [one.member_id for one in view.joined] == [ann.id, bob.id]
        assert queries_teams.invitations(session, bob.id) == []

    def test_who_cannot_be_asked(self, session, work, people, make, now):
        ann, bob, eve, dan = people
        team = start(session, work, ann, now)

        def ask(by, number, access=OPEN):
            services_teams.invite(
                session,
                team_id=team.id,
                member_id=by.id,
                number=number,
                access_of=lambda one: access,
                now=now,
            )

        for number, access in ((None, OPEN), (9_999, OPEN), (bob.number, SHUT), (ann.number, OPEN)):
            with pytest.raises(Invalid) as error:
                ask(ann, number, access)
            assert error.value.field == "number"
        with pytest.raises(NotFound):
            ask(bob, eve.number)
        ask(ann, bob.number)
        with pytest.raises(Invalid):
            ask(ann, bob.number)
        ask(ann, eve.number)
        # Seats that were offered are taken; taken back, they are free.
        with pytest.raises(Conflict):
            ask(ann, dan.number)
        services_teams.uninvite(session, team_id=team.id, member_id=ann.id, invitee_id=eve.id)
        ask(ann, dan.number)
        assert services_teams.decline(session, team_id=team.id, member_id=bob.id) == work.id
        with pytest.raises(NotFound):
            services_teams.accept(session, team_id=team.id, member_id=bob.id, access=OPEN, now=now)

    def test_one_team_each_and_none_for_work_done_alone(self, session, work, people, make, now):
        ann, bob = people[:2]
        start(session, work, ann, now)
        with pytest.raises(Conflict):
            start(session, work, ann, now)
        with pytest.raises(Forbidden):
            start(session, work, bob, now, access=SHUT)
        with pytest.raises(Conflict):
            start(session, make.assignment(), bob, now)
        with pytest.raises(NotFound):
            start(session, make.assignment(team_min=1, team_max=2, state="draft"), bob, now)

    def test_leaving_ends_an_empty_team(self, session, work, people, now):
        ann, bob = people[:2]
        team = team_of(session, work, [ann, bob], now)
        services_drafts.save_draft(
            session, assignment_id=work.id, member_id=ann.id, body_md="x", version=0, access=OPEN, now=now,
            actor=actor_of(ann),
        )  # fmt: skip
        services_teams.leave(session, team_id=team.id, member_id=ann.id)
        with pytest.raises(NotFound):
            services_teams.leave(session, team_id=team.id, member_id=ann.id)
        services_teams.leave(session, team_id=team.id, member_id=bob.id)
        for model in (Team, TeamMember, TeamDraft):
            assert session.scalar(select(func.count()).select_from(model)) == 0

    def test_group_work_stays_group_work_once_begun(self, session, work, people, now):
        start(session, work, people[0], now)
        with pytest.raises(Conflict):
            homework.update_assignment(
                session, assignment_id=work.id, version=1, slug=work.slug, title=work.title, now=now,
                actor=PROCESS, criteria=[homework.CriterionSpec("a", 10)],
            )  # fmt: skip


class TestTogether:
    def test_one_draft_for_all_and_nothing_is_lost(self, session, work, people, now):
        ann, bob, eve = people[:3]
        team_of(session, work, [ann, bob], now)

        def keep(member, body, version):
            return services_drafts.save_draft(
                session, assignment_id=work.id, member_id=member.id, body_md=body, version=version,
                access=OPEN, now=now, actor=actor_of(member),
            )  # fmt: skip

        assert keep(ann, "one", 0).version == 1
        assert keep(bob, "two", 1).version == 2
        with pytest.raises(Stale):
            keep(ann, "three", 1)
        with pytest.raises(Conflict):
            keep(eve, "mine", 0)
        assert session.scalars(select(TeamDraft.body_md)).one() == "two"
        hand_in(session, work, ann, now)
        draft = session.scalars(select(TeamDraft)).one()
        assert (draft.body_md, draft.version) == ("", 3)

    def test_too_few_hand_nothing_in_and_what_is_handed_in_is_everybodys(self, session, work, people, now):
        ann, bob, eve, _ = people
        team = start(session, work, ann, now)
        with pytest.raises(Conflict) as few:
            hand_in(session, work, ann, now)
        assert few.value.params["least"] == 2
        join(session, team, ann, bob, now)
        services_teams.invite(
            session, team_id=team.id, member_id=ann.id, number=eve.number, access_of=lambda one: OPEN, now=now
        )
        row = hand_in(session, work, bob, now)
        # Whoever had not said yes is not in it, and cannot any more.
        assert queries_teams.invitations(session, eve.id) == []
        assert mine(session, ann) == mine(session, bob) == [row.id] and mine(session, eve) == []
        for one in (ann, bob):
            assert queries.own_submission(session, assignment_id=work.id, member_id=one.id).id == row.id
        with pytest.raises(Conflict):
            hand_in(session, work, ann, now)
        with pytest.raises(Conflict):
            services_teams.leave(session, team_id=team.id, member_id=ann.id)
        # Any of them takes it back, and any hands in the next attempt.
        with pytest.raises(NotFound):
            homework.services.take_back(session, submission_id=row.id, member_id=eve.id, now=now)
        homework.services.take_back(session, submission_id=row.id, member_id=ann.id, now=now)
        again = hand_in(session, work, ann, now, "Better.")
        assert (again.id, again.attempt, again.member_id) == (row.id, 2, bob.id)
        assert doctor.check(session, now) == []

    def test_nobody_of_the_team_judges_it(self, session, work, people, make, now):
        ann, bob = people[:2]
        team_of(session, work, [ann, bob], now)
        row = hand_in(session, work, ann, now)
        teacher = Actor(bob.user_key, bob.name, bob.email, frozenset({"instructor"}), bob.id)
        with pytest.raises(Forbidden):
            homework.claim(session, submission_id=row.id, actor=teacher, lease=work_lease(), now=now)
        assert homework.claim_next(session, actor=teacher, lease=work_lease(), now=now) is None
        other = make.actor(roles=("instructor",))
        found = homework.claim_next(session, actor=other, lease=work_lease(), now=now)
        assert found is not None and found.id == row.id


def work_lease():
    import datetime as dt

    return dt.timedelta(minutes=45)


class TestPoints:
    def test_everybody_earns_once_and_gives_back_once(self, session, work, people, make, now):
        ann, bob, eve, dan = people
        team_of(session, work, [ann, bob, eve], now)
        row = hand_in(session, work, bob, now)
        judge(session, row, now, "feature")
        for one in (ann, bob, eve):
            assert earned(session, one) == [80, 5, 20]
        assert earned(session, dan) == []
        admin = make.actor(roles=("admin", "instructor"))
        homework.correct(
            session, submission_id=row.id, version=row.version, verdict="accept", score=50, reason="Read again",
            actor=admin, now=now,
        )  # fmt: skip
        homework.reopen(
            session, submission_id=row.id, version=row.version, reason="Wrong", actor=admin, now=now
        )
        for one in (ann, bob, eve):
            assert earned(session, one) == [80, 5, 20, -80, -5, -20, 50, 5, -50, -5]
        hand_in(session, work, ann, now, "Again.")
        judge(session, row, now)
        for one in (ann, bob, eve):
            assert sum(earned(session, one)) == 85
        assert doctor.check(session, now) == []
        told = session.scalars(select(OutboxMessage.payload).where(OutboxMessage.kind == "mail")).all()
        assert {one.email for one in (ann, bob, eve)} <= {one["to"] for one in told}

    def test_whoever_has_no_number_yet_earns_nothing_and_the_others_do(
        self, session, work, people, make, now
    ):
        ann, guest = people[0], make.member(number=True)
        team_of(session, work, [ann, guest], now)
        guest.number = None
        guest.numbered_at = None
        row = hand_in(session, work, guest, now)
        judge(session, row, now)
        assert (earned(session, ann), earned(session, guest)) == ([80, 5], [])
        assert doctor.check(session, now) == []

    @pytest.mark.parametrize("harm", ["missing", "twice", "less"])
    def test_the_doctor_sees_points_that_are_not_the_verdicts(self, session, work, people, now, harm):
        from qunclub import points

        team_of(session, work, people[:2], now)
        row = hand_in(session, work, people[0], now)
        judge(session, row, now)
        source = f"submission:{row.id}:m{people[1].id}:accepted"
        if harm == "missing":
            entry = session.scalars(select(LedgerEntry.id).where(LedgerEntry.source == source)).one()
            points.reverse(session, entry_id=entry, reason="slip", actor=PROCESS, now=now)
        elif harm == "twice":
            points.award(
                session, member_id=people[1].id, kind="homework_accepted", source=f"{source}:1", amount=80,
                now=now, occurred_at=now, actor=PROCESS,
            )  # fmt: skip
        else:
            with tampering(session):
                session.execute(update(LedgerEntry).where(LedgerEntry.source == source).values(amount=70))
        assert any("works of teams" in one.message for one in doctor.check(session, now))

    def test_it_counts_for_everybody_who_earns_tuition_back(self, session, work, people, now):
        team_of(session, work, people[:2], now)
        row = hand_in(session, work, people[0], now)
        judge(session, row, now)
        from qunclub.members.models import Member

        counted = dict(
            session.execute(
                select(Member.id, queries_teams.accepted_count(Member.id)).where(
                    Member.id.in_([one.id for one in people])
                )
            ).all()
        )
        assert [counted[one.id] for one in people] == [1, 1, 0, 0]


class TestShowing:
    def test_it_is_shown_when_all_say_so_and_hidden_by_anyone(self, session, work, people, now):
        ann, bob, eve, _ = people
        team_of(session, work, [ann, bob], now)
        row = hand_in(session, work, ann, now)
        judge(session, row, now, "feature")

        def shown():
            return session.scalars(select(ShowcaseEntry.consented_at)).one() is not None

        homework.consent(session, submission_id=row.id, member_id=ann.id, now=now)
        assert not shown()
        with pytest.raises(NotFound):
            homework.consent(session, submission_id=row.id, member_id=eve.id, now=now)
        homework.consent(session, submission_id=row.id, member_id=bob.id, now=now)
        assert shown()
        homework.withdraw(session, submission_id=row.id, member_id=bob.id, now=now)
        assert not shown()
        homework.consent(session, submission_id=row.id, member_id=ann.id, now=now)
        assert not shown()
        homework.consent(session, submission_id=row.id, member_id=bob.id, now=now)
        assert shown() and doctor.check(session, now) == []
        session.execute(update(WorkShare).where(WorkShare.member_id == ann.id).values(consented_at=None))
        assert any("everybody's consent" in one.message for one in doctor.check(session, now))


class TestExport:
    def test_everybody_takes_the_teams_work_with_them_and_nobody_else_does(self, session, work, people, now):
        ann, bob, eve, _ = people
        team_of(session, work, [ann, bob], now)
        services_drafts.save_draft(
            session, assignment_id=work.id, member_id=ann.id, body_md="typed", version=0, access=OPEN, now=now,
            actor=actor_of(ann),
        )  # fmt: skip
        assert [row["body_md"] for row in PARTS["team_drafts"](session, bob.id)] == ["typed"]
        judge(session, hand_in(session, work, bob, now), now, "feature")
        for one, many in ((ann, 1), (bob, 1), (eve, 0)):
            for part in ("submissions", "attempts", "reviews", "verdicts", "showcase", "teams", "team_works"):
                assert len(PARTS[part](session, one.id)) == many, part
        assert "invited_by" not in PARTS["teams"](session, bob.id)[0]


class TestMending:
    @pytest.fixture
    def admin(self, make):
        return make.actor(roles=("admin",))

    def remove(self, session, team, member, admin, now, reason="Never came"):
        services_teams_admin.remove(
            session, team_id=team.id, member_id=member.id, reason=reason, actor=admin, now=now
        )

    def test_an_admin_takes_out_and_asks_in(self, session, work, people, admin, now):
        ann, bob, eve, dan = people
        team = team_of(session, work, [ann, bob, eve], now)
        row = hand_in(session, work, ann, now)
        with pytest.raises(Forbidden):
            self.remove(session, team, ann, actor_of(bob), now)
        with pytest.raises(Invalid):
            self.remove(session, team, ann, admin, now, " ")
        self.remove(session, team, ann, admin, now)
        assert (row.member_id, mine(session, ann)) == (bob.id, [])
        services_teams_admin.invite(
            session, team_id=team.id, number=dan.number, access_of=lambda one: OPEN, reason="Was there",
            actor=admin, now=now,
        )  # fmt: skip
        assert mine(session, dan) == []
        services_teams.accept(session, team_id=team.id, member_id=dan.id, access=OPEN, now=now)
        assert mine(session, dan) == [row.id]
        judge(session, row, now)
        assert [sum(earned(session, one)) for one in people] == [0, 85, 85, 85]
        with pytest.raises(Conflict):
            self.remove(session, team, dan, admin, now)
        # Who was taken out may work with others.
        start(session, work, ann, now)
        assert doctor.check(session, now) == []

    def test_a_work_keeps_somebody_whose_it_is(self, session, make, people, admin, now):
        work = make.assignment(team_min=1, team_max=2)
        team = team_of(session, work, people[:1], now)
        hand_in(session, work, people[0], now)
        with pytest.raises(Conflict):
            self.remove(session, team, people[0], admin, now)

    def test_forgetting_one_leaves_the_others_their_work(self, session, work, people, now):
        ann, bob, eve, _ = people
        team = team_of(session, work, [ann, bob], now)
        services_teams_admin.forget(session, member_id=eve.id, now=now)
        row = hand_in(session, work, ann, now)
        judge(session, row, now, "feature")
        for one in (ann, bob):
            homework.consent(session, submission_id=row.id, member_id=one.id, now=now)
        homework.forget(session, member_id=ann.id, now=now)
        assert session.scalars(select(Attempt.body_md)).one() == "Ours."
        assert session.scalars(select(ShowcaseEntry.consented_at)).one() is None
        assert session.get_one(Submission, row.id).member_id == bob.id
        assert doctor.check(session, now) == []
        # With the last of them the words go; the record of the verdict stays.
        homework.forget(session, member_id=bob.id, now=now)
        assert session.scalars(select(Attempt.body_md)).one() == ""
        assert doctor.check(session, now) == [] and team.id

    def test_forgetting_before_the_verdict(self, session, work, people, now):
        team_of(session, work, people[:2], now)
        hand_in(session, work, people[0], now)
        for one in people[:2]:
            homework.forget(session, member_id=one.id, now=now)
        assert session.scalars(select(Submission)).all() == session.scalars(select(WorkShare)).all() == []


class TestAtOnce:
    @pytest.fixture
    def slow(self, monkeypatch):
        look = rules_teams.refuse_joining

        def slowly(*values):
            found = look(*values)
            time.sleep(0.05)
            return found

        monkeypatch.setattr(rules_teams, "refuse_joining", slowly)

    @pytest.fixture
    def last_seat(self, db, make, slow):
        """A team with one place left and two who are asked."""
        work = make.assignment(team_min=1, team_max=2)
        ann, bob, eve = (make.member(number=True) for _ in range(3))
        with db.uow() as session:
            team = start(session, work, ann, make.now)
            for one in (bob, eve):
                session.add(
                    TeamMember(
                        team_id=team.id, assignment_id=work.id, member_id=one.id, state="invited",
                        invited_at=make.now,
                    )
                )  # fmt: skip
            team_id = team.id

        def both():
            return concurrently(
                db,
                2,
                lambda session, index: (
                    services_teams.accept(
                        session, team_id=team_id, member_id=[bob, eve][index].id, access=OPEN, now=make.now
                    ).id
                ),
            )

        def joined():
            with db.session() as session:
                return session.scalar(
                    select(func.count()).select_from(TeamMember).where(TeamMember.state == "joined")
                )

        return both, joined

    def test_two_want_the_last_place_and_one_gets_it(self, last_seat):
        both, joined = last_seat
        outcomes = both()
        assert len(succeeded(outcomes)) == 1 and isinstance(failed(outcomes)[0], Conflict)
        assert joined() == 2

    def test_without_the_lock_the_race_is_seen(self, last_seat):
        both, joined = last_seat
        with locks.disabled():
            outcomes = both()
        broken = [one for one in failed(outcomes) if not isinstance(one, Conflict)]
        assert joined() == 3 or broken

    @pytest.mark.parametrize("guarded", [True, False])
    def test_two_teams_at_once_are_one(self, db, make, monkeypatch, guarded):
        """Starting twice at the same moment: the index lets one through. Without it, there are two."""
        work, ann = make.assignment(team_min=1, team_max=2), make.member(number=True)
        if not guarded:
            with db.uow() as session:
                session.execute(text("DROP INDEX uq_qunclub_team_member_joined"))
        free = services_teams._free

        def slowly(*values):
            free(*values)
            time.sleep(0.05)

        monkeypatch.setattr(services_teams, "_free", slowly)
        outcomes = concurrently(db, 2, lambda session: start(session, work, ann, make.now).id, retry=True)
        with db.session() as session:
            joined = session.scalar(select(func.count()).select_from(TeamMember))
        if guarded or db.kind == "sqlite":
            # SQLite lets one write at a time, with or without the index.
            assert joined == 1 and len(succeeded(outcomes)) == 1
            assert isinstance(failed(outcomes)[0], Conflict)
        else:
            assert joined == 2

    def test_two_hand_in_at_once_and_it_is_one_attempt(self, db, make):
        work = make.assignment(team_min=2, team_max=2)
        members = [make.member(number=True) for _ in range(2)]
        with db.uow() as session:
            team_of(session, work, members, make.now)
        outcomes = concurrently(
            db, 2, lambda session, index: hand_in(session, work, members[index], make.now).id, retry=True
        )
        assert len(succeeded(outcomes)) == 1 and isinstance(failed(outcomes)[0], Conflict)
        with db.session() as session:
            assert session.scalar(select(func.count()).select_from(Attempt)) == 1
            assert session.scalar(select(func.count()).select_from(WorkShare)) == 2
            assert session.scalar(select(func.count()).select_from(Assignment)) == 1
