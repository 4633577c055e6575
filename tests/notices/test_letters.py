"""Mails that are notices too: no mail of the club is forgotten, and each reader is told once, as they chose."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from sqlalchemy import select, update

from qunclub import members, notices
from qunclub.kernel import outbox
from qunclub.members.models import Member
from qunclub.notices import doctor, queries, rules, rules_letters
from qunclub.notices.models import Notice
from tests.architecture.rules import PACKAGE, ROOT
from tests.support.statements import count_statements

TEMPLATES = sorted(path.stem for path in (ROOT / "templates/qunclub/mail").glob("*.txt"))


def test_every_mail_reaches_the_bell_or_says_why_not():
    """A new template goes into one of the two tables of notices/rules_letters.py."""
    assert set(TEMPLATES) == set(rules_letters.LETTERS) | set(rules_letters.MAIL_ONLY)
    assert not set(rules_letters.LETTERS) & set(rules_letters.MAIL_ONLY)
    assert all(rules_letters.MAIL_ONLY.values())


def calls(path: Path, name: str):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in (name, f"kernel.{name}"):
            yield next((one.value for one in node.keywords if one.arg == "template"), None)


def test_mail_past_the_bell_is_only_what_says_why():
    past: dict[str, ast.expr] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        if path == PACKAGE / "notices" / "letters.py":
            continue
        for name in ("mail.send", "mail.send_many"):
            past |= {f"{path.name}:{ast.unparse(one)}": one for one in calls(path, name) if one is not None}
    assert {ast.literal_eval(one) for one in past.values()} <= set(rules_letters.MAIL_ONLY), past


@pytest.mark.parametrize("template", sorted(rules_letters.LETTERS))
def test_each_leads_to_the_page_it_speaks_of(template, app):
    bell = rules_letters.LETTERS[template]
    assert bell.kind in rules.KINDS
    (rule, *_) = [one for one in app.url_map.iter_rules(bell.endpoint) if "GET" in one.methods]
    assert rule.arguments == set(bell.args)
    context = dict.fromkeys(bell.args.values(), 1)
    for value in ("", *bell.texts, "anything"):
        text = bell.texts.get(value, bell.text) if bell.by else bell.text
        full = {
            **context,
            **dict.fromkeys(rules_letters.gaps(text), "x"),
            **({bell.by: value} if bell.by else {}),
        }
        told = rules_letters.said(template, full)
        assert told.text == text and rules.fits(told.text, told.facts)


def test_a_context_with_a_gap_is_refused():
    with pytest.raises(ValueError, match="lacks code"):
        rules_letters.said("receipt", {})
    with pytest.raises(ValueError, match="no notice"):
        rules_letters.said("reset", {"code": "A"})


def send(session, now, member, *, template="review_done", key="review:1", **more):
    notices.letter(
        session,
        member=member.id if member else None,
        template=template,
        context={"name": "x", "title": "Essay", "assignment_id": 7, "code": "A1"},
        key=key,
        now=now,
        **more,
    )


def mails(session):
    return [
        (one.payload["to"], one.payload["locale"])
        for one in session.scalars(
            select(outbox.OutboxMessage)
            .where(outbox.OutboxMessage.kind == "mail")
            .order_by(outbox.OutboxMessage.id)
        )
    ]


def bell(session, member):
    return [(one.text, one.endpoint) for one in queries.listed(session, member.id).items]


def test_told_at_the_bell_and_by_mail_once(session, make, now):
    member = make.member(email="a@x.example")
    for _ in range(2):
        send(session, now, member)
    assert bell(session, member) == [("Your homework %(title)s was reviewed", "qunclub.homework.show")]
    assert mails(session) == [("a@x.example", member.locale)]
    assert doctor.check(session, now) == []


def test_each_as_they_chose_and_without_an_address_at_the_bell(session, make, now):
    mailless, calm, deaf = (
        make.member(email=""),
        make.member(email="b@x.example"),
        make.member(email="c@x.example"),
    )
    for member, way in ((calm, "app"), (deaf, "none")):
        notices.choose(session, member_id=member.id, ways={"work": way})
    for member in (mailless, calm, deaf):
        send(session, now, member)
    assert [len(bell(session, one)) for one in (mailless, calm, deaf)] == [1, 1, 0]
    assert mails(session) == []
    # Money is always told.
    send(session, now, deaf, template="receipt", key="receipt:1")
    assert len(bell(session, deaf)) == 1 and mails(session) == [("c@x.example", deaf.locale)]


def test_a_given_address_gets_the_mail_and_the_member_the_notice(session, make, now):
    member, gone = make.member(email="a@x.example"), make.member(email="g@x.example")
    send(session, now, member, template="receipt", key="1", to="buyer@x.example", locale="en")
    send(session, now, None, template="receipt", key="2", to="stranger@x.example", locale="zh")
    send(session, now, member, template="receipt", key="3", to="")
    assert mails(session) == [("buyer@x.example", "en"), ("stranger@x.example", "zh")]
    assert len(bell(session, member)) == 2
    members.erase(session, member_id=gone.id, now=now)
    send(session, now, gone, template="receipt", key="4")
    assert len(mails(session)) == 2
    assert not session.scalars(select(Notice).where(Notice.member_id == gone.id)).all()


def test_many_are_told_in_few_statements(db, make, now):
    with db.uow() as session:
        for n in range(40):
            session.add(Member(user_key=f"many:{n}", name=f"M{n}", email=f"m{n}@x.example", joined_at=now))
    context = {"season": "Spring"}

    def tell(session, ids, source):
        many = [notices.Letter(ident, context, f"{source}:{ident}", source=source) for ident in ids]
        notices.letters(session, many, template="core_offer", now=now)

    with db.uow() as session:
        ids = session.scalars(select(Member.id)).all()
        with count_statements(db.engine) as few:
            tell(session, ids[:2], "a")
        with count_statements(db.engine) as many:
            tell(session, ids, "b")
        assert many.count == few.count == 4, many
        assert doctor.check(session, now) == []


def test_two_notices_of_one_member_at_once_are_counted(session, make, now):
    member = make.member()
    many = [notices.Letter(member.id, {"group": "A", "slug": "a"}, f"seat:{n}") for n in range(3)]
    notices.letters(session, many, template="seat_admitted", now=now)
    assert session.scalar(select(Member.notices_unread).where(Member.id == member.id)) == 3
    session.execute(update(Member).values(notices_unread=1))
    assert doctor.check(session, now) != []
