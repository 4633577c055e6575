"""Authors are told, once, when an appeal ends by itself and when their work is opened again."""

import pytest
from flask import render_template
from sqlalchemy import select

from qunclub import homework
from qunclub.homework.models_fair import WorkAppeal
from qunclub.kernel import Access, Actor, Conflict, Stale
from qunclub.kernel.outbox import OutboxMessage
from qunclub.members.models import Member
from qunclub.web.i18n import override
from tests.homework.test_fair import appeal, judge

ADMIN = Actor.system("admin")


@pytest.fixture
def judged(session, make, now):
    """``judged(verdict)``: work with a verdict and an open appeal about it."""

    def build(verdict="accept"):
        row = make.submission(make.assignment(title="旧页改造"))
        judge(session, row, make.actor(roles=("instructor",)), now, verdict=verdict)
        appeal(session, row, now)
        return row

    return build


def told(session, template):
    rows = session.scalars(
        select(OutboxMessage).where(OutboxMessage.kind == "mail").order_by(OutboxMessage.id)
    )
    return [row.payload["context"] for row in rows if row.payload["template"] == template]


def reopen(session, row, now, version=None):
    return homework.reopen(
        session, submission_id=row.id, version=version or row.version, reason=" Read too fast. ", actor=ADMIN, now=now
    )  # fmt: skip


def hand_in(session, row, now):
    member = session.get_one(Member, row.member_id)
    return homework.submit(
        session, assignment_id=row.assignment_id, member_id=member.id, body_md="Again.", files=(),
        access=Access(True, "pass"), now=now,
        actor=Actor(member.user_key, member.name, "", frozenset({"member"}), member.id),
    )  # fmt: skip


def test_an_appeal_that_ends_with_a_new_attempt_is_told_once(session, judged, now):
    row = judged("return")
    hand_in(session, row, now)
    assert session.scalars(select(WorkAppeal.state)).one() == "lapsed"
    assert [one["title"] for one in told(session, "appeal_ended")] == ["旧页改造"]
    # The next attempt comes back too; no appeal is open, so nothing is told.
    judge(session, row, ADMIN, now, verdict="return")
    hand_in(session, row, now)
    assert len(told(session, "appeal_ended")) == 1


def test_reopened_work_is_told_once_with_the_reason_and_what_ended(session, make, judged, now):
    row = judged("feature")
    seen = row.version
    reopen(session, row, now)
    for version, refused in ((seen, Stale), (row.version, Conflict)):
        with pytest.raises(refused):
            reopen(session, row, now, version)
    ((context),) = told(session, "work_reopened")
    assert (context["reason"], context["featured"], context["appeal"]) == ("Read too fast.", True, True)
    assert told(session, "appeal_ended") == []
    # Accepted and opened again: that is another time.
    hand_in(session, row, now)
    judge(session, row, ADMIN, now)
    reopen(session, row, now)
    assert [one["appeal"] for one in told(session, "work_reopened")] == [True, False]
    # Whoever has no address any more is not written to.
    other = make.submission(make.assignment())
    judge(session, other, ADMIN, now)
    session.get_one(Member, other.member_id).email = ""
    reopen(session, other, now)
    assert len(told(session, "work_reopened")) == 2


def test_a_correction_says_that_the_appeal_ended(session, make, judged, now):
    row = judged()
    values = {"verdict": "accept", "reason": "Miscounted.", "actor": ADMIN, "now": now}
    homework.correct(session, submission_id=row.id, version=row.version, score=77, **values)
    homework.correct(session, submission_id=row.id, version=row.version, score=78, **values)
    assert [one["appeal"] for one in told(session, "verdict_corrected")] == [True, False]
    assert told(session, "appeal_ended") == []


def test_the_mails_are_readable_in_both_languages(app):
    context = {
        "name": "Lin", "title": "旧页改造", "assignment_id": 7, "reason": "Read too fast.", "featured": True,
        "appeal": True, "verdict": "accept", "score": 77, "club_name": "Club", "site_url": "https://club.example",
    }  # fmt: skip
    says = {
        ("appeal_ended", "en"): ("has ended", "given back to you", "/homework/7"),
        ("appeal_ended", "zh"): ("申诉已结束", "退还给你"),
        ("work_reopened", "en"): (
            "is open again",
            "Read too fast.",
            "not in the showcase",
            "Your appeal about it",
        ),
        ("work_reopened", "zh"): ("已重新开放", "Read too fast.", "撤下", "申诉次数退还"),
        ("verdict_corrected", "en"): ("was corrected", "Your appeal about it"),
        ("verdict_corrected", "zh"): ("申诉次数退还",),
    }
    for (template, code), words in says.items():
        with app.test_request_context():
            override(code)
            text = render_template(f"qunclub/mail/{template}.txt", **context)
        assert text.startswith("Subject: ") and all(word in text for word in words), text
        assert "\n\n\n" not in text, text
