"""The host's rows and the club's in one transaction of the host's: both, or neither."""

import warnings

import full
from full import Invoice, User, db
from sqlalchemy import func, select

from qunclub import members, order_paid, orders
from qunclub.kernel import Actor, mail
from qunclub.members.models import Member
from qunclub.orders.models import Order
from qunclub.passes.models import Pass, Plan
from qunclub.web import club, now, unit_of_work
from qunclub.web.uow import joined

warnings.simplefilter("error")
app = full.create_app()
told = []
order_paid.connect(lambda _sender, **facts: told.append(facts), sender=app, weak=False)


def counts():
    db.session.rollback()
    return [db.session.scalar(select(func.count()).select_from(model)) for model in (Invoice, Order, Pass)]


def sell(ref, *, look_first):
    """The host writes an invoice and the club sells a pass for it."""
    if look_first:
        # The host has read already, as it does when somebody is signed in.
        user = db.session.scalars(select(User).where(User.email == "lin@example.org")).one()
        plan = db.session.scalars(select(Plan)).one()
    with joined(db.session()) as session:
        if not look_first:
            user = session.scalars(select(User).where(User.email == "lin@example.org")).one()
            plan = session.scalars(select(Plan)).one()
        member = members.ensure(session, identity=Actor(f"user:{user.id}", "Lin", user.email), now=now())
        session.add(Invoice(user_id=user.id, number=ref))
        orders.buy_offline(
            session, member_id=member.id, plan_id=plan.id, ref=ref, now=now(), actor=Actor.system("host")
        )
        facts = {"group": "Learners", "slug": "learners", "name": "Lin"}
        mail.send(
            session, to=user.email, template="seat_admitted", context=facts, locale="en", key=ref, now=now()
        )


with app.app_context():
    assert counts() == [0, 0, 0]

    # The host changes its mind: nothing stays, not even the number.
    sell("first", look_first=True)
    assert db.session.scalar(select(func.count()).select_from(Pass)) == 1
    assert counts() == [0, 0, 0]
    assert db.session.scalar(select(func.count()).select_from(Member).where(Member.number.is_not(None))) == 0

    # The club refuses: what the host wrote is the host's to keep or not, and it does not.
    try:
        with joined(db.session()) as session:
            session.add(Invoice(user_id=1, number="second"))
            session.flush()
            raise ValueError("the club said no")
    except ValueError:
        pass
    assert counts() == [0, 0, 0]

    # The host commits: all of it, and the number is the first one.
    for ref, look_first in (("third", True), ("fourth", False)):
        sell(ref, look_first=look_first)
        db.session.commit()
    assert counts() == [2, 2, 2]
    assert db.session.scalars(select(Member.number).where(Member.number.is_not(None))).all() == [1]
    db.session.rollback()
    assert told == [], "what the host commits, the host knows"

    # Without `joined`, a unit of work of the club commits what the host had pending on the same session.
    db.session.add(Invoice(user_id=1, number="pending"))
    with unit_of_work():
        pass
    assert counts() == [3, 2, 2]

    # Two units of work on one session are never one.
    with unit_of_work():
        try:
            with unit_of_work():
                raise AssertionError("a second unit of work was opened")
        except RuntimeError:
            pass

    # Mail and other outside work of a joined transaction wait in the outbox for the next sweep.
    done = app.test_cli_runner().invoke(args=["qunclub", "jobs"])
    assert done.exit_code == 0, done.output
    sent = club().mailer.messages()
    assert len(sent) == 2, done.output
    assert all("/club/groups/learners" in one["body"] for one in sent), sent
print("together or not at all")
