"""Bringing somebody along: only new people, only who stayed, once, capped, taken back with the money."""

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from qunclub import orders, points
from qunclub.home.export import export
from qunclub.kernel import Actor, Conflict, Invalid, locks
from qunclub.members.models import Member
from qunclub.orders import doctor_referral, services_refunds
from qunclub.orders import rules_referral as rules
from qunclub.orders import services_referral as services
from qunclub.orders.models import Order, Payment
from qunclub.orders.models_referral import Referral
from qunclub.orders.rules_referral import Facts, Terms
from qunclub.orders.rules_selling import Details
from qunclub.points.models import LedgerEntry
from tests.support.concurrency import concurrently, failed, succeeded
from tests.support.pages import in_language, post, sign_in, text_of

ADMIN = Actor.system("test")
DAY = dt.timedelta(days=1)
NOW = dt.datetime(2026, 4, 15, 4, tzinfo=dt.UTC)
moments = st.integers(-100, 100).map(lambda days: NOW + dt.timedelta(days=days))
facts_of = st.builds(
    Facts,
    order_state=st.sampled_from(("pending", "paid", "expired", "cancelled", "needs_attention", "refunded")),
    paid_at=st.none() | moments, refunded=st.integers(0, 2), disputed=st.booleans(), holds_pass=st.booleans(),
    same_payer=st.booleans(), inviter=st.booleans(), active=st.booleans(), earned=st.integers(0, 4),
)  # fmt: skip


@given(facts_of, st.builds(Terms, st.integers(1, 60), st.integers(1, 3)), moments)
def test_points_only_for_who_stayed_and_a_reason_for_every_no(facts, terms, now):
    verdict = rules.judge(facts, terms, now)
    assert (verdict.state == "void") == (verdict.why in rules.WHY)
    assert (verdict.state == "pending") == (verdict.due_at is not None)
    if verdict.state == "earned":
        assert facts.paid_at is not None and now >= facts.paid_at + terms.days * DAY
        assert facts.refunded == 0 and facts.holds_pass and facts.active and facts.earned < terms.most
        assert not facts.same_payer and not facts.disputed
    if verdict.due_at is not None:
        assert verdict.due_at > now


@pytest.mark.parametrize("terms", [Terms(0, 3), Terms(30, 0), Terms(900, 3)])
def test_terms_that_no_club_has(terms):
    with pytest.raises(Invalid):
        terms.check()


def switch(session, now, *, active=True):
    points.set_rule(session, kind=rules.KIND, amount=20, active=active, actor=ADMIN, now=now)


@pytest.fixture
def inviter(session, make, now):
    switch(session, now)
    return make.member(number=True)


def brought(session, make, inviter, moment, **values):
    """A new person who ordered by the link of *inviter* and paid."""
    buyer = values.pop("of", None) or make.member()
    order = make.order(values.pop("plan", None), buyer, **values)
    code = services.code_for(session, member_id=inviter.id, now=moment)
    row = services.keep(session, order_code=order.code, code=code.lower(), now=moment)
    orders.record_payment(
        session, order_code=order.code, provider="stripe", ref=f"pi_{make.next()}", method="card",
        amount=order.total, currency=order.currency, now=moment, actor=ADMIN,
    )  # fmt: skip
    return row, order


def decide_all(session, now):
    return [services.decide(session, referral_id=ident, now=now) for ident in services.due(session, now=now)]


def refund(session, order, now):
    paid = session.scalars(select(Payment).where(Payment.order_id == order.id)).one()
    orders.refund(
        session,
        payment_id=paid.id,
        amount=paid.amount,
        reason="Asked for.",
        key=f"r{order.id}",
        now=now,
        actor=ADMIN,
    )


def earned(session, member):
    query = select(func.sum(LedgerEntry.amount)).where(
        LedgerEntry.member_id == member.id, LedgerEntry.kind == rules.KIND
    )
    return session.scalar(query) or 0


def test_points_come_once_after_the_days_and_go_with_the_money(session, make, inviter, now):
    row, order = brought(session, make, inviter, now)
    assert decide_all(session, now + DAY) == [False] and row.due_at == now + 30 * DAY
    assert decide_all(session, now + 30 * DAY) == [True]
    assert row.state == "earned" and earned(session, inviter) == 20
    assert decide_all(session, now + 90 * DAY) == [] and doctor_referral.check(session, now) == []
    refund(session, order, now + 40 * DAY)
    assert (row.state, row.why, earned(session, inviter)) == ("taken_back", "refunded", 0)
    assert doctor_referral.check(session, now + 40 * DAY) == []


def test_money_given_back_before_earns_nothing(session, make, inviter, now):
    row, order = brought(session, make, inviter, now)
    refund(session, order, now + DAY)
    assert (row.state, row.why, row.due_at) == ("void", "refunded", None)
    assert earned(session, inviter) == 0


