"""Rules have versions: a change never rewrites the past, and every line names the rule that gave it."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import delete, select

from qunclub import points
from qunclub.kernel import Actor, Invalid, Stale
from qunclub.points import doctor, queries_rulebook
from qunclub.points.models import LedgerEntry, PointRule, PointRuleVersion
from tests.support.concurrency import concurrently, failed, succeeded
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements
from tests.support.tampering import tampering

ADMIN = Actor("test:admin", "Ada", roles=frozenset({"admin"}))
NEW = (
    "review_by_core", "event_hosted", "lesson_delivered", "topic_led", "referral_stayed",
    "check_in_streak",
)  # fmt: skip


def change(session, now, **values):
    given = {"kind": "homework_on_time", "amount": 9, "active": True, "actor": ADMIN, "now": now} | values
    return points.set_rule(session, **given)


def test_a_line_keeps_the_rule_that_gave_it_and_the_old_rule_stays_readable(session, make, now):
    member = make.member(number=True)
    old = make.earn(member, 5, kind="homework_on_time")
    change(session, now + dt.timedelta(days=1), honours=2, reason="It  is worth\nmore")
    new = make.earn(member, 9, kind="homework_on_time")
    back = points.reverse(session, entry_id=old.id, reason="late after all", actor=ADMIN, now=now)
    assert [line.rule_version for line in (old, new, back)] == [1, 2, 1]
    assert new.honours == 2
    second, first = queries_rulebook.forms_of(session, "homework_on_time")
    assert (first.version.amount, first.version.honours, first.until) == (5, 0, now + dt.timedelta(days=1))
    assert (second.version.amount, second.version.honours, second.until) == (9, 2, None)
    assert (second.version.actor_name, second.version.reason) == ("Ada", "It is worth more")
    assert doctor.check(session, now) == []


def test_a_rule_is_written_down_with_its_first_line(session, make, now):
    assert queries_rulebook.forms_of(session, "granted") == []
    make.earn(make.member(number=True), 5)
    assert [form.version.version for form in queries_rulebook.forms_of(session, "granted")] == [1]
    # A kind that came with a later version of the club than its rules.
    with tampering(session, "qunclub_point_rule_version"):
        for table in (PointRule, PointRuleVersion):
            session.execute(delete(table).where(table.kind == "topic_led"))
    change(session, now, kind="topic_led", amount=7)
    assert [form.version.amount for form in queries_rulebook.forms_of(session, "topic_led")] == [7, 10]


def test_nothing_changed_is_no_version(session, now):
    assert change(session, now).version == 2
    assert change(session, now).version == 2
    assert change(session, now, active=False).version == 3


def test_what_cannot_be_a_rule_is_refused_by_name(session, now):
    for field, value in (("amount", 10_001), ("honours", 11), ("honours", -1), ("reason", "x" * 501)):
        with pytest.raises(Invalid) as refused:
            change(session, now, **{field: value})
        assert refused.value.field == field
    change(session, now, version=1)
    with pytest.raises(Stale):
        change(session, now, version=1, amount=3)


def test_kinds_that_nothing_gives_yet_are_there_and_off(session, make, now):
    in_force = points.rules_in_force(session)
    assert all(not in_force[kind].active for kind in NEW)
    member = make.member(number=True)
    given = {"member_id": member.id, "occurred_at": now, "now": now, "actor": ADMIN}
    assert points.award(session, kind="event_hosted", source="event:1", **given) is None
    change(session, now, kind="event_hosted", amount=30)
    line = points.award(session, kind="event_hosted", source="event:1", **given)
    assert line is not None and (line.amount, line.rule_version) == (30, 2)


def test_of_many_admins_who_change_the_shown_rule_one_does(db, now):
    def one(session, index):
        return change(session, now, amount=20 + index, version=1).version

    outcomes = concurrently(db, 12, one, retry=True)
    assert succeeded(outcomes) == [2]
    assert all(isinstance(error, Stale) for error in failed(outcomes))
    with db.session() as session:
        versions = select(PointRuleVersion.version).where(PointRuleVersion.kind == "homework_on_time")
        assert sorted(session.scalars(versions)) == [1, 2]


def test_the_doctor_sees_a_rule_that_is_gone(session, make, now):
    make.earn(make.member(number=True), 5)
    with tampering(session, "qunclub_point_rule_version"):
        session.execute(delete(PointRuleVersion))
    assert any("name a rule" in finding.message for finding in doctor.check(session, now))


@pytest.fixture
def admin(client, make):
    return in_language(sign_in(client, make.account(roles=("admin",))), "en")


def test_rules_are_changed_one_by_one(admin, site_db):
    assert "Handed in on time" in text_of(admin.get("/admin/points/rules"))
    path = "/admin/points/rules/homework_on_time"
    data = {
        "homework_on_time-amount": "8", "homework_on_time-active": "y", "homework_on_time-honours": "0",
        "homework_on_time-reason": "Too few came in time", "homework_on_time-version": "1",
    }  # fmt: skip
    assert post(admin, path, data).status_code == 303
    with site_db.session() as session:
        rule = session.get_one(PointRule, "homework_on_time")
        assert (rule.amount, rule.active, rule.version) == (8, True, 2)
    refused = post(admin, path, {**data, "homework_on_time-amount": "-4"})
    assert refused.status_code == 422 and "Too few came in time" in text_of(refused)
    # The form of before: somebody else was quicker.
    stale = post(admin, path, {**data, "homework_on_time-amount": "12"})
    assert stale.status_code in (409, 422) and "Nothing was overwritten" in text_of(stale)
    off = {"homework_accepted-honours": "0", "homework_accepted-version": "1"}
    assert post(admin, "/admin/points/rules/homework_accepted", off).status_code == 303
    with site_db.session() as session:
        assert session.get_one(PointRule, "homework_accepted").active is False
    assert post(admin, "/admin/points/rules/wishes", {}).status_code == 404
    history = text_of(admin.get("/points/rules/homework_on_time"))
    assert "Version 2" in history and "Version 1" in history and "Too few came in time" in history
    assert "规则" in text_of(in_language(admin, "zh").get("/points/rules/homework_on_time"))
    assert admin.get("/points/rules/wishes").status_code == 404


def test_a_member_reads_each_line_and_goes_from_it_to_its_correction_and_back(client, make, site_db, now):
    account, me = make.person(number=7)
    wrong = make.earn(me, 15, reason="Helped out")
    giver = make.account(name="Ada", roles=("admin",))
    other = make.earn(make.member(number=8), 3)
    sign_in(client, giver)
    client.get("/")
    in_language(client, "en")
    assert post(client, f"/admin/points/{wrong.id}/reverse", {"reason": "Somebody else"}).status_code == 303
    in_language(sign_in(client, account), "en")
    with site_db.session() as session:
        back = session.scalars(select(LedgerEntry).where(LedgerEntry.reverses_id == wrong.id)).one()
    listed = text_of(client.get("/me/points"))
    for line in (wrong, back):
        assert f"/me/points/{line.id}" in listed
    page = text_of(client.get(f"/me/points/{wrong.id}"))
    assert "Helped out" in page and "Somebody else" in page and f"/me/points/{back.id}" in page
    assert "/points/rules/granted#v1" in page
    page = text_of(client.get(f"/me/points/{back.id}"))
    assert "by Ada" in page and f"/me/points/{wrong.id}" in page and "-15" in page
    for stranger in (other.id, 999_999):
        assert client.get(f"/me/points/{stranger}").status_code == 404
    with count_statements(site_db.engine) as seen:
        client.get(f"/me/points/{wrong.id}")
    assert seen.count <= 6, seen
