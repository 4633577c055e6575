"""Verdicts that come out together: held, seen by staff only, out once whatever is killed or pressed twice."""

import datetime as dt

import pytest
from sqlalchemy import func, select

from qunclub import homework
from qunclub.home.export_work import _reviews
from qunclub.homework import jobs, queries_release, services_release, services_verdict
from qunclub.homework.doctor import check
from qunclub.homework.models import Assignment, Criterion, ShowcaseEntry, Submission
from qunclub.homework.models_judging import HeldVerdict
from qunclub.kernel import Conflict, Forbidden, Invalid, Stale, locks
from qunclub.kernel.outbox import OutboxMessage
from qunclub.points.models import LedgerEntry
from tests.support.concurrency import concurrently, failed, succeeded
from tests.support.pages import post, text_of
from tests.support.statements import count_statements


@pytest.fixture
def judging(make):
    return make.actor(roles=("instructor",))


def scores(session, row, share):
    query = (
        select(Criterion.id)
        .join(Assignment, Assignment.rubric_id == Criterion.rubric_id)
        .where(Assignment.id == row.assignment_id)
    )
    return dict.fromkeys(session.scalars(query), share)


def judge(session, row, actor, now, share=5, verdict="accept", comment="SECRET WORDS"):
    return homework.review(
        session, submission_id=row.id, version=row.version, verdict=verdict, scores=scores(session, row, share),
        comment_md=comment, actor=actor, now=now,
    )  # fmt: skip


def earned(session, member_id=None):
    query = select(LedgerEntry.kind, func.count()).group_by(LedgerEntry.kind)
    return dict(session.execute(query).all())


def mails(session):
    return len(session.scalars(select(OutboxMessage.id).where(OutboxMessage.key.contains("review:"))).all())


@pytest.fixture
def held(db, make, judging, now):
    """(assignment id, submission ids) of five committed works that are judged and held."""
    work = make.assignment()
    make.judging(work, release="together")
    ids = [make.submission(work).id for _ in range(5)]
    with db.uow() as session:
        for ident in ids:
            judge(session, session.get_one(Submission, ident), judging, now, verdict="feature")
    return work.id, ids


def test_what_is_held_is_nowhere_until_the_release(db, held, judging, now):
    work_id, ids = held
    with db.session() as session:
        rows = [session.get_one(Submission, ident) for ident in ids]
        assert {(row.state, row.score, row.featured, row.reviewed_at) for row in rows} == {
            ("held", None, False, None)
        }
        assert earned(session) == {} and mails(session) == 0
        assert session.scalars(select(ShowcaseEntry.id)).all() == []
        assert _reviews(session, rows[0].member_id) == [] and check(session, now) == []
    later = now + dt.timedelta(days=3)
    with db.uow() as session:
        assert homework.bring_out_some(session, assignment_id=work_id, now=later) == 0
        homework.release(session, assignment_id=work_id, actor=judging, now=later)
        assert homework.bring_out_some(session, assignment_id=work_id, now=later) == 5
    with db.uow() as session:
        with pytest.raises(Conflict, match="already"):
            homework.release(session, assignment_id=work_id, actor=judging, now=later)
        assert homework.bring_out_some(session, assignment_id=work_id, now=later) == 0
    with db.session() as session:
        rows = [session.get_one(Submission, ident) for ident in ids]
        # The windows to appeal begin now: nobody could have read it before.
        assert {(row.state, row.score, row.reviewed_at) for row in rows} == {("accepted", 50, later)}
        assert earned(session)["homework_accepted"] == 5 and mails(session) == 5
        assert len(session.scalars(select(ShowcaseEntry.id)).all()) == 5
        assert session.scalars(select(HeldVerdict.id)).all() == [] and check(session, later) == []


def test_after_the_release_verdicts_come_out_at_once(session, make, judging, now):
    work = make.assignment()
    make.judging(work, release="together")
    homework.release(session, assignment_id=work.id, actor=judging, now=now)
    row = make.submission(work)
    judge(session, row, judging, now)
    assert row.state == "accepted" and check(session, now) == []
    with pytest.raises(Forbidden):
        homework.release(session, assignment_id=work.id, actor=make.actor(), now=now)
    with pytest.raises(Conflict, match="at once"):
        homework.release(session, assignment_id=make.assignment().id, actor=judging, now=now)


