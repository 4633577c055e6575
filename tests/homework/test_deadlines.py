"""When work is taken, what being late costs, who has more time, receipts, and taking work back."""

from __future__ import annotations

import datetime as dt
import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from qunclub import groups, homework
from qunclub.homework import doctor, rules_work, services, services_extensions
from qunclub.homework.models import Attempt, Review, Submission
from qunclub.homework.models_work import Extension
from qunclub.homework.rules_work import Deadlines, extended, late_days, settled_score, taken_off
from qunclub.kernel import Access, Actor, Conflict, Invalid, NotFound
from qunclub.kernel.store import AuditEntry
from qunclub.members.models import Member
from qunclub.points.models import LedgerEntry
from tests.support.concurrency import concurrently, succeeded
from tests.support.pages import in_language, post, text_of
from tests.support.statements import count_statements

NOW = dt.datetime(2026, 4, 15, 4, 0, tzinfo=dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
ADMIN = Actor("admin", "Ada")
SYSTEM = Actor("system:test", "Test", "", frozenset({"instructor"}))
moments = st.integers(0, 365 * 24 * 60).map(lambda minutes: NOW + dt.timedelta(minutes=minutes))


class TestRules:
    @given(moments, moments)
    def test_late_days_are_begun_days(self, due, moment):
        days = late_days(due, moment)
        assert (days == 0) == (moment <= due)
        if days:
            assert due + (days - 1) * DAY < moment <= due + days * DAY

    @given(st.integers(0, 100), st.integers(0, 100))
    def test_a_settled_score_is_a_share_and_never_more(self, score, off):
        assert 0 <= settled_score(score, off) <= score
        assert settled_score(score, 0) == score
        assert settled_score(score, 100) == 0

    @given(moments, st.lists(st.tuples(moments, st.none() | moments), max_size=3), st.none() | moments)
    def test_more_time_never_means_less(self, due, more, cut_off):
        own = Deadlines(due_at=due, cut_off_at=cut_off, late_policy="deduct", late_percent=10)
        mine = extended(own, more)
        assert mine.due_at >= due
        assert (mine.cut_off_at is None) == (cut_off is None)
        assert cut_off is None or mine.cut_off_at >= cut_off
        assert mine.due_at == max([due, *(one[0] for one in more)])

    def test_what_being_late_costs(self):
        deduct = Deadlines(due_at=NOW, late_policy="deduct", late_percent=30)
        assert [taken_off(deduct, NOW + n * DAY) for n in (-1, 0, 1, 2, 3, 4)] == [0, 0, 30, 60, 90, 100]
        assert taken_off(Deadlines(due_at=NOW), NOW + DAY) == 0
        assert Deadlines(due_at=NOW, late_policy="refuse").closes_at == NOW
        assert Deadlines(due_at=NOW, cut_off_at=NOW + DAY).closes_at == NOW + DAY

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            (Deadlines(opens_at=NOW, due_at=NOW), "due_at"),
            (Deadlines(due_at=NOW, cut_off_at=NOW - HOUR), "cut_off_at"),
            (Deadlines(opens_at=NOW, cut_off_at=NOW - HOUR), "cut_off_at"),
            (Deadlines(due_at=NOW, late_policy="shout"), "late_policy"),
            (Deadlines(late_policy="refuse"), "due_at"),
            (Deadlines(due_at=NOW, late_policy="deduct"), "late_percent"),
        ],
    )
    def test_moments_that_do_not_go_together(self, wrong, field):
        with pytest.raises(Invalid) as refused:
            rules_work.check_deadlines(wrong)
        assert refused.value.field == field


def hand_in(session, work, member, at, *, groups=(), body="My work."):
    return services.submit(
        session,
        assignment_id=work.id,
        member_id=member.id,
        body_md=body,
        files=(),
        access=Access(True, "pass"),
        now=at,
        actor=Actor(member.user_key, member.name, member_id=member.id),
        group_ids=groups,
    )


def judge(session, row, at, verdict="accept", score=80):
    return homework.review(
        session,
        submission_id=row.id,
        version=row.version,
        verdict=verdict,
        scores={},
        comment_md="",
        score=score,
        actor=SYSTEM,
        now=at,
    )