def test_who_counts_as_new(session, make, inviter, now):
    code = services.code_for(session, member_id=inviter.id, now=now)
    old = make.member(number=True)
    assert services.keep(session, order_code=make.order(None, old).code, code=code, now=now) is None
    own = make.order(None, inviter)
    assert services.keep(session, order_code=own.code, code=code, now=now) is None
    gift = make.order(make.plan(gift_max=3), make.member(), gift=True)
    assert services.keep(session, order_code=gift.code, code=code, now=now) is None
    free = make.order(make.plan(price=0), make.member())
    assert services.keep(session, order_code=free.code, code=code, now=now) is None
    assert services.keep(session, order_code=make.order().code, code="NOBODY", now=now) is None
    with pytest.raises(Conflict):
        services.code_for(session, member_id=make.member().id, now=now)


def test_a_ring_cannot_be(session, make, inviter, now):
    """Whoever was brought along brings nobody along who was there before: the inviter least of all."""
    row, _order = brought(session, make, inviter, now)
    newcomer = session.get_one(Member, row.member_id)
    code = services.code_for(session, member_id=newcomer.id, now=now)
    back = make.order(None, inviter)
    assert services.keep(session, order_code=back.code, code=code, now=now) is None


@pytest.mark.parametrize("same", ["email", "phone"])
def test_the_same_payer_earns_nothing(session, make, inviter, now, same):
    if same == "phone":
        plan = make.plan(asks=("phone",))
        make.paid_order(plan, inviter, details=Details(phone="138 0000 0000"))
        values = {"details": Details(phone="+86 13800000000"), "plan": plan}
    else:
        values = {"email": inviter.email.upper()}
    row, _order = brought(session, make, inviter, now, **values)
    decide_all(session, now + 30 * DAY)
    assert (row.state, row.why) == ("void", "same_payer")


def test_the_first_link_stays_and_an_unpaid_order_makes_room(session, make, inviter, now):
    other, buyer = make.member(number=True), make.member()
    first = make.order(None, buyer)
    mine = services.code_for(session, member_id=inviter.id, now=now)
    theirs = services.code_for(session, member_id=other.id, now=now)
    row = services.keep(session, order_code=first.code, code=mine, now=now)
    assert row is not None
    orders.cancel(session, order_code=first.code, now=now, actor=make.actor(buyer))
    decide_all(session, now + DAY)
    assert (row.state, row.why) == ("void", "unpaid")
    second = make.order(None, buyer)
    again = services.keep(session, order_code=second.code, code=theirs, now=now)
    assert again is row and row.by_member_id == inviter.id and row.state == "pending"


def test_the_cap_of_a_year_and_the_switch(session, make, inviter, now):
    services.save(session, terms=Terms(days=10, most=1), now=now, actor=ADMIN)
    rows = [brought(session, make, inviter, now)[0] for _ in range(2)]
    decide_all(session, now + 10 * DAY)
    assert [(row.state, row.why) for row in rows] == [("earned", ""), ("void", "capped")]
    late, _order = brought(session, make, inviter, now + 20 * DAY, now=now + 20 * DAY)
    switch(session, now + 20 * DAY, active=False)
    decide_all(session, now + 60 * DAY)
    assert late.why == "off" and services.inviter_of(session, "x") is None


def test_an_admin_ends_it_and_ones_data_tells_it(session, make, inviter, now):
    row, _order = brought(session, make, inviter, now)
    decide_all(session, now + 30 * DAY)
    services.refuse(session, referral_id=row.id, reason="The same household.", now=now, actor=ADMIN)
    assert (row.state, row.why, earned(session, inviter)) == ("taken_back", "admin", 0)
    with pytest.raises(Conflict):
        services.refuse(session, referral_id=row.id, reason="Again.", now=now, actor=ADMIN)
    told = export(session, inviter.id, now=now)
    assert told["referrals"][0]["state"] == "taken_back" and told["referral_code"]
    orders.forget_code(session, member_id=inviter.id)
    assert export(session, inviter.id, now=now)["referral_code"] == []
    assert services_refunds


def ready(db, make, now, people=1, most=12):
    inviter = make.member(number=True)
    with db.uow() as session:
        switch(session, now)
        services.save(session, terms=Terms(30, most), now=now, actor=ADMIN)
        code = services.code_for(session, member_id=inviter.id, now=now)
    idents = []
    for _ in range(people):
        order = make.order()
        with db.uow() as session:
            row = services.keep(session, order_code=order.code, code=code, now=now)
            assert row is not None
            idents.append(row.id)
            orders.record_payment(
                session, order_code=order.code, provider="stripe", ref=f"pi_{order.id}", method="card",
                amount=order.total, currency=order.currency, now=now, actor=ADMIN,
            )  # fmt: skip
    return inviter, idents


