"""The pages of memberships, disputes and the inbox: what they say, who may see and do what."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from qunclub import jobs
from qunclub.kernel import Actor
from qunclub.kernel.outbox import OutboxMessage
from qunclub.kernel.payments import GatewayUnavailable, RecurringState
from qunclub.kernel.store import AuditEntry
from qunclub.orders import services_disputes, services_inbox, services_renewals
from qunclub.orders.models import Order
from qunclub.orders.models_selling import Subscription
from qunclub.web import mailing
from tests.factories_recurring import MONTH
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

STRIPE = Actor.system("stripe")


class Quiet:
    """A gateway that does what it is told, or is away."""

    name = "stripe"

    def __init__(self) -> None:
        self.away = False
        self.told: list[tuple[str, str]] = []

    def _answer(self, what, ref, status="active"):
        if self.away:
            raise GatewayUnavailable()
        self.told.append((what, ref))
        return RecurringState(ref, status, "", "", what == "end_later", None)

    def cancel_subscription(self, ref, *, at_end, idempotency_key):
        return self._answer("end_later" if at_end else "end_now", ref, "active" if at_end else "ended")

    def resume_subscription(self, ref, *, idempotency_key):
        return self._answer("go_on", ref)

    def retrieve_subscription(self, ref):
        return self._answer("look", ref)


@pytest.fixture
def gateway(app):
    app.extensions["qunclub"].gateway = Quiet()
    return app.extensions["qunclub"].gateway


@pytest.fixture
def person(make):
    return make.person(name="Lin", email="lin@example.com")


@pytest.fixture
def account(person):
    return person[0]


@pytest.fixture
def member(client, account):
    return in_language(sign_in(client, account), "en")


@pytest.fixture
def admin(app, make):
    return in_language(sign_in(app.test_client(), make.account(name="Ada", roles=("admin",))), "en")


@pytest.fixture
def found(make, person):
    return make.membership(make.monthly(title="Studio pass"), person[1])


def failed(site_db, make, found):
    state, invoice = make.recurring(found, status="past_due"), make.unpaid_charge(found, 2)
    with site_db.uow() as session:
        services_renewals.sync(session, state=state, invoice=invoice, now=make.now + MONTH, actor=STRIPE)


def renewed(site_db, make, found, number=2):
    invoice = make.charge(found, number)
    with site_db.uow() as session:
        services_renewals.renewal(session, invoice=invoice, now=make.now + MONTH, actor=STRIPE)


def refresh(site_db, found):
    with site_db.session() as session:
        return session.get_one(Subscription, found.id)


class TestMine:
    def test_nothing_yet(self, member):
        assert "No membership" in text_of(member.get("/memberships"))

    def test_what_it_says(self, member, found):
        page = text_of(member.get("/memberships"))
        assert "Studio pass" in page
        assert "Renews by itself on" in page
        page = text_of(member.get(f"/memberships/{found.id}"))
        assert "30.00" in page
        assert "Cancel the membership" in page
        assert "First payment" in page

    def test_in_chinese(self, member, found):
        page = text_of(in_language(member, "zh").get(f"/memberships/{found.id}"))
        assert "自动续费" in page
        assert "取消会员" in page

    def test_one_that_has_not_begun_is_not_listed(self, member, make, person):
        make.order(make.monthly(title="Studio pass"), person[1])
        assert "No membership" in text_of(member.get("/memberships"))

    def test_anothers_is_not_there(self, app, make, found):
        other = sign_in(app.test_client(), make.account())
        assert other.get(f"/memberships/{found.id}").status_code == 404
        assert post(other, f"/memberships/{found.id}/cancel").status_code == 404
        assert post(other, f"/memberships/{found.id}/resume").status_code == 404

    def test_strangers_sign_in(self, client, found):
        for path in ("/memberships", f"/memberships/{found.id}"):
            assert client.get(path).status_code == 303

    def test_cancel_and_take_it_back(self, member, gateway, found, site_db):
        answer = post(member, f"/memberships/{found.id}/cancel", follow_redirects=True)
        assert "you are not charged again" in text_of(answer)
        assert "stays open until" in text_of(answer)
        assert refresh(site_db, found).cancel_at_end
        answer = post(member, f"/memberships/{found.id}/resume", follow_redirects=True)
        assert "renews by itself again" in text_of(answer)
        assert not refresh(site_db, found).cancel_at_end
        assert gateway.told == [("end_later", found.ref), ("go_on", found.ref)]
        with site_db.session() as session:
            kind = OutboxMessage.kind == "subscription_cancel"
            assert all(row.done_at for row in session.scalars(select(OutboxMessage).where(kind)))

    def test_cancelled_while_the_gateway_is_away(self, member, gateway, found, site_db, app):
        gateway.away = True
        answer = post(member, f"/memberships/{found.id}/cancel", follow_redirects=True)
        assert "Your wish is kept" in text_of(answer)
        assert refresh(site_db, found).cancel_at_end
        gateway.away = False
        with app.app_context():
            jobs.dispatch(app.extensions["qunclub"])
        assert gateway.told == [("end_later", found.ref)]

    def test_cancelling_twice_is_once(self, member, gateway, found):
        for _ in range(2):
            post(member, f"/memberships/{found.id}/cancel")
        assert gateway.told == [("end_later", found.ref)]

    def test_a_failed_renewal_says_where_to_pay(self, member, make, found, site_db):
        failed(site_db, make, found)
        for path in ("/memberships", f"/memberships/{found.id}", "/me", "/"):
            page = text_of(member.get(path))
            assert "https://pay.example/in" in page, path
            assert "could not be charged" in page, path

    def test_renewals_have_receipts(self, member, make, found, site_db):
        renewed(site_db, make, found)
        page = text_of(member.get(f"/memberships/{found.id}"))
        with site_db.session() as session:
            codes = session.scalars(select(Order.code)).all()
        assert len(codes) == 2
        for code in codes:
            assert f"/orders/{code}" in page

    def test_linked_from_orders_and_my_page(self, member, found):
        for path in ("/orders", "/me"):
            assert 'href="/memberships"' in text_of(member.get(path))

    def test_as_many_statements_for_many(self, member, make, person, found, site_db):
        member.get("/memberships")
        with count_statements(site_db.engine) as few:
            member.get("/memberships")
        for _ in range(3):
            make.membership(make.monthly(), person[1])
        with count_statements(site_db.engine) as many:
            member.get("/memberships")
        assert many.count == few.count


class TestDesk:
    def test_nothing_yet(self, admin):
        assert "No memberships yet" in text_of(admin.get("/admin/memberships"))
        assert "No disputes" in text_of(admin.get("/admin/disputes"))

    @pytest.mark.parametrize(
        "path",
        [
            "/admin/memberships",
            "/admin/memberships/{}",
            "/admin/disputes",
            "/admin/memberships/export.csv",
            "/admin/disputes/export.csv",
        ],
    )
    def test_only_admins(self, app, make, found, path):
        where = path.format(found.id)
        assert app.test_client().get(where).status_code == 303
        for roles, status in (((), 403), (("instructor",), 403), (("host",), 403), (("admin",), 200)):
            who = sign_in(app.test_client(), make.account(roles=roles))
            assert who.get(where).status_code == status

    @pytest.mark.parametrize("verb", ["cancel", "resume", "ask"])
    def test_only_admins_act(self, member, found, verb):
        assert post(member, f"/admin/memberships/{found.id}/{verb}").status_code == 403
        assert post(member, "/admin/gateway/replay-failed").status_code == 403

    def test_search_filter_and_table(self, admin, make, found, site_db):
        other = make.membership(make.monthly(title="Other pass"))
        failed(site_db, make, other)
        assert "Studio pass" in text_of(admin.get("/admin/memberships?q=Lin"))
        assert "Other pass" not in text_of(admin.get("/admin/memberships?q=Lin"))
        assert "Studio pass" in text_of(admin.get(f"/admin/memberships?q={found.ref}"))
        late = text_of(admin.get("/admin/memberships?state=past_due"))
        assert "Other pass" in late
        assert "Studio pass" not in late
        assert "No such membership" in text_of(admin.get("/admin/memberships?q=nobody"))
        table = text_of(admin.get("/admin/memberships/export.csv"))
        assert table.count("\n") == 3
        assert found.ref in table

    def test_one_with_its_story_and_actions(self, admin, gateway, found, site_db):
        page = text_of(admin.get(f"/admin/memberships/{found.id}"))
        assert "Order placed" in page
        assert "Cancel at the end" in page
        post(admin, f"/admin/memberships/{found.id}/cancel", {"when": "end"})
        assert refresh(site_db, found).cancel_at_end
        post(admin, f"/admin/memberships/{found.id}/resume")
        post(admin, f"/admin/memberships/{found.id}/cancel", {"when": "now"})
        assert refresh(site_db, found).state == "ended"
        assert [what for what, _ in gateway.told] == ["end_later", "go_on", "end_now"]
        with site_db.session() as session:
            actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
        assert [one for one in actions if one.startswith("subscription")] == [
            "subscription.cancel", "subscription.resume", "subscription.cancel",
        ]  # fmt: skip

    def test_asking_the_gateway(self, admin, gateway, found):
        answer = post(admin, f"/admin/memberships/{found.id}/ask", follow_redirects=True)
        assert "Everything here is as the payment service says" in text_of(answer)
        gateway.away = True
        answer = post(admin, f"/admin/memberships/{found.id}/ask", follow_redirects=True)
        assert "cannot be reached" in text_of(answer)

    def test_disputes(self, admin, make, site_db):
        order = make.paid_order(ref="pi_1")
        told = make.disputed("pi_1", 19_900, due_at=make.now + dt.timedelta(days=7))
        with site_db.uow() as session:
            services_disputes.notice(session, told=told, now=make.now, actor=STRIPE)
        page = text_of(admin.get("/admin/disputes"))
        assert order.code in page
        assert "Open dispute" in page
        assert "The payer does not know this payment" in page
        assert "No dispute is in this state" in text_of(admin.get("/admin/disputes?state=won"))
        assert "dp_1" in text_of(admin.get("/admin/disputes/export.csv"))

    def test_the_stripe_dashboard(self, make_app, make, site_db, found):
        app = make_app(QUNCLUB_STRIPE_KEY="sk_test_1", QUNCLUB_STRIPE_WEBHOOK_SECRETS="whsec_1")
        admin = sign_in(app.test_client(), make.account(roles=("admin",)))
        page = text_of(admin.get(f"/admin/memberships/{found.id}"))
        assert f"https://dashboard.stripe.com/test/subscriptions/{found.ref}" in page


class TestInbox:
    def test_search_by_kind_and_replay_all(self, admin, make, site_db):
        order = make.order()
        note = make.told("paid", order)
        with site_db.uow() as session:
            services_inbox.keep_failure(session, notification=note, payload="{}", error="x", now=make.now)
        page = text_of(admin.get("/admin/gateway?q=checkout"))
        assert note.id in page
        assert "Handle all that failed again" in page
        assert note.id not in text_of(admin.get("/admin/gateway?q=invoice"))
        answer = post(admin, "/admin/gateway/replay-failed", follow_redirects=True)
        assert "Failed again: 1" in text_of(answer)
        with site_db.session() as session:
            assert "gateway_event.replay_failed" in session.scalars(select(AuditEntry.action)).all()


def test_a_membership_of_a_suspended_pass_says_so(member, make, found, site_db):
    with site_db.session() as session:
        code = session.scalars(select(Order.code)).one()
    told = make.disputed(f"pi_{code}", 3_000)
    with site_db.uow() as session:
        services_disputes.notice(session, told=told, now=make.now, actor=STRIPE)
    assert "A payment is disputed" in text_of(member.get(f"/memberships/{found.id}"))


@pytest.mark.parametrize("path", ["/admin/memberships", "/admin/disputes", "/admin/gateway"])
def test_the_desks_lists_cost_the_same_with_many(admin, make, site_db, path):
    def fill(times):
        for _ in range(times):
            found = make.membership()
            with site_db.session() as session:
                order = session.scalars(select(Order).where(Order.subscription_id == found.id)).one()
            told = make.disputed(f"pi_{order.code}", 3_000, ref=f"dp_{found.id}")
            note = make.told("paid", make.order())
            with site_db.uow() as session:
                services_disputes.notice(session, told=told, now=make.now, actor=STRIPE)
                services_inbox.keep_failure(session, notification=note, payload="{}", error="x", now=make.now)

    fill(1)
    admin.get(path)
    with count_statements(site_db.engine) as few:
        assert admin.get(path).status_code == 200
    fill(3)
    with count_statements(site_db.engine) as many:
        admin.get(path)
    assert many.count == few.count


@pytest.mark.parametrize("locale", ["en", "zh"])
@pytest.mark.parametrize("template", ["renewal_failed", "renewal_reminder", "dispute_opened", "dispute_over"])
def test_the_mails_read_well(app, make, template, locale):
    money = {"amount": 3_000, "currency": "CNY"}
    until = {
        "until": make.now.isoformat(),
        "title": "Studio",
        "membership": 7,
        "pay_url": "https://pay.example/in",
    }
    context = (
        {"code": "ABC1234567", **money}
        if template.startswith("dispute")
        else {**money, **until, "last": True}
    )
    sent = []

    class Box:
        def send(self, message):
            sent.append(message)

    state = app.extensions["qunclub"]
    state.mailer = Box()
    with app.app_context():
        payload = {"to": "a@example.com", "template": template, "locale": locale, "context": context}
        mailing.deliver(state, payload, "k")
    (message,) = sent
    assert message.subject
    assert "{{" not in message.body
    if template.startswith("renewal"):
        assert "https://pay.example/in" in message.body
        assert "/memberships/7" in message.body
        assert "30.00" in message.body
    else:
        assert "/orders/ABC1234567" in message.body
    if locale == "zh":
        assert not any(word in message.body for word in ("Your", "Pay", "the "))