class TestLate:
    def test_the_score_and_the_points_lose_what_being_late_costs(self, session, make):
        work = make.assignment(due_at=NOW, late_policy="deduct", late_percent=15)
        member = make.member(number=True)
        row = hand_in(session, work, member, NOW + DAY + HOUR)
        review = judge(session, row, NOW + 2 * DAY)
        assert (review.score, row.score) == (80, 56)
        entry = session.scalars(select(LedgerEntry).where(LedgerEntry.member_id == member.id)).all()
        assert [(one.kind, one.amount) for one in entry] == [("homework_accepted", 56)]
        assert doctor.check(session, NOW) == []
        row.score = 80
        session.flush()
        assert "state is not what" in doctor.check(session, NOW)[0].message

    def test_a_revision_is_as_late_as_the_first(self, session, make):
        work = make.assignment(due_at=NOW, late_policy="deduct", late_percent=10, cut_off_at=NOW + 3 * DAY)
        member = make.member(number=True)
        row = hand_in(session, work, member, NOW + HOUR)
        judge(session, row, NOW + 2 * HOUR, "return")
        hand_in(session, work, member, NOW + 9 * DAY)
        judge(session, row, NOW + 10 * DAY)
        assert row.score == 72

    def test_closed_is_closed(self, session, make):
        strict = make.assignment(due_at=NOW, late_policy="refuse")
        later = make.assignment(due_at=NOW, cut_off_at=NOW + DAY)
        member = make.member(number=True)
        with pytest.raises(Conflict) as refused:
            hand_in(session, strict, member, NOW)
        assert refused.value.params["when"] == NOW
        hand_in(session, later, member, NOW + DAY - HOUR)
        with pytest.raises(Conflict):
            hand_in(session, later, make.member(number=True), NOW + DAY)


class TestMoreTime:
    def give(self, session, work, **whose):
        values = {"due_at": NOW + 2 * DAY, "reason": "Ill", **whose}
        return services_extensions.grant(session, assignment_id=work.id, actor=ADMIN, now=NOW, **values)

    def test_for_one_member_and_for_a_group(self, session, make):
        work = make.assignment(due_at=NOW, late_policy="refuse")
        group = groups.first_group(session, make.group_line(), now=NOW)
        mine, seated, other = (make.member(number=True) for _ in range(3))
        self.give(session, work, member_id=mine.id)
        self.give(session, work, group_id=group.id)
        at = NOW + DAY
        assert hand_in(session, work, mine, at).state == "waiting"
        assert hand_in(session, work, seated, at, groups=[group.id]).state == "waiting"
        with pytest.raises(Conflict):
            hand_in(session, work, other, at, groups=[group.id + 1])
        assert {one.on_time for one in session.scalars(select(Attempt))} == {True}
        acts = session.scalars(select(AuditEntry.action).where(AuditEntry.action.like("extension%"))).all()
        assert acts == ["extension.grant", "extension.grant"]

    def test_the_newest_one_counts_and_can_be_taken_back(self, session, make):
        work = make.assignment(due_at=NOW)
        member = make.member(number=True)
        self.give(session, work, member_id=member.id)
        found = self.give(session, work, member_id=member.id, due_at=NOW + 5 * DAY)
        assert len(session.scalars(select(Extension)).all()) == 1
        with pytest.raises(NotFound):
            services_extensions.revoke(
                session, extension_id=found.id, assignment_id=work.id + 1, actor=ADMIN, now=NOW
            )
        services_extensions.revoke(
            session, extension_id=found.id, assignment_id=work.id, actor=ADMIN, now=NOW
        )
        row = hand_in(session, work, member, NOW + HOUR)
        attempt = session.scalars(select(Attempt).where(Attempt.submission_id == row.id)).one()
        assert not attempt.on_time

    @pytest.mark.parametrize(
        ("values", "field"),
        [
            ({"due_at": NOW}, "due_at"),
            ({"reason": "  "}, "reason"),
            ({"cut_off_at": NOW + DAY}, "cut_off_at"),
        ],
    )
    def test_what_is_no_more_time(self, session, make, values, field):
        work = make.assignment(due_at=NOW)
        with pytest.raises(Invalid) as refused:
            self.give(session, work, member_id=make.member().id, **values)
        assert refused.value.field == field

    def test_what_is_never_due(self, session, make):
        with pytest.raises(Invalid):
            self.give(session, make.assignment(), member_id=make.member().id)


