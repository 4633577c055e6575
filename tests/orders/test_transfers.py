"""Transfers as a second way to pay: choosing, proofs, the admin's word, reminders, the end; on both databases."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from qunclub import orders
from qunclub.kernel import Actor, Conflict, Invalid, NotFound, Stale, outbox, store
from qunclub.orders import (
    jobs_transfers,
    rules_transfers,
    services,
    services_proofs,
    services_transfers,
    transfer_settings,
)
from qunclub.orders.models import Order, OrderEvent, Payment
from qunclub.orders.models_money import TransferProof
from qunclub.orders.services_proofs import KeptFile
from qunclub.passes.models import Pass, Plan
from tests.concurrency.races import fetch, findings, meeting, number_of
from tests.support.concurrency import concurrently, failed, succeeded

ADMIN = Actor("admin", "Ada", roles=frozenset({"admin"}))
BEN = Actor("ben", "Ben", roles=frozenset({"admin"}))
DAY = dt.timedelta(days=1)


def mails(session):
    rows = session.scalars(select(outbox.OutboxMessage).order_by(outbox.OutboxMessage.id))
    return [row.payload["template"] for row in rows if row.kind == "mail"]


def story(session, order):
    rows = session.scalars(select(OrderEvent).where(OrderEvent.order_id == order.id).order_by(OrderEvent.id))
    return [row.note for row in rows]


def confirm(session, order, now, *, ref="bank-1", amount=None, seen=None, actor=ADMIN):
    if seen is None:
        seen = [one.id for one in services_proofs.proofs_of(session, order.id) if one.state == "submitted"]
    return services_proofs.confirm(
        session,
        order_code=order.code,
        ref=ref,
        method="bank",
        amount=order.total if amount is None else amount,
        seen=seen,
        now=now,
        actor=actor,
    )


def reject(session, order, now, *, seen, reason="We see no money.", actor=BEN):
    return services_proofs.reject(
        session, order_code=order.code, seen=seen, reason=reason, days=3, now=now, actor=actor
    )


class TestRules:
    ON = rules_transfers.TransferSettings(on=True, currencies=("CNY",))

    @pytest.mark.parametrize(
        ("facts", "answer"),
        [
            ({"currency": "CNY"}, True),
            ({"currency": "cny"}, True),
            ({"currency": "USD"}, False),
            ({"currency": "CNY", "interval": "month"}, False),
            ({"currency": "CNY", "total": 0}, False),
        ],
    )
    def test_who_is_offered_it(self, facts, answer):
        assert rules_transfers.offered(self.ON, **facts) is answer

    def test_off_is_off(self):
        assert not rules_transfers.offered(
            rules_transfers.TransferSettings(currencies=("CNY",)), currency="CNY"
        )

    @pytest.mark.parametrize(("days", "hours"), [(3, 24), (2, 24), (1, 12), (7, 24)])
    def test_the_reminder_comes_a_day_before_or_half_way(self, now, days, hours):
        end = now + dt.timedelta(days=days)
        assert end - rules_transfers.remind_from(now, end) == dt.timedelta(hours=hours)

    @pytest.mark.parametrize(
        ("state", "proofs", "step"),
        [
            ("pending", [], "wait"),
            ("pending", ["submitted"], "proof"),
            ("pending", ["rejected"], "rejected"),
            ("pending", ["rejected", "submitted"], "proof"),
            ("paid", ["confirmed"], "paid"),
            ("refunded", ["confirmed"], "paid"),
            ("needs_attention", ["confirmed"], "attention"),
            ("expired", [], "over"),
            ("expired", ["submitted"], "proof"),
            ("cancelled", ["rejected"], "over"),
        ],
    )
    def test_where_the_buyer_stands(self, state, proofs, step):
        assert rules_transfers.step_of(state, proofs) == step

    def test_settings_survive_being_kept(self):
        full = rules_transfers.TransferSettings(
            True,
            {"zh": "a"},
            {"zh": "<p>a</p>"},
            "acc",
            (rules_transfers.Picture("k", "l"),),
            5,
            ("CNY", "USD"),
        )
        assert rules_transfers.settings_from(rules_transfers.kept_as(full)) == full
        assert rules_transfers.settings_from(None) == rules_transfers.TransferSettings()

    def test_instructions_fall_back_to_the_other_language(self):
        one = rules_transfers.TransferSettings(html={"zh": "<p>中</p>", "en": ""})
        assert one.instructions("en") == "<p>中</p>" == one.instructions("zh")
        assert rules_transfers.TransferSettings().instructions("en") == ""


class TestSettings:
    def test_what_was_changed_is_audited_with_what_it_was(self, session, make):
        make.transfers_on()
        make.transfers_on(account="Somebody else")
        rows = session.scalars(
            select(store.AuditEntry).where(store.AuditEntry.action == "transfers.update")
        ).all()
        assert set(rows[-1].details) == {"account"}
        assert rows[-1].details["account"] == {
            "before": "Reading Club\nBank of Lakes\n6222 0000 1111", "after": "Somebody else",
        }  # fmt: skip
        make.transfers_on(account="Somebody else")
        assert len(session.scalars(select(store.AuditEntry.id)).all()) == len(rows)

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"currencies": ()}, "currencies"),
            ({"currencies": ("YUAN",)}, "currencies"),
            ({"account": "  "}, "account"),
            ({"days": 0}, "days"),
            ({"days": 31}, "days"),
        ],
    )
    def test_what_cannot_be(self, session, make, changes, field):
        with pytest.raises(Invalid) as said:
            make.transfers_on(**changes)
        assert said.value.field == field

    def test_instructions_are_made_safe(self, session, make):
        kept = make.transfers_on(text={"zh": "<script>x</script>**好**", "en": ""})
        assert "<script" not in kept.html["zh"] and "<strong>好</strong>" in kept.html["zh"]

    def test_codes_come_and_go(self, session, make, now):
        make.transfers_on()
        for label in ("WeChat", "Alipay", "Other"):
            transfer_settings.add_picture(session, key=f"k-{label}", label=label, now=now, actor=ADMIN)
        with pytest.raises(Invalid):
            transfer_settings.add_picture(session, key="k4", label="x", now=now, actor=ADMIN)
        transfer_settings.drop_picture(session, key="k-Alipay", now=now, actor=ADMIN)
        assert [one.label for one in transfer_settings.load(session).pictures] == ["WeChat", "Other"]
        gone = session.scalars(select(outbox.OutboxMessage).where(outbox.OutboxMessage.kind == "file_delete"))
        assert [row.payload["storage_key"] for row in gone] == ["k-Alipay"]
        with pytest.raises(NotFound):
            transfer_settings.drop_picture(session, key="k-Alipay", now=now, actor=ADMIN)
        with pytest.raises(Invalid):
            transfer_settings.add_picture(session, key="k5", label=" ", now=now, actor=ADMIN)

    def test_the_last_way_to_pay_stays(self, session, make, now):
        make.transfers_on()
        transfer_settings.add_picture(session, key="k", label="WeChat", now=now, actor=ADMIN)
        make.transfers_on(account="")
        with pytest.raises(Conflict):
            transfer_settings.drop_picture(session, key="k", now=now, actor=ADMIN)

    def test_two_admins_at_once_lose_nothing(self, db, make, now):
        make.transfers_on()

        def add(session, index):
            transfer_settings.add_picture(session, key=f"k{index}", label=f"L{index}", now=now, actor=ADMIN)

        assert not failed(concurrently(db, 3, add, retry=True))
        with db.session() as session:
            assert len(transfer_settings.load(session).pictures) == 3


class TestChoosing:
    def test_the_order_waits_longer_and_its_pay_page_is_closed(self, session, make, now):
        make.transfers_on()
        order = make.order()
        services.attach_checkout(
            session, order_id=order.id, ref="cs_1", url="https://pay/1", actor=ADMIN, now=now
        )
        services_transfers.choose(session, order_code=order.code, now=now, actor=ADMIN)
        assert (order.pay_by, order.expires_at) == ("transfer", order.created_at + 3 * DAY)
        assert (order.checkout_ref, order.checkout_url) == (None, "")
        kinds = [row.kind for row in session.scalars(select(outbox.OutboxMessage))]
        assert sorted(kinds) == ["checkout_expire", "mail"] and mails(session) == ["transfer_how"]
        assert story(session, order)[-1] == services_transfers.CHOSEN
        services_transfers.choose(session, order_code=order.code, now=now + DAY, actor=ADMIN)
        assert order.expires_at == order.created_at + 3 * DAY and len(mails(session)) == 1

    def test_and_back(self, session, make, now):
        order = make.transfer_order()
        services_transfers.choose_gateway(
            session, order_code=order.code, now=now, actor=ADMIN, hold_minutes=35
        )
        assert (order.pay_by, order.expires_at) == ("gateway", now + dt.timedelta(minutes=35))

    def test_changing_ones_mind_again_and_again_gains_no_time(self, session, make, now):
        order = make.transfer_order()
        later = now + 4 * DAY
        services_transfers.choose_gateway(
            session, order_code=order.code, now=later, actor=ADMIN, hold_minutes=35
        )
        with pytest.raises(Conflict):
            services_transfers.choose(session, order_code=order.code, now=later, actor=ADMIN)

    def test_not_while_a_proof_waits(self, session, make, now):
        order = make.transfer_order()
        make.proof(order)
        with pytest.raises(Conflict):
            services_transfers.choose_gateway(
                session, order_code=order.code, now=now, actor=ADMIN, hold_minutes=35
            )

    @pytest.mark.parametrize("changes", [{"on": False}, {"currencies": ("USD",)}])
    def test_only_what_the_club_offers(self, session, make, now, changes):
        make.transfers_on(**changes)
        with pytest.raises(Conflict):
            services_transfers.choose(session, order_code=make.order().code, now=now, actor=ADMIN)

    def test_only_while_it_is_pending(self, session, make, now):
        make.transfers_on()
        paid = make.paid_order()
        for verb in (services_transfers.choose, services_transfers.choose_gateway):
            more = {"hold_minutes": 35} if verb is services_transfers.choose_gateway else {}
            with pytest.raises(Conflict):
                verb(session, order_code=paid.code, now=now, actor=ADMIN, **more)

    def test_a_page_opened_meanwhile_is_closed(self, session, make, now):
        order = make.transfer_order()
        services.attach_checkout(
            session, order_id=order.id, ref="cs_9", url="https://pay/9", actor=ADMIN, now=now
        )
        kinds = [row.key for row in session.scalars(select(outbox.OutboxMessage))]
        assert "checkout_expire:cs_9" in kinds and order.checkout_ref is None


class TestProofs:
    def test_while_one_waits_the_order_has_no_end(self, session, make):
        order = make.transfer_order()
        proof = make.proof(order)
        assert order.expires_at is None and proof.state == "submitted"
        assert story(session, order)[-1] == services_proofs.RECEIVED

    def test_the_same_file_once(self, session, make):
        order = make.transfer_order()
        make.proof(order, digest="a" * 64)
        with pytest.raises(Invalid):
            make.proof(order, digest="a" * 64)

    def test_only_so_many(self, session, make):
        order = make.transfer_order()
        for _ in range(rules_transfers.MOST_WAITING):
            make.proof(order)
        with pytest.raises(Invalid):
            make.proof(order)

    def test_only_for_ones_own_order(self, session, make, now):
        order, stranger = make.transfer_order(), make.member()
        with pytest.raises(NotFound):
            services_proofs.submit(
                session,
                order_code=order.code,
                file=KeptFile("k", "image/png", 1, "d"),
                note="",
                now=now,
                actor=make.actor(stranger),
            )

    def test_not_for_an_order_paid_online_or_paid(self, session, make, now):
        with pytest.raises(Conflict):
            make.proof(make.order())
        order = make.transfer_order()
        confirm(session, order, now, seen=[])
        with pytest.raises(Conflict):
            make.proof(order)

    def test_the_very_same_picture_for_another_order_is_seen(self, session, make):
        one, two = make.transfer_order(), make.transfer_order()
        make.proof(one, digest="b" * 64)
        proof = make.proof(two, digest="b" * 64)
        assert services_proofs.twins_of(session, [proof]) == {"b" * 64: [one.code]}
        assert services_proofs.twins_of(session, []) == {}


class TestDecisions:
    def test_confirmed(self, session, make, now):
        order = make.transfer_order()
        proof = make.proof(order)
        outcome = confirm(session, order, now)
        assert outcome.kind == "fulfilled" and order.state == "paid" and len(outcome.passes) == 1
        session.refresh(proof)
        assert (proof.state, proof.decided_by) == ("confirmed", "Ada")
        assert "receipt" in mails(session)

    def test_without_a_proof_too(self, session, make, now):
        assert confirm(session, make.transfer_order(), now).kind == "fulfilled"

    def test_another_amount_needs_attention(self, session, make, now):
        order = make.transfer_order()
        proof = make.proof(order)
        assert confirm(session, order, now, amount=order.total - 1).kind == "attention"
        session.refresh(proof)
        assert order.state == "needs_attention" and proof.state == "confirmed"
        with pytest.raises(Conflict):
            confirm(session, order, now, ref="bank-2", seen=[])

    def test_after_the_end_it_is_honoured_when_a_pass_is_left(self, session, make, now):
        order = make.transfer_order(make.plan(stock=1))
        services.expire_order(session, order_code=order.code, now=now + 3 * DAY, actor=ADMIN)
        make.proof(order)
        assert order.expires_at is not None
        assert confirm(session, order, now + 4 * DAY).kind == "fulfilled"

    def test_after_the_end_with_nothing_left_it_needs_attention(self, session, make, now):
        plan = make.plan(stock=1)
        order = make.transfer_order(plan)
        services.expire_order(session, order_code=order.code, now=now + 3 * DAY, actor=ADMIN)
        make.paid_order(plan)
        assert confirm(session, order, now + 4 * DAY, seen=[]).kind == "attention"

    def test_rejected_with_time_to_put_it_right(self, session, make, now):
        order = make.transfer_order()
        proof = make.proof(order)
        later = now + 10 * DAY
        reject(session, order, later, seen=[proof.id])
        assert order.expires_at == later + 3 * DAY and order.state == "pending"
        assert (proof.state, proof.reason, proof.decided_by) == ("rejected", "We see no money.", "Ben")
        assert mails(session)[-1] == "transfer_rejected"
        entry = session.scalars(
            select(store.AuditEntry).where(store.AuditEntry.action == "order.proof_reject")
        ).one()
        assert entry.details["reason"] == "We see no money."
        make.proof(order, now=later)
        assert order.expires_at is None

    def test_a_proof_nobody_looked_at_is_not_rejected(self, session, make, now):
        order = make.transfer_order()
        first, second = make.proof(order), make.proof(order)
        reject(session, order, now, seen=[first.id])
        assert (first.state, second.state, order.expires_at) == ("rejected", "submitted", None)

    def test_what_cannot_be_rejected(self, session, make, now):
        order = make.transfer_order()
        proof = make.proof(order)
        with pytest.raises(Invalid):
            reject(session, order, now, seen=[proof.id], reason="  ")
        with pytest.raises(Conflict):
            reject(session, order, now, seen=[])
        with pytest.raises(Stale):
            reject(session, order, now, seen=[proof.id, proof.id + 1000])

    def test_a_transfer_recorded_on_the_orders_page_decides_the_proofs(self, session, make, now):
        order = make.transfer_order()
        proof = make.proof(order)
        orders.record_transfer(
            session, order_code=order.code, ref="b", method="bank", amount=order.total, now=now, actor=ADMIN
        )
        session.refresh(proof)
        assert proof.state == "confirmed"


class TestRaces:
    def test_two_admins_confirm_one_transfer(self, db, make, now):
        order = make.transfer_order(make.plan(stock=3))
        seen = [make.proof(order).id]
        outcomes = concurrently(
            db,
            8,
            lambda session, n: confirm(session, order, now, ref=f"bank-{n}", seen=seen).kind,
            retry=True,
        )
        assert succeeded(outcomes) == ["fulfilled"]
        assert all(isinstance(one, Conflict) for one in failed(outcomes)) and len(failed(outcomes)) == 7
        assert (number_of(db, Payment), number_of(db, Pass)) == (1, 1)
        assert findings(db, now) == []

    def met(self, db, make, now, *, locked):
        order = make.transfer_order(make.plan(stock=3))
        seen = [make.proof(order).id]
        with meeting(Order, 2, locked=locked):
            return order, concurrently(
                db, 2, lambda session, n: confirm(session, order, now, ref=f"bank-{n}", seen=seen).kind
            )

    def test_they_meet_at_the_order(self, db, make, now):
        _order, outcomes = self.met(db, make, now, locked=True)
        assert succeeded(outcomes) == ["fulfilled"] and isinstance(failed(outcomes)[0], Conflict)

    def test_control_without_the_lock_both_take_themselves_for_the_first(self, db, make, now):
        _order, outcomes = self.met(db, make, now, locked=False)
        # SQLite's snapshot turns one away; PostgreSQL records the money twice.
        assert not any(isinstance(one, Conflict) for one in outcomes)

    def test_one_admin_confirms_while_the_other_rejects(self, db, make, now):
        order = make.transfer_order(make.plan(stock=3))
        seen = [make.proof(order).id]

        def act(session, index):
            if index % 2:
                return reject(session, order, now, seen=seen).state
            return confirm(session, order, now, ref=f"bank-{index}", seen=seen).kind

        outcomes = concurrently(db, 6, act, retry=True)
        won = succeeded(outcomes)
        assert len(won) == 1, outcomes
        assert all(isinstance(one, Conflict) for one in failed(outcomes))
        after = fetch(db, Order, order.id)
        proof = fetch(db, TransferProof, seen[0])
        if won == ["fulfilled"]:
            assert (after.state, proof.state, number_of(db, Pass)) == ("paid", "confirmed", 1)
        else:
            assert (after.state, proof.state, number_of(db, Payment)) == ("pending", "rejected", 0)
            assert after.expires_at is not None
        assert findings(db, now) == []

    def test_the_end_and_the_confirmation_at_once(self, db, make, now):
        plan = make.plan(stock=1)
        order = make.transfer_order(plan)
        late = now + 4 * DAY

        def act(session, index):
            if index % 2:
                return services_transfers.expire(session, order_code=order.code, now=late, actor=ADMIN)
            return confirm(session, order, late, ref="bank", seen=[]).kind

        outcomes = concurrently(db, 6, act, retry=True)
        # Whoever was first: the money is here, the pass was left, so the buyer has it.
        assert [one for one in outcomes if isinstance(one, str)] == ["fulfilled"]
        assert fetch(db, Order, order.id).state == "paid"
        assert (fetch(db, Plan, plan.id).sold, fetch(db, Plan, plan.id).held) == (1, 0)
        assert findings(db, late) == []

    def test_a_proof_and_the_end_at_once(self, db, make, now):
        order = make.transfer_order()
        late = now + 3 * DAY
        actor = Actor("buyer", "Lin", member_id=order.member_id)

        def act(session, index):
            if index:
                return services_transfers.expire(session, order_code=order.code, now=late, actor=ADMIN)
            file = KeptFile("k", "image/png", 1, "d" * 64)
            return services_proofs.submit(
                session, order_code=order.code, file=file, note="", now=late, actor=actor
            ).state

        outcomes = concurrently(db, 2, act, retry=True)
        assert outcomes[0] == "submitted"
        after = fetch(db, Order, order.id)
        # Kept without an end, or over with a proof that an admin sees all the same.
        assert (after.state, after.expires_at is None, outcomes[1]) in (
            ("pending", True, False),
            ("expired", False, True),
        )


class TestSweep:
    @pytest.fixture
    def sweep(self, app, clock):
        def run():
            with app.app_context():
                return jobs_transfers.sweep(app.extensions["qunclub"])

        return run

    def read(self, site_db, order):
        with site_db.session() as session:
            return session.get_one(Order, order.id), mails(session)

    def test_reminded_once_and_then_ended(self, sweep, site_db, make, clock, now):
        order = make.transfer_order(make.plan(stock=2))
        assert sweep() == 0
        clock.advance(days=2, minutes=1)
        assert (sweep(), sweep()) == (1, 0)
        found, sent = self.read(site_db, order)
        assert found.reminded_at == clock() and sent == ["transfer_how", "transfer_reminder"]
        clock.advance(days=1)
        assert (sweep(), sweep()) == (1, 0)
        found, sent = self.read(site_db, order)
        assert found.state == "expired" and sent[-1] == "transfer_expired"
        with site_db.session() as session:
            assert session.scalars(select(Plan.held)).one() == 0

    def test_not_while_a_proof_waits(self, sweep, site_db, make, clock):
        order = make.transfer_order()
        make.proof(order)
        clock.advance(days=30)
        assert sweep() == 0
        assert self.read(site_db, order)[0].state == "pending"

    def test_the_other_sweeper_leaves_them_alone(self, app, site_db, make, clock):
        from qunclub import jobs

        order, online = make.transfer_order(), make.order()
        clock.advance(days=4)
        with app.app_context():
            mended = jobs.sweep(app.extensions["qunclub"])
        assert mended["transfers"] == 1 and mended["orders"] == 1
        assert self.read(site_db, order)[0].state == "expired"
        assert self.read(site_db, online)[0].state == "expired"

    def test_mails_are_readable_in_both_languages(self, app, site_db, make, clock):
        from qunclub import jobs

        for locale in ("zh", "en"):
            order = make.transfer_order(locale=locale, email=f"{locale}@example.com")
            proof = make.proof(order)
            with site_db.uow() as session:
                reject(
                    session,
                    session.get_one(Order, order.id),
                    make.now,
                    seen=[proof.id],
                    reason="没看到 money",
                )
        clock.advance(days=2, minutes=5)
        with app.app_context():
            jobs.sweep(app.extensions["qunclub"])
        clock.advance(days=2)
        with app.app_context():
            jobs.sweep(app.extensions["qunclub"])
        with site_db.session() as session:
            left = session.scalars(
                select(outbox.OutboxMessage.error).where(outbox.OutboxMessage.done_at.is_(None))
            ).all()
            assert left == []