def test_whoever_gave_a_held_verdict_may_change_it(session, make, judging, now):
    work = make.assignment()
    make.judging(work, release="together")
    row = make.submission(work)
    first = judge(session, row, judging, now)
    with pytest.raises(Conflict, match="only whoever gave it"):
        judge(session, row, make.actor(roles=("instructor",)), now)
    with pytest.raises(Stale):
        homework.review(
            session, submission_id=row.id, version=1, verdict="return", scores={}, comment_md="x", actor=judging,
            now=now,
        )  # fmt: skip
    again = judge(session, row, judging, now, share=9, comment="Better words")
    assert (again.id, again.score, row.state) == (first.id, 90, "held")
    with pytest.raises(Invalid, match="Release them first"):
        make.judging(work)
    homework.release(session, assignment_id=work.id, actor=judging, now=now)
    homework.bring_out_some(session, assignment_id=work.id, now=now)
    assert (row.state, row.score, again.comment_md) == ("accepted", 90, "Better words")
    with pytest.raises(Stale):
        judge(session, row, judging, now)
    assert check(session, now) == []


def test_two_that_agree_are_held_too_and_a_member_may_leave(session, make, judging, now):
    work = make.assignment()
    make.judging(work, release="together", second_percent=100)
    row, gone = make.submission(work), make.submission(work)
    other = make.actor(roles=("instructor",))
    for one in (row, gone):
        judge(session, one, judging, now)
        judge(session, one, other, now)
        assert one.state == "held"
    with pytest.raises(Conflict, match="More than one|only whoever"):
        judge(session, row, judging, now)
    homework.forget(session, member_id=gone.member_id, now=now)
    assert check(session, now) == []
    homework.release(session, assignment_id=work.id, actor=judging, now=now)
    assert homework.bring_out_some(session, assignment_id=work.id, now=now) == 1
    assert (row.state, row.score) == ("accepted", 50) and check(session, now) == []


@pytest.mark.parametrize("dies_at", range(1, 6))
def test_killed_at_any_work_it_goes_on_and_nothing_comes_twice(db, held, judging, now, monkeypatch, dies_at):
    work_id, _ids = held
    put, seen = services_verdict.put_in_force, []

    def dying(*args, **values):
        put(*args, **values)
        seen.append(1)
        if len(seen) == dies_at:
            raise KeyboardInterrupt

    with db.uow() as session:
        homework.release(session, assignment_id=work_id, actor=judging, now=now)
    monkeypatch.setattr(services_verdict, "put_in_force", dying)

    def batches():
        while True:
            with db.uow() as session:
                if not homework.bring_out_some(session, assignment_id=work_id, now=now, limit=2):
                    return

    with pytest.raises(KeyboardInterrupt):
        batches()
    with db.session() as session:
        out = session.scalars(select(func.count()).where(Submission.state == "accepted")).one()
        # What was in the batch that died is held as before; the batches before it are out.
        assert out == (dies_at - 1) // 2 * 2 and check(session, now) == []
        assert services_release.unfinished(session) == [work_id]
    batches()
    with db.session() as session:
        assert earned(session)["homework_accepted"] == 5 and mails(session) == 5
        assert services_release.unfinished(session) == [] and check(session, now) == []


def test_batches_at_once_bring_each_work_out_once(db, held, judging, now):
    work_id, _ids = held
    with db.uow() as session:
        homework.release(session, assignment_id=work_id, actor=judging, now=now)
    outcomes = concurrently(
        db, 4, lambda session: homework.bring_out_some(session, assignment_id=work_id, now=now), retry=True
    )
    assert failed(outcomes) == [] and sum(succeeded(outcomes)) == 5
    with db.session() as session:
        assert earned(session)["homework_accepted"] == 5 and check(session, now) == []