class TestTakingBack:
    def test_it_leaves_the_queue_and_uses_up_no_attempt(self, session, make):
        work = make.assignment(max_attempts=1, due_at=NOW)
        member = make.member(number=True)
        row = hand_in(session, work, member, NOW - HOUR)
        services.take_back(session, submission_id=row.id, member_id=member.id, now=NOW)
        assert (row.state, row.withdrawn) == ("withdrawn", 1)
        assert doctor.check(session, NOW) == []
        hand_in(session, work, member, NOW + HOUR, body="Better.")
        attempts = session.scalars(select(Attempt).order_by(Attempt.n)).all()
        # Handed in again it counts as handed in then: what was taken back was never handed in.
        assert [(one.n, one.on_time, one.withdrawn_at is None) for one in attempts] == [
            (1, True, False),
            (2, False, True),
        ]
        judge(session, row, NOW + DAY)
        assert doctor.check(session, NOW) == []
        with pytest.raises(Conflict):
            services.take_back(session, submission_id=row.id, member_id=member.id, now=NOW)

    def test_a_revision_goes_back_to_returned(self, session, make):
        work = make.assignment()
        member = make.member(number=True)
        row = hand_in(session, work, member, NOW)
        judge(session, row, NOW, "return")
        hand_in(session, work, member, NOW + HOUR)
        services.take_back(session, submission_id=row.id, member_id=member.id, now=NOW + HOUR)
        assert row.state == "returned"
        assert doctor.check(session, NOW) == []

    def test_not_somebody_elses_and_not_while_it_is_read(self, session, make):
        work = make.assignment()
        row = hand_in(session, work, make.member(number=True), NOW)
        with pytest.raises(NotFound):
            services.take_back(session, submission_id=row.id, member_id=make.member().id, now=NOW)
        teacher = make.member()
        reader = Actor("t", "T", "", frozenset({"instructor"}), teacher.id)
        homework.claim(session, submission_id=row.id, actor=reader, lease=HOUR, now=NOW)
        with pytest.raises(Conflict):
            services.take_back(session, submission_id=row.id, member_id=row.member_id, now=NOW)
        services.take_back(session, submission_id=row.id, member_id=row.member_id, now=NOW + HOUR)
        assert row.state == "withdrawn"

    def test_taken_back_and_judged_at_once(self, db, make):
        """Either it is judged, or it is taken back: never both."""
        work = make.assignment()
        member = make.member(number=True)
        with db.uow() as session:
            row = hand_in(session, work, member, NOW)
            version = row.version

        def act(session, index):
            if index % 2:
                return services.take_back(session, submission_id=row.id, member_id=member.id, now=NOW).state
            return homework.review(
                session, submission_id=row.id, version=version, verdict="accept", scores={}, comment_md="",
                score=70, actor=SYSTEM, now=NOW,
            ).verdict  # fmt: skip

        outcomes = concurrently(db, 4, act, retry=True)
        with db.session() as session:
            state = session.get_one(Submission, row.id).state
            reviews = len(session.scalars(select(Review)).all())
            assert (state, reviews) in (("withdrawn", 0), ("accepted", 1))
            assert len(succeeded(outcomes)) == 1
            assert doctor.check(session, NOW) == []


class TestReceipt:
    def test_anybody_can_write_it_down_again(self, session, make):
        work = make.assignment()
        row = hand_in(session, work, make.member(number=True), NOW, body="一页纸")
        (attempt,) = session.scalars(select(Attempt)).all()
        lines = (
            f"qunclub receipt 1\nsubmission {row.id}\nassignment {work.id}\nattempt 1\n"
            f"at 2026-04-15T04:00:00.000000Z\ntext {hashlib.sha256('一页纸'.encode()).hexdigest()}\n"
        )
        assert attempt.receipt == hashlib.sha256(lines.encode()).hexdigest()
        assert doctor.check(session, NOW) == []
        attempt.body_md = "一页纸。"
        session.flush()
        assert "not what their receipt says: [1]" in doctor.check(session, NOW)[0].message