def test_many_sweeps_earn_once_and_stay_below_the_cap(db, make, now):
    inviter, idents = ready(db, make, now, people=4, most=2)
    later = now + 31 * DAY

    def decide(session, index):
        return services.decide(session, referral_id=idents[index % 4], now=later)

    outcomes = concurrently(db, 8, decide, retry=True)
    assert not failed(outcomes) and sum(outcomes) == 4
    with db.session() as session:
        states = list(session.scalars(select(Referral.state).order_by(Referral.state)))
        assert states == ["earned", "earned", "void", "void"] and earned(session, inviter) == 40


def test_control_without_the_locks_the_cap_does_not_hold(db, make, now):
    inviter, idents = ready(db, make, now, people=4, most=1)

    def decide(session, index):
        return services.decide(session, referral_id=idents[index], now=now + 31 * DAY)

    with locks.disabled():
        outcomes = concurrently(db, 4, decide)
    with db.session() as session:
        over = earned(session, inviter) > 20
    assert over or [error for error in failed(outcomes) if isinstance(error, DBAPIError)]


def test_of_many_orders_at_once_one_keeps_the_link(db, make, now):
    buyer, inviters = make.member(), [make.member(number=True) for _ in range(4)]
    codes, placed = [], []
    for one in inviters:
        with db.uow() as session:
            switch(session, now)
            codes.append(services.code_for(session, member_id=one.id, now=now))
        placed.append(make.order(make.plan(), buyer).code)

    def keep(session, index):
        row = services.keep(session, order_code=placed[index], code=codes[index], now=now)
        return row is not None

    outcomes = concurrently(db, 4, keep, retry=True)
    assert not failed(outcomes) and succeeded(outcomes)
    with db.session() as session:
        assert session.scalar(select(func.count()).select_from(Referral)) == 1


# ---- pages ----


@pytest.fixture
def visit(app):
    def browser(account=None, language="en"):
        client = app.test_client()
        if account is not None:
            sign_in(client, account)
        return in_language(client, language)

    return browser


def test_the_whole_way_through_the_pages(app, visit, make, site_db, clock, now):
    account, me = make.person(name="Inviter", number=True)
    admin = make.account(roles=("admin",))
    client = visit(account)
    assert "earns nothing at present" in text_of(client.get("/me/referral"))
    assert "/me/referral" not in text_of(client.get("/me"))
    assert "switched off" in text_of(visit(admin).get("/admin/referrals"))
    with site_db.uow() as session:
        switch(session, now)
    assert "/me/referral" in text_of(client.get("/me"))
    assert post(client, "/me/referral").status_code == 303
    page = text_of(client.get("/me/referral"))
    link = page.split('readonly value="')[1].split('"')[0]
    path = "/r/" + link.rsplit("/", 1)[1]
    assert visit().get("/r/NOTHING").status_code == 404
    friend, person = make.person(name="Friend")
    browser = visit(friend)
    landing = text_of(browser.get(path))
    assert "Inviter gets 20 points" in landing and "邀请你" in text_of(visit(None, "zh").get(path))
    assert post(browser, path, {"tell": "1"}).status_code == 303
    plan = make.plan(slug="ticket")
    form = {"pay_by": "gateway"}
    assert post(browser, "/passes/ticket/order", form).status_code in (302, 303)
    with site_db.session() as session:
        row = session.scalars(select(Referral)).one()
        assert (row.member_id, row.by_member_id, row.state) == (person.id, me.id, "pending") and plan
        assert session.get_one(Order, row.order_id).member_id == person.id
    page = text_of(client.get("/me/referral"))
    assert "waiting" in page and "Friend" not in page
    listed = text_of(visit(admin).get("/admin/referrals"))
    assert "Inviter" in listed and "Friend" in listed
    bad = post(visit(admin), "/admin/referrals", {"days": "0", "most": "3"})
    assert bad.status_code == 422
    assert post(visit(admin), "/admin/referrals", {"days": "14", "most": "3"}).status_code == 303
    assert post(visit(admin), f"/admin/referrals/{row.id}/end", {"reason": "A test."}).status_code == 303
    assert "nothing earned" in text_of(client.get("/me/referral"))
    assert visit(account).get("/admin/referrals").status_code == 403
    assert post(visit(account), f"/admin/referrals/{row.id}/end", {"reason": "x"}).status_code == 403


def test_without_the_invitation_nothing_is_kept(visit, make, site_db, now):
    account, _me = make.person(name="Inviter", number=True)
    with site_db.uow() as session:
        switch(session, now)
    post(visit(account), "/me/referral")
    page = text_of(visit(account).get("/me/referral"))
    path = "/r/" + page.split('readonly value="')[1].split('"')[0].rsplit("/", 1)[1]
    friend, _person = make.person(name="Friend")
    browser = visit(friend)
    post(browser, path, {"tell": "1"})
    post(browser, path, {"tell": "0"})
    make.plan(slug="ticket")
    post(browser, "/passes/ticket/order", {"pay_by": "gateway"})
    with site_db.session() as session:
        assert session.scalar(select(func.count()).select_from(Referral)) == 0
        assert session.scalar(select(func.count()).select_from(Order)) == 1
    assert replace(Terms(), days=3).days == 3
