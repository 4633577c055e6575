"""Telling members: as they chose, and nobody the same thing twice."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select, update

from qunclub import groups, notices, passes
from qunclub.kernel import Actor, Invalid, NotFound, outbox
from qunclub.members.models import Member
from qunclub.notices import doctor, queries
from qunclub.notices.models import Notice, NoticeChoice
from tests.support.concurrency import concurrently, failed, succeeded
from tests.support.statements import count_statements


def tell(session, now, *members, source="board:1", kind="mention", **more):
    facts = {"group": "Foundation 1", "title": "T", "reason": "r"}
    return notices.notify(
        session, members=[m.id for m in members], kind=kind, source=source, facts=facts, now=now, **more
    )


def unread(session, member):
    return session.scalar(select(Member.notices_unread).where(Member.id == member.id))


def mails(session):
    return session.scalars(
        select(outbox.OutboxMessage.key).where(outbox.OutboxMessage.kind == "notice")
    ).all()


def test_everybody_is_told_once(session, make, now):
    first, second = make.member(), make.member()
    assert tell(session, now, first, second) == [first.id, second.id]
    assert tell(session, now, first, second) == []
    assert tell(session, now, first, source="board:2") == [first.id]
    assert [unread(session, one) for one in (first, second)] == [2, 1]
    assert len(mails(session)) == 3
    assert doctor.check(session, now) == []


def test_each_is_told_as_they_chose(session, make, now):
    loud, calm, deaf, mailless = make.member(), make.member(), make.member(), make.member(email="")
    for member, way in ((calm, "app"), (deaf, "none")):
        notices.choose(session, member_id=member.id, ways={"mention": way})
    assert tell(session, now, loud, calm, deaf, mailless) == [loud.id, calm.id, mailless.id]
    assert len(mails(session)) == 1
    # What nobody may silence reaches even a choice that somehow got into the table.
    session.add(NoticeChoice(member_id=deaf.id, kind="removal", way="none"))
    session.flush()
    assert tell(session, now, deaf, kind="removal") == [deaf.id]
    with pytest.raises(Invalid):
        notices.choose(session, member_id=deaf.id, ways={"mention": "all", "removal": "none"})


def test_reading_is_kept(session, make, now):
    member, other = make.member(), make.member()
    for n in range(3):
        tell(session, now, member, other, source=f"board:{n}")
    page = queries.listed(session, member.id)
    assert [one.unread for one in page.items] == [True] * 3 and not page.more
    notices.open_notice(session, notice_id=page.items[2].id, member_id=member.id, now=now)
    notices.open_notice(session, notice_id=page.items[2].id, member_id=member.id, now=now)
    assert unread(session, member) == 2
    assert notices.mark_read(session, member_id=member.id, upto=page.items[1].id, now=now) == 1
    assert unread(session, member) == 1 and unread(session, other) == 3
    with pytest.raises(NotFound):
        notices.open_notice(session, notice_id=page.items[0].id, member_id=other.id, now=now)
    assert doctor.check(session, now) == []


def test_pages_follow_each_other(session, make, now):
    member = make.member()
    for n in range(queries.PER_PAGE + 2):
        tell(session, now, member, source=f"board:{n}")
    first = queries.listed(session, member.id)
    second = queries.listed(session, member.id, before=int(first.more))
    assert len(first.items) == queries.PER_PAGE and len(second.items) == 2 and not second.more


def test_many_are_told_in_few_statements(db, make, now):
    with db.uow() as session:
        for n in range(40):
            session.add(Member(user_key=f"many:{n}", name=f"M{n}", email=f"m{n}@x.example", joined_at=now))
    with db.uow() as session:
        ids = session.scalars(select(Member.id)).all()
        with count_statements(db.engine) as few:
            notices.notify(
                session, members=ids[:2], kind="mention", source="a", facts={"group": "G"}, now=now
            )
        with count_statements(db.engine) as many:
            notices.notify(session, members=ids, kind="mention", source="b", facts={"group": "G"}, now=now)
        assert many.count == few.count == 4, many


def test_told_at_the_same_moment_is_told_once(db, make, now):
    member = make.member()
    outcomes = concurrently(db, 8, lambda session: tell(session, now, member), retry=True)
    assert not failed(outcomes) and sum(len(one) for one in succeeded(outcomes)) == 1
    with db.session() as session:
        assert unread(session, member) == session.scalar(select(func.count()).select_from(Notice)) == 1


def test_read_at_the_same_moment_is_counted_once(db, make, now):
    member = make.member()
    with db.uow() as session:
        for n in range(6):
            tell(session, now, member, source=f"board:{n}")
        ids = [one.id for one in queries.listed(session, member.id).items]

    def read(session, index):
        """Some mark all, some open one, each one of their own or the same."""
        if index % 2:
            return notices.mark_read(session, member_id=member.id, upto=10**9, now=now)
        return notices.open_notice(session, notice_id=ids[index // 2], member_id=member.id, now=now).id

    outcomes = concurrently(db, 8, read, retry=True)
    assert not failed(outcomes), failed(outcomes)
    with db.session() as session:
        assert unread(session, member) == 0
        assert doctor.check(session, now) == []


def test_a_seat_and_a_removal_are_told(session, make, now):
    line = make.group_line(capacities=[1])
    seated, waiting = make.seat(line), make.seat(line)
    groups.remove_member(session, seat_id=seated.id, reason="Spam", actor=Actor.system("test"), now=now)
    told = {(one.member_id, one.kind) for one in session.scalars(select(Notice))}
    assert told == {(seated.member_id, "removal"), (waiting.member_id, "seat")}
    # They have mails of their own.
    assert mails(session) == []


def test_who_left_is_told_nothing_and_named_nowhere(session, make, now):
    from qunclub import members

    gone, stays = make.member(name="Lin", nickname=""), make.member()
    tell(session, now, gone)
    tell(session, now, stays, by=gone.id)
    assert queries.listed(session, stays.id).items[0].facts["name"] == "Lin"
    notices.forget(session, member_id=gone.id)
    members.erase(session, member_id=gone.id, now=now)
    assert tell(session, now, gone, source="later") == []
    assert queries.listed(session, stays.id).items[0].facts["name"] != "Lin"
    assert not session.scalars(select(Notice).where(Notice.member_id == gone.id)).all()
    assert doctor.check(session, now) == []


def test_the_doctor_sees_a_wrong_number(session, make, now):
    member = make.member()
    tell(session, now, member)
    session.execute(update(Member).values(notices_unread=4))
    assert [one.promise for one in doctor.check(session, now)] == [9]


def test_an_ended_pass_is_told(session, make, now):
    held = make.pass_(make.plan(title="The pass"), make.member(number=True))
    passes.revoke(session, pass_id=held.id, reason="x", now=now, actor=Actor.system("test"))
    page = queries.listed(session, held.member_id)
    assert [(one.kind, one.facts["title"]) for one in page.items] == [("money", "The pass")]
