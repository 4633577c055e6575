"""An error at any statement of a grant leaves nothing behind, the next look grants once; leaving forgets the person."""

import pytest
from sqlalchemy import func, select

from qunclub import homework, rewards
from qunclub.home.export import export
from qunclub.home.leaving import leave
from qunclub.kernel import Actor
from qunclub.kernel.outbox import OutboxMessage
from qunclub.members.models import Member
from qunclub.orders.models import Order, OrderEvent, Payment, Refund
from qunclub.orders.models_selling import Coupon
from qunclub.rewards import doctor, services
from qunclub.rewards.models import TuitionCase
from tests.orders.test_faults import Fault, Saboteur
from tests.rewards.test_tuition import ADMIN, DAY, SYSTEM, accepted, bought, case_of, look, promise, school

__all__ = ["school"]
WRITTEN = (Refund, Coupon, OutboxMessage, OrderEvent, Payment)


@pytest.fixture
def earned(db, make, now):
    """``earned(kind)``: a case that a look would grant; its id."""

    def build(kind):
        course = make.course()
        school = make.plan(price=10_000, courses=[course]), [make.assignment(course=course)]
        with db.uow() as session:
            promise(session, school, now, works=1, kind=kind)
        _order, member = bought(make, school)
        row = make.submission(school[1][0], member=member)
        with db.uow() as session:
            rewards.enrol(session, now=now)
            homework.review(
                session, submission_id=row.id, version=1, verdict="accept", scores={}, comment_md="", score=90,
                actor=SYSTEM, now=now,
            )  # fmt: skip
            return case_of(session).id

    return build


def books(db):
    with db.session() as session:
        counts = tuple(session.scalar(select(func.count()).select_from(model)) for model in WRITTEN)
        case, order = case_of(session), session.scalars(select(Order)).one()
        refunded = session.scalars(select(Payment.refunded)).one()
        return counts, case.state, case.amount, case.ref, case.settled_at, order.refunded, refunded


def consider(db, case_id, now):
    with db.uow() as session:
        return rewards.consider(session, case_id=case_id, actor=SYSTEM, now=now)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("kind", ["refund", "credit"])
def test_a_fault_at_every_statement_of_a_grant(db, earned, now, kind, moment):
    case_id = earned(kind)
    untouched = books(db)
    steps = 0
    while True:
        with Saboteur(db.engine, steps, moment) as saboteur:
            try:
                state = consider(db, case_id, now)
            except Fault:
                assert books(db) == untouched, f"step {steps} left something behind"
            else:
                break
        steps += 1
    assert state == "granted" and not saboteur.fired and steps >= 10
    granted = books(db)
    # Who comes after the restart finds it done.
    assert [consider(db, case_id, now + DAY) for _ in range(2)] == ["granted"] * 2
    assert books(db) == granted
    with db.session() as session:
        given = [session.scalar(select(func.count()).select_from(one)) for one in (Refund, Coupon)]
        assert given == ([1, 0] if kind == "refund" else [0, 1]) and case_of(session).amount == 5_000
        keys = session.scalars(
            select(OutboxMessage.key).where(OutboxMessage.key.contains(f"tuition:{case_id}"))
        )
        assert sorted(key.split(":")[0] for key in keys) == (
            ["mail", "refund"] if kind == "refund" else ["mail"]
        )
        assert doctor.check(session, now) == []


@pytest.mark.parametrize("kind", ["refund", "credit"])
def test_a_crash_before_the_commit_is_made_up_for_by_the_next_look(db, earned, now, kind):
    case_id = earned(kind)
    untouched = books(db)
    with pytest.raises(Fault), db.uow() as session:
        assert rewards.consider(session, case_id=case_id, actor=SYSTEM, now=now) == "granted"
        session.flush()
        raise Fault("power cut")
    assert books(db) == untouched
    with db.session() as session:
        assert list(services.due_cases(session, after=0, now=now)) == [case_id]
    assert consider(db, case_id, now) == "granted"


def told(session):
    rows = session.scalars(select(OutboxMessage).where(OutboxMessage.key.like("mail:tuition:%")))
    return [(row.payload["template"], row.payload["context"]) for row in rows]


def test_what_is_missed_is_told_once_and_kindly(session, make, school, now):
    promise(session, school, now, works=2)
    _order, member = bought(make, school)
    accepted(session, make, school[1][0], member, now + DAY)
    assert look(session, now + 30 * DAY) == ["in_progress"] and told(session) == []
    for _ in range(3):
        assert look(session, now + 31 * DAY) == ["missed"]
    ((template, context),) = told(session)
    assert (template, context["done"], context["works"]) == ("tuition_missed", 1, 2)
    # More time, and missed again: that is another time.
    rewards.reconsider(
        session, case_id=case_of(session).id, days=2, reason="ill", actor=ADMIN, now=now + 31 * DAY
    )
    assert look(session, now + 32 * DAY) == ["in_progress"]
    assert look(session, now + 34 * DAY) == look(session, now + 35 * DAY) == ["missed"]
    assert len(told(session)) == 2
    # Whoever has no address any more is not written to.
    other = make.member()
    make.paid_order(school[0], other)
    rewards.enrol(session, now=now)
    session.get_one(Member, other.id).email = ""
    assert look(session, now + 60 * DAY) == ["missed", "missed"] and len(told(session)) == 2


def test_leaving_takes_the_words_gives_what_is_earned_and_ends_the_rest(session, make, school, now):
    promise(session, school, now, works=1)
    _order, withheld = bought(make, school)
    rewards.enrol(session, now=now)
    rewards.withhold(session, case_id=case_of(session).id, reason="COPIED FROM LIN", actor=ADMIN, now=now)
    assert "COPIED FROM LIN" in str(export(session, withheld.id, now=now)["tuition"])
    _order, running = bought(make, school)
    _order, done = bought(make, school)
    accepted(session, make, school[1][0], done, now)
    rewards.enrol(session, now=now)
    for member in (withheld, running, done):
        actor = Actor(member.user_key, member.name, member.email, frozenset({"member"}), member.id)
        leave(session, actor=actor, member_id=member.id, now=now + DAY)
    session.expire_all()
    rows = session.scalars(select(TuitionCase).order_by(TuitionCase.id)).all()
    assert [(one.state, one.amount, one.reason) for one in rows] == [
        ("withheld", 0, ""), ("ended", 0, ""), ("granted", 5_000, ""),
    ]  # fmt: skip
    assert session.scalars(select(Refund.amount)).all() == [5_000]
    assert told(session) == [] and doctor.check(session, now) == []
    assert look(session, now + 90 * DAY) == ["withheld", "ended", "granted"]
