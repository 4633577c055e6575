"""What members are told by mail, in both languages; and that busy reads follow an index."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text

from qunclub import house as room
from qunclub.house.models import Report
from qunclub.kernel.mail import MailMessage
from qunclub.kernel.outbox import OutboxMessage
from qunclub.web import mailing


@pytest.mark.parametrize(("locale", "said"), [("en", "appeal until"), ("zh", "前申诉")])
def test_mails_say_why_what_remains_and_how_to_appeal(app, make, site_db, now, locale, said, monkeypatch):
    house = make.house()
    with site_db.uow() as session:
        for member in (house.member, house.other):
            session.merge(member).locale = locale
    for act in ("warning", "mute", "removal"):
        line = make.sanctioned(house, act, days=3 if act == "mute" else 0)
    with site_db.uow() as session:
        appeal = room.open_appeal(
            session, sanction_id=line.id - 1, member_id=house.member.id, reason="No.", now=now
        )
        room.decline(session, appeal_id=appeal.id, answer="It stands.", actor=house.admin, now=now)
        room.overturn(session, sanction_id=line.id, reason="Sorry.", actor=house.admin, now=now)
    make.reported(house)
    with site_db.uow() as session:
        report = session.scalars(select(Report)).one()
        room.dismiss(session, report_id=report.id, answer="A song.", actor=house.host, now=now)
    sent: list[MailMessage] = []
    state = app.extensions["qunclub"]
    monkeypatch.setattr(state.mailer, "send", sent.append)
    with app.app_context(), site_db.session() as session:
        for message in session.scalars(select(OutboxMessage).where(OutboxMessage.kind == "mail")):
            if message.payload["template"].startswith("house_"):
                mailing.deliver(state, message.payload, message.key)
    assert len(sent) == 6 and all(one.subject and "{" not in one.body for one in sent)
    told = [one.body for one in sent if "You shouted." in one.body]
    assert len(told) == 3 and all(said in body and "/me/standing" in body for body in told)
    for words in ("It stands.", "Sorry.", "A song."):
        assert any(words in one.body for one in sent), words


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
def test_busy_reads_follow_an_index(db, make):
    make.house()
    with db.session() as session:
        for statement in (
            "SELECT 1 FROM qunclub_mute WHERE group_id = 1 AND lifted_at IS NULL "
            "AND (member_id IS NULL OR member_id = 2)",
            "SELECT 1 FROM qunclub_house_schedule WHERE line_id = 1 AND (group_id IS NULL OR group_id = 1)",
            "SELECT 1 FROM qunclub_violation WHERE member_id = 1 AND at > '2026-01-01'",
            "SELECT 1 FROM qunclub_report WHERE state = 'open' AND subject_kind = 'x' AND subject_id = 1 "
            "AND group_id = 1",
            "SELECT 1 FROM qunclub_sanction WHERE member_id = 1 ORDER BY id DESC LIMIT 20",
        ):
            plan = " ".join(row[3] for row in session.execute(text("EXPLAIN QUERY PLAN " + statement)))
            assert "INDEX" in plan and "SCAN" not in plan, (statement, plan)
