"""Kinds that a room gives and kinds that none does: what is said of them is true."""

import re

import pytest

from qunclub import courses, points
from qunclub.kernel import Actor
from qunclub.points.models import LedgerEntry
from qunclub.points.rules import KINDS, UNAWARDED
from tests.architecture.rules import PACKAGE

ADMIN = Actor.system("test")


def switch(session, kind, now, *, active=True):
    points.set_rule(session, kind=kind, amount=KINDS[kind].amount, active=active, actor=ADMIN, now=now)


def lines(session, kind):
    return session.query(LedgerEntry).filter(LedgerEntry.kind == kind).order_by(LedgerEntry.id).all()


def test_every_kind_is_given_somewhere_or_said_not_to_be():
    source = "\n".join(
        path.read_text()
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.relative_to(PACKAGE).parts[0] not in ("points", "demo", "replay", "levels")
        # It only tells members what a kind is worth.
        and path.name != "rules_hints.py"
    )
    given = {kind for kind in KINDS if re.search(rf"[\"']{kind}[\"']", source)} | {"granted"}
    assert set(KINDS) - given == UNAWARDED


@pytest.mark.parametrize("kind", sorted(UNAWARDED))
def test_the_public_verb_gives_them_once_when_they_are_switched_on(session, make, now, kind):
    member = make.member(number=True)
    given = {"member_id": member.id, "kind": kind, "occurred_at": now, "now": now, "actor": ADMIN}
    assert points.award(session, **given, source=f"{kind}:0") is None
    switch(session, kind, now)
    line = points.award(session, **given, source=f"{kind}:1")
    assert line is not None and line.amount == KINDS[kind].amount
    assert points.award(session, **given, source=f"{kind}:1") is None


def lesson(session, course, author, now, **values):
    return courses.add_lesson(
        session, course_id=course.id, slug=values.pop("slug", "one"), title="One", body_md="Text.", now=now,
        actor=author, **values,
    )  # fmt: skip


def save(session, row, author, now, **values):
    return courses.update_lesson(
        session, lesson_id=row.id, version=row.version, slug=row.slug, title=row.title, body_md="More.", now=now,
        actor=author, **values,
    )  # fmt: skip


def test_a_lesson_earns_its_author_once_when_readers_first_see_it(session, make, now):
    switch(session, "lesson_delivered", now)
    writer = make.member(number=True, roles=("instructor",))
    author, editor = make.actor(writer), make.actor(make.member(number=True, roles=("instructor",)))
    course = courses.create(session, slug="c", title="C", now=now, actor=ADMIN)
    first = lesson(session, course, author, now, state="draft")
    second = lesson(session, course, author, now, slug="two")
    assert lines(session, "lesson_delivered") == []
    courses.publish(session, course_id=course.id, now=now, actor=ADMIN)
    assert [line.source for line in lines(session, "lesson_delivered")] == [f"lesson:{second.id}:delivered"]
    save(session, first, editor, now, state="published")
    earned = lines(session, "lesson_delivered")
    assert [(line.member_id, line.amount) for line in earned] == [(writer.id, 50)] * 2
    save(session, first, editor, now, state="draft")
    save(session, first, editor, now, state="published")
    assert len(lines(session, "lesson_delivered")) == 2 and first.delivered_at == now


def test_what_was_seen_while_the_rule_was_off_earns_nothing_later(session, make, now):
    author = make.actor(make.member(number=True, roles=("instructor",)))
    course = courses.create(session, slug="c", title="C", now=now, actor=ADMIN)
    courses.publish(session, course_id=course.id, now=now, actor=ADMIN)
    row = lesson(session, course, author, now)
    switch(session, "lesson_delivered", now)
    save(session, row, author, now)
    # A writer without a number, and a lesson out of a folder, earn nothing.
    lesson(session, course, make.actor(make.member(roles=("instructor",))), now, slug="two")
    lesson(session, course, author, now, slug="three", written=False)
    assert lines(session, "lesson_delivered") == []