class TestPages:
    @pytest.fixture
    def change(self, site_db, work):
        """Set something on the assignment."""

        def set_(**values):
            with site_db.uow() as session:
                found = session.get_one(type(work), work.id)
                for name, value in values.items():
                    setattr(found, name, value)

        return set_

    def test_the_way_through_late_more_time_back_and_receipt(
        self, visit, author, make, work, change, clock, now
    ):
        change(due_at=now - HOUR, late_policy="deduct", late_percent=20, cut_off_at=now + 2 * DAY)
        mine = visit(author[0])
        page = text_of(mine.get(f"/homework/{work.id}"))
        for words in (
            "Each begun day of delay costs 20 % of the score.",
            "Handed in now, it loses 20 % of its score.",
            "It closes on Apr 17, 2026 12:00",
        ):
            assert words in page, words
        post(mine, f"/homework/{work.id}", {"body_md": "First try."})
        page = text_of(mine.get(f"/homework/{work.id}"))
        assert "Take it back" in page
        receipt = mine.get(f"/homework/{work.id}/receipt/1")
        assert receipt.status_code == 200
        assert "SHA-256" in text_of(receipt)
        other = visit(make.person(name="Other")[0])
        assert other.get(f"/homework/{work.id}/receipt/1").status_code == 404
        assert mine.get(f"/homework/{work.id}/receipt/2").status_code == 404
        with_id = page.split("/take-back")[0].rsplit("/", 1)[1]
        assert post(other, f"/homework/{with_id}/take-back").status_code == 404
        assert post(mine, f"/homework/{with_id}/take-back").status_code == 303
        page = text_of(mine.get(f"/homework/{work.id}"))
        assert "Taken back" in page
        assert "First try." in page
        clock.advance(days=3)
        page = text_of(mine.get(f"/homework/{work.id}"))
        assert "Nothing is taken any more since Apr 17, 2026 12:00." in page
        refused = text_of(post(mine, f"/homework/{work.id}", {"body_md": "Too late."}, follow_redirects=True))
        assert "This homework closed on Apr 17, 2026 12:00." in refused
        assert "已关闭" in text_of(in_language(mine, "zh").get(f"/homework/{work.id}"))

    def test_nobody_at_the_desk_sees_what_was_taken_back(self, visit, author, teacher, work):
        mine, desk = visit(author[0]), visit(teacher[0])
        post(mine, f"/homework/{work.id}", {"body_md": "A secret draft."})
        number = re.findall(r'href="/desk/(\d+)', text_of(desk.get("/desk")))[0]
        assert "A secret draft." in text_of(desk.get(f"/desk/{number}"))
        post(mine, f"/homework/{number}/take-back")
        assert desk.get(f"/desk/{number}").status_code == 404
        assert "A secret draft." not in text_of(desk.get("/desk"))

    def test_an_admin_gives_more_time(self, visit, author, make, work, change, site_db, now):
        change(due_at=now - HOUR, late_policy="refuse")
        admin = visit(make.account(name="Ada", roles=("admin",)))
        mine = visit(author[0])
        where = f"/admin/homework/{work.id}/extensions"
        assert visit(author[0]).get(where).status_code == 403
        assert "Nobody has more time" in text_of(admin.get(where))
        wrong = post(admin, where, {"due_at": "2026-04-20T12:00", "reason": "Ill", "group_id": "0"})
        assert wrong.status_code == 422
        assert "Name a member or a group" in text_of(wrong)
        with site_db.uow() as session:
            session.get_one(Member, author[1].id).number = 7
        given = {
            "number": "7",
            "due_at": "2026-04-20T12:00",
            "reason": "Ill",
            "group_id": "0",
        }
        assert post(admin, where, given).status_code == 303
        assert "Ill" in text_of(admin.get(where))
        assert "For you it is due on Apr 20, 2026 12:00." in text_of(mine.get(f"/homework/{work.id}"))
        assert post(mine, f"/homework/{work.id}", {"body_md": "In time."}).status_code == 303
        ident = text_of(admin.get(where)).split("/revoke")[0].rsplit("/", 1)[1]
        assert post(admin, f"{where}/{ident}/revoke").status_code == 303
        assert "You were given more time" not in text_of(mine.get(f"/homework/{work.id}"))

    def test_an_admin_sets_what_being_late_costs(self, visit, make, work):
        admin = visit(make.account(name="Ada", roles=("admin",)))
        page = text_of(admin.get(f"/admin/homework/{work.id}"))
        fields = {
            "course_id": str(work.course_id), "title": "T", "slug": work.slug, "brief_md": "B", "version": "1",
            "due_at": "2026-05-01T12:00", "late_policy": "deduct", "late_percent": "", "optional": "y",
            "criteria-0-criterion_id": re.findall(r'name="criteria-0-criterion_id"[^>]*value="(\d+)', page)[0],
            "criteria-0-title": "Clear", "criteria-0-max_points": "10", "criteria-0-weight": "1",
        }  # fmt: skip
        wrong = post(admin, f"/admin/homework/{work.id}", fields)
        assert wrong.status_code == 422
        assert "Say how many percent each day costs" in text_of(wrong)
        assert post(admin, f"/admin/homework/{work.id}", {**fields, "late_percent": "10"}).status_code == 303
        page = text_of(admin.get(f"/admin/homework/{work.id}"))
        assert 'value="10"' in page

    def test_it_costs_the_same_with_many_extensions(self, visit, author, make, work, change, site_db, now):
        change(due_at=now + DAY)
        mine = visit(author[0])
        counts = []
        for many in (1, 8):
            people = [make.member() for _ in range(many)]
            with site_db.uow() as session:
                for one in people:
                    services_extensions.grant(
                        session, assignment_id=work.id, member_id=one.id, due_at=now + 5 * DAY, reason="x",
                        actor=ADMIN, now=now,
                    )  # fmt: skip
            mine.get(f"/homework/{work.id}")
            with count_statements(site_db.engine) as counted:
                mine.get(f"/homework/{work.id}")
                mine.get("/homework")
            counts.append(counted.count)
        assert counts[0] == counts[1]
