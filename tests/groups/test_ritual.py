"""What a line asks of newcomers: the rules, the verbs, and that two windows make one introduction."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from qunclub import groups
from qunclub.groups import queries_ritual, rules_ritual
from qunclub.groups.models_ritual import Introduction, RitualMark
from qunclub.kernel import Actor, Invalid, NotFound, Stale
from tests.support.concurrency import concurrently

ADMIN = Actor("test:admin", "Admin", roles=frozenset({"admin"}))
DAY = dt.timedelta(days=1)


def ask(
    session, line, now, *, questions="Who?\nWhere?", title="Look around", text="Open *one* page.", version=0
):
    return groups.set_ritual(
        session,
        line_id=line.id,
        version=version,
        questions_typed=questions,
        task_title=title,
        task_md=text,
        actor=ADMIN,
        now=now,
    )


@given(st.lists(st.text(max_size=30), max_size=5))
def test_questions_are_kept_in_order_without_doubles(lines):
    typed = "\n".join(lines)
    said = list(dict.fromkeys(one.strip() for one in typed.splitlines() if one.strip()))
    if len(said) > rules_ritual.MOST_QUESTIONS:
        with pytest.raises(Invalid):
            rules_ritual.questions(typed)
    else:
        assert rules_ritual.questions(typed) == said


@pytest.mark.parametrize("typed", ["\n".join("abcdef"), "x" * 121])
def test_too_much_is_refused(typed):
    with pytest.raises(Invalid) as refused:
        rules_ritual.questions(typed)
    assert refused.value.field == "questions"


@given(st.lists(st.text(max_size=600), max_size=4))
def test_answers_stand_beside_their_questions_or_name_the_field(given_):
    asked = ["one", "two"]
    try:
        found = rules_ritual.answers(asked, given_)
    except Invalid as refused:
        index = int((refused.field or "").removeprefix("answer_"))
        text = given_[index].replace("\r\n", "\n").strip() if index < len(given_) else ""
        assert not 0 < len(text) <= rules_ritual.LONGEST_ANSWER
    else:
        assert [one["ask"] for one in found] == asked and all(one["text"] for one in found)


def test_what_is_asked_is_kept_and_a_stale_save_refused(session, make, now):
    line = make.group_line()
    row = ask(session, line, now)
    assert (row.questions, row.task_title, row.version) == (["Who?", "Where?"], "Look around", 1)
    assert "<em>one</em>" in row.task_html
    with pytest.raises(Stale):
        ask(session, line, now, questions="Else?")
    with pytest.raises(Invalid):
        ask(session, line, now, title=" ", version=1)


def test_who_had_a_seat_before_is_not_asked(session, make, now):
    line = make.group_line(capacities=[5])
    old, new = make.seat(line), make.seat(line)
    ask(session, line, now + DAY)
    new.asked_at = now + DAY
    session.flush()
    assert groups.asked_of(session, old).introduced and not groups.asked_of(session, old).questions
    asked = groups.asked_of(session, new)
    assert list(asked.questions) == ["Who?", "Where?"] and not asked.introduced
    # Questions that change later do not make anybody a newcomer again.
    ask(session, line, now + 9 * DAY, questions="Why?", version=1)
    assert not groups.asked_of(session, old).questions and groups.asked_of(session, new).questions


def test_an_introduction_is_given_and_given_anew(session, make, now):
    line = make.group_line()
    seat = make.seat(line)
    with pytest.raises(NotFound):
        groups.introduce(session, line_id=line.id, member_id=seat.member_id, given=["x"], now=now)
    ask(session, line, now)
    groups.introduce(session, line_id=line.id, member_id=seat.member_id, given=["Hua", "Hangzhou"], now=now)
    later = groups.introduce(
        session, line_id=line.id, member_id=seat.member_id, given=["Hua", "Suzhou"], now=now + DAY
    )
    assert later.answers[1] == {"ask": "Where?", "text": "Suzhou"} and later.given_at == now
    found = queries_ritual.newest(session, seat.group_id)
    assert [one.member.id for one in found] == [seat.member_id]
    groups.forget_introductions(session, member_id=seat.member_id)
    assert queries_ritual.newest(session, seat.group_id) == []


def test_ticks_are_kept_once_and_only_for_seats_that_are_held(session, make, now):
    line = make.group_line(capacities=[1])
    seat, waiting = make.seat(line), make.seat(line)
    for _ in range(2):
        groups.mark(session, seat_id=seat.id, step="task", by_id=seat.member_id, now=now)
    assert session.scalar(select(func.count()).select_from(RitualMark)) == 1
    for ident, step in ((waiting.id, "task"), (seat.id, "other"), (seat.id + 99, "task")):
        with pytest.raises(NotFound):
            groups.mark(session, seat_id=ident, step=step, by_id=None, now=now)
    groups.unmark(session, seat_id=seat.id, step="task")
    assert session.scalar(select(func.count()).select_from(RitualMark)) == 0


def test_windows_that_save_at_once_make_one_introduction(db, make, now):
    line = make.group_line()
    seat = make.seat(line)
    with db.uow() as session:
        ask(session, line, now)
    outcomes = concurrently(
        db,
        12,
        lambda session, index: (
            groups.introduce(
                session, line_id=line.id, member_id=seat.member_id, given=[str(index), "x"], now=now
            ).id
        ),
    )
    assert len(set(outcomes)) == 1, outcomes
    with db.session() as session:
        assert session.scalar(select(func.count()).select_from(Introduction)) == 1


def test_the_way_in_asks_for_ones_own_introduction(session, make, now):
    line, other = make.group_line(capacities=[5]), make.group_line()
    before = make.seat(line)
    before.asked_at = now - DAY
    ask(session, line, now)
    ask(session, other, now)
    first, second = make.seat(line), make.seat(line)
    groups.introduce(session, line_id=line.id, member_id=first.member_id, given=["a", "b"], now=now)
    groups.introduce(session, line_id=other.id, member_id=second.member_id, given=["a", "b"], now=now)
    mine = [groups.seat_of(session, seat.id) for seat in (before, first, second)]
    assert [one.closed for one in mine if one is not None] == ["", "", "introduction"]