def test_without_the_locks_batches_meet_the_constraints(db, held, judging, now, monkeypatch):
    work_id, _ids = held
    import time

    put = services_verdict.put_in_force

    def slow(*args, **values):
        time.sleep(0.02)
        put(*args, **values)

    monkeypatch.setattr(services_verdict, "put_in_force", slow)
    with db.uow() as session:
        homework.release(session, assignment_id=work_id, actor=judging, now=now)
    with locks.disabled():
        outcomes = concurrently(
            db, 4, lambda session: homework.bring_out_some(session, assignment_id=work_id, now=now)
        )
    assert failed(outcomes) or sum(succeeded(outcomes)) != 5


def test_the_job_releases_on_its_day_and_finishes_what_was_cut_short(
    app, site_db, make, work, teacher, clock, now
):
    make.judging(work, release="together", release_at=now + dt.timedelta(days=2))
    rows = [make.submission(work) for _ in range(3)]
    acting = make.actor(teacher[1], roles=("instructor",))
    with site_db.uow() as session:
        for row in rows:
            judge(session, session.get_one(Submission, row.id), acting, now)
    with app.app_context():
        state = app.extensions["qunclub"]
        assert jobs.sweep(state) == 0
        clock.advance(days=2, minutes=1)
        assert jobs.sweep(state) == 3 and jobs.sweep(state) == 0
    with site_db.session() as session:
        assert earned(session)["homework_accepted"] == 3


def test_the_page_costs_the_same_however_much_is_held(db, held, make, judging, now):
    with db.session() as session, count_statements(db.engine) as few:
        (row,) = queries_release.together(session)
        assert (row.waiting, row.held, row.out) == (0, 5, 0)
    work = make.assignment()
    make.judging(work, release="together")
    for _ in range(10):
        make.submission(work)
    with db.session() as session, count_statements(db.engine) as many:
        assert len(queries_release.together(session)) == 2
    assert few.count == many.count == 1


def test_on_pages(visit, make, work, author, teacher, site_db, now):
    day = now + dt.timedelta(days=5)
    make.judging(work, release="together", release_at=day)
    row = make.submission(work, member=author[1])
    other, client, mine = (
        make.person(name="Other", roles=("instructor",)),
        visit(teacher[0]),
        visit(author[0]),
    )
    with site_db.session() as session:
        typed = {f"score-{ident}": "5" for ident in scores(session, row, 5)}
    typed |= {"verdict": "accept", "comment_md": "SECRET WORDS"}
    url = f"/desk/{row.id}"
    post(client, f"{url}/claim")
    assert post(client, url, data={**typed, "version": "1"}).status_code == 303
    assert "when the results come out together" in text_of(client.get("/desk"))
    page = text_of(mine.get(f"/homework/{work.id}"))
    assert "Your work is reviewed" in page and "come out together on" in page and "SECRET WORDS" not in page
    assert "Reviewed, not out yet" in text_of(mine.get("/homework"))
    page = text_of(client.get(url))
    assert "You can still change your verdict" in page and "SECRET WORDS" in page and 'value="5"' in page
    page = text_of(visit(other[0]).get(url))
    assert "SECRET WORDS" in page and 'name="verdict"' not in page
    assert post(client, url, data={**typed, "version": "2", "comment_md": "OTHER WORDS"}).status_code == 303
    assert 'data-label="Homework"' in text_of(client.get("/desk?state=held"))
    page = text_of(client.get("/desk/release"))
    assert "1 verdict comes out now" in page and mine.get("/desk/release").status_code == 403
    assert post(mine, f"/desk/release/{work.id}").status_code == 403
    assert post(client, f"/desk/release/{work.id}").status_code == 303
    assert "Released: 1 result is out." in text_of(client.get("/desk/release"))
    assert post(client, f"/desk/release/{work.id}").status_code == 409
    assert "OTHER WORDS" in text_of(mine.get(f"/homework/{work.id}"))


def test_nothing_is_held_says_how_it_would_be(visit, teacher):
    assert "Nothing is held" in text_of(visit(teacher[0]).get("/desk/release"))
