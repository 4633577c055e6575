"""Memberships: what is decided without a database, and what the doctor sees."""

from __future__ import annotations

import datetime as dt

import pytest

from qunclub.kernel import Actor
from qunclub.orders import doctor_recurring, rules_disputes, rules_subscriptions, services_disputes
from tests.support.statements import count_statements

DAY = dt.timedelta(days=1)


class TestRules:
    @pytest.mark.parametrize("state", rules_subscriptions.STATES)
    @pytest.mark.parametrize("to", rules_subscriptions.STATES)
    def test_every_pair_of_states(self, state, to):
        allowed = {
            ("pending", "active"), ("pending", "ended"), ("active", "past_due"), ("active", "ended"),
            ("past_due", "active"), ("past_due", "ended"),
        }  # fmt: skip
        assert rules_subscriptions.may_move(state, to) == ((state, to) in allowed)

    @pytest.mark.parametrize(
        ("days", "step"),
        [(0, "first"), (3.4, "first"), (3.5, "midway"), (5.9, "midway"), (6, "last"), (7, None)],
    )
    def test_notices(self, now, days, step):
        told, following = rules_subscriptions.notice_due(
            past_due_since=now, grace_until=now + 7 * DAY, now=now + dt.timedelta(days=days)
        )
        assert told == step
        assert following <= now + 7 * DAY

    def test_a_short_grace_has_its_last_notice_midway(self, now):
        told, _ = rules_subscriptions.notice_due(past_due_since=now, grace_until=now + DAY, now=now + DAY / 2)
        assert told == "last"

    def test_what_the_club_wants(self):
        wish = rules_subscriptions.wish
        assert wish(state="pending", cancel_at_end=False) == "none"
        assert wish(state="active", cancel_at_end=False) == "go_on"
        assert wish(state="active", cancel_at_end=True) == "end_later"
        assert wish(state="ended", cancel_at_end=False) == "end_now"

    def test_until_when_it_can_be_resumed(self, now):
        may = rules_subscriptions.may_resume
        assert may(state="active", cancel_at_end=True, period_ends_at=now + DAY, now=now)
        assert not may(state="active", cancel_at_end=False, period_ends_at=now + DAY, now=now)
        assert not may(state="active", cancel_at_end=True, period_ends_at=now, now=now)
        assert not may(state="ended", cancel_at_end=True, period_ends_at=now + DAY, now=now)

    @pytest.mark.parametrize("known", [None, *rules_disputes.RANK])
    @pytest.mark.parametrize("told", rules_disputes.RANK)
    def test_every_pair_of_dispute_states(self, known, told):
        forward = {
            ("inquiry", "open"),
            ("inquiry", "won"),
            ("inquiry", "lost"),
            ("open", "won"),
            ("open", "lost"),
        }
        assert rules_disputes.step(known, told) == (
            told if known is None or (known, told) in forward else None
        )

    def test_a_lost_dispute_takes_no_more_than_is_left(self):
        assert rules_disputes.takes(100, 30) == 30
        assert rules_disputes.takes(20, 30) == 20
        assert rules_disputes.takes(20, 0) == 0


class TestDoctor:
    def test_it_costs_the_same_with_many(self, db, make, now):
        with db.session() as session, count_statements(db.engine) as few:
            assert doctor_recurring.check(session, now) == []
        for _ in range(3):
            make.membership()
        with db.session() as session, count_statements(db.engine) as many:
            assert doctor_recurring.check(session, now) == []
        assert many.count == few.count < 15

    @pytest.mark.parametrize(
        ("sabotage", "words"),
        [
            ("UPDATE qunclub_subscription SET pass_id = NULL", "has no pass"),
            ("UPDATE qunclub_subscription SET pass_id = NULL", "no membership names it"),
            ("UPDATE qunclub_pass SET state = 'expired', ended_at = '2020-01-01'", "its pass has expired"),
            ("UPDATE qunclub_pass SET ends_at = starts_at", "paid until another moment"),
            ("UPDATE qunclub_pass SET renews = false", "its pass does not know"),
            ("UPDATE qunclub_subscription SET state = 'ended', ended_at = created_at", "says it renews"),
            ("UPDATE qunclub_subscription SET state = 'ended'", "but not when"),
            ("UPDATE qunclub_subscription SET state = 'past_due'", "until when its pass stays open"),
            ("UPDATE qunclub_subscription SET grace_until = created_at", "without a failed renewal"),
            ("UPDATE qunclub_subscription SET ref = NULL", "has no name for it"),
            ("UPDATE qunclub_order SET invoice_ref = 'in_1', subscription_id = NULL", "names no membership"),
            ("UPDATE qunclub_order SET disputed = true", "its disputes say otherwise"),
            ("UPDATE qunclub_order SET disputed = true", "but its pass"),
            ("UPDATE qunclub_pass SET state = 'suspended'", "no open dispute is about it"),
        ],
    )
    def test_it_sees_what_is_broken(self, db, make, now, sabotage, words):
        make.membership()
        with db.engine.begin() as connection:
            connection.exec_driver_sql(sabotage)
        with db.session() as session:
            found = [finding.message for finding in doctor_recurring.check(session, now)]
        assert any(words in message for message in found), found

    @pytest.mark.parametrize(
        ("sabotage", "words"),
        [
            ("UPDATE qunclub_order SET disputed = false", "its disputes say otherwise"),
            ("UPDATE qunclub_pass SET state = 'active'", "is disputed, but its pass"),
            ("UPDATE qunclub_dispute SET closed_at = opened_at", "does not say when it ended"),
        ],
    )
    def test_it_sees_what_is_broken_about_a_dispute(self, db, make, now, sabotage, words):
        make.paid_order(ref="pi_1")
        told = make.disputed("pi_1", 19_900)
        with db.uow() as session:
            services_disputes.notice(session, told=told, now=now, actor=Actor.system("stripe"))
        with db.session() as session:
            assert doctor_recurring.check(session, now) == []
        with db.engine.begin() as connection:
            connection.exec_driver_sql(sabotage)
        with db.session() as session:
            found = [finding.message for finding in doctor_recurring.check(session, now)]
        assert any(words in message for message in found), found
