"""Two instructors, two windows each, leases that end, processes that are killed, in any order: promise 6.

After every step each word that was ever typed stands in a review, in a kept draft of whoever typed it, or in a window
of theirs that is still open; an attempt is judged once and accepted work has earned once. At the end the doctors of
homework and points find nothing, and the desk shows everybody their words.

The random run is on SQLite alone, where a database is put back by copying a file. The stories are told on both.
"""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import func, select

from qunclub.homework import rules_sides, services_desk, services_review, services_settle, services_verdict
from qunclub.homework.models import Review
from tests.homework.desk_machine import Desk
from tests.homework.desk_stage import LONGEST, Stage
from tests.support.databases import fresh

pytestmark = pytest.mark.slow

RANDOM = settings(
    max_examples=14,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    # To explain a failure it is run many times more under a tracer, which takes minutes here and tells little.
    phases=[Phase.generate],
    report_multiple_bugs=False,
    print_blob=True,
)


@pytest.fixture
def desk(db, tmp_path):
    """The machine, driven by hand."""
    stage = Stage(db, tmp_path)
    yield Desk(stage)
    stage.let_go()


@pytest.fixture
def stage(tmp_path):
    """A stage on SQLite that is put back for every example."""
    with fresh("sqlite", tmp_path) as database:
        made = Stage(database, tmp_path)
        made.keep()
        yield made
        made.let_go()


def by_hand(stage):
    """The machine on a stage put back, to be driven by hand."""
    stage.put_back()
    return Desk(stage)


def at_random(stage, **changes):
    """Run the machine."""

    # Whatever makes a machine will do.
    example: Any = lambda: by_hand(stage)  # noqa: E731
    run_state_machine_as_test(example, settings=settings(RANDOM, **changes))


def test_any_order_ends_well(stage):
    at_random(stage)
    # It is worth little if it never comes to that.
    for what in ("saved", "answer 409", "side by side", "taken back", "killed before", "killed after"):
        assert stage.seen[what], stage.seen


def reviews(desk):
    with desk.stage.db.session() as session:
        return session.scalar(select(func.count(Review.id)))


def two_windows(desk):
    """One window keeps a draft and is left; the other, older one is saved."""
    desk.take_up(0, 0)
    desk.look(1, 0)
    desk.draft(desk.windows[0])
    desk.leave(0)
    desk.type(1)
    desk.save(1)
    desk.all_is_well()


def lost_lease(desk):
    """The claim ran out, another instructor judged, the first one saves."""
    desk.take_up(0, 0)
    desk.time_passes(46)
    desk.take_up(2, 0)
    desk.save(2)
    desk.save(0)
    desk.all_is_well()


def taken_back(desk):
    """The claim ran out, the author takes the work back, the reviewer saves, the author hands in again."""
    desk.take_up(0, 0)
    desk.time_passes(46)
    desk.others(0, "take back")
    desk.save(0)
    desk.all_is_well()
    desk.others(0, "hand in")
    desk.all_is_well()
    desk.take_up(0, 0)
    desk.save(0)
    desk.all_is_well()


def refused_twice(desk):
    """What two windows hold was judged meanwhile; the second window is shown both texts, and saves once more."""
    desk.take_up(0, 0)
    desk.look(1, 0)
    desk.time_passes(46)
    desk.take_up(2, 0)
    desk.save(2)
    desk.save(0)
    desk.leave(0)
    desk.type(1)
    desk.save(1)
    desk.save(1)
    desk.all_is_well()
    # Choosing one and keeping it as a draft throws the other away no more than that.
    desk.choose(1, 0)
    desk.submit(desk.windows[1], draft="1")
    desk.all_is_well()


def chose_the_others(desk):
    """One goes on from the review in force instead of one's own text, and keeps that as a draft."""
    desk.take_up(0, 0)
    desk.time_passes(46)
    desk.take_up(2, 0)
    desk.save(2)
    desk.save(0)
    desk.choose(0, 1)
    desk.submit(desk.windows[0], draft="1")
    desk.all_is_well()


def pressed_twice(desk):
    """The answer to a save is slow, and it is sent again, from both windows."""
    desk.take_up(0, 0)
    desk.draft(desk.windows[0])
    desk.look(1, 0)
    desk.save(0)
    desk.again(0)
    desk.save(1)
    desk.all_is_well()


@pytest.mark.parametrize(
    "story", [two_windows, lost_lease, taken_back, refused_twice, chose_the_others, pressed_twice]
)
def test_a_story_that_ends_well(desk, story):
    story(desk)
    assert len(desk.typed) == desk.words and reviews(desk) == 1


@pytest.mark.parametrize(
    ("step", "saved"), [("statement INSERT", 0), ("before commit", 0), ("after commit", 1), ("never", 1)]
)
def test_a_process_killed_while_it_saves_leaves_all_or_nothing(desk, step, saved):
    desk.take_up(0, 0)

    def dies(_number, name):
        # The review is the first that is inserted.
        return name == step and any(name == "statement INSERT" for name in desk.stage.killer.seen)

    desk.killed(0, dies)
    began = time.monotonic()
    assert reviews(desk) == saved
    desk.no_word_is_lost()
    desk.save(0)
    # Nobody waits for a lock of the dead.
    assert time.monotonic() - began < LONGEST
    desk.all_is_well()
    assert reviews(desk) == 1


# ---- without one of its guards the club is found out ----


def unguarded(monkeypatch, *guards):
    """Take guards out: the check of versions and claims, one counting judgement an attempt, points once a source."""
    if "version" in guards:
        monkeypatch.setattr(services_review, "_refuse_stale", lambda *given: None)
    if "index" in guards:
        write = services_settle.write

        def another(session, submission_id, attempt_id, judged, **more):
            n = services_verdict.next_n(session, attempt_id)
            return write(session, submission_id, attempt_id, judged, **more, n=n, counts=n == 1)

        monkeypatch.setattr(services_review, "write", another)
    if "source" in guards:
        source = services_verdict.award_source
        new = itertools.count()
        monkeypatch.setattr(
            services_verdict, "award_source", lambda *given, **more: f"{source(*given, **more)}:{next(new)}"
        )


def test_the_database_stands_behind_the_check_of_versions(stage, monkeypatch):
    unguarded(monkeypatch, "version")
    with pytest.raises(AssertionError, match="answers 500"):
        lost_lease(by_hand(stage))


def test_a_second_judgement_would_be_noticed(stage, monkeypatch):
    unguarded(monkeypatch, "version", "index")
    with pytest.raises(AssertionError, match="judged twice"):
        lost_lease(by_hand(stage))


def test_points_given_twice_would_be_noticed(stage, monkeypatch):
    unguarded(monkeypatch, "version", "index", "source")
    monkeypatch.setattr(Desk, "judged_once", lambda self: None)
    with pytest.raises(AssertionError, match="earned twice"):
        lost_lease(by_hand(stage))


def test_a_lost_word_would_be_noticed(stage, monkeypatch):
    def finish(session, *, submission_id, version, actor):
        services_desk.discard_draft(session, submission_id=submission_id, actor=actor)

    monkeypatch.setattr(services_desk, "finish_draft", finish)
    with pytest.raises(AssertionError, match="lost: .*word1"):
        two_windows(by_hand(stage))


def test_another_windows_text_replaced_by_a_refused_save_would_be_noticed(stage, monkeypatch):
    monkeypatch.setattr(rules_sides, "covers", lambda fields, other: True)
    with pytest.raises(AssertionError, match="lost: .*word1"):
        refused_twice(by_hand(stage))


def test_the_machine_finds_by_itself_that_a_guard_is_missing(stage, monkeypatch):
    unguarded(monkeypatch, "version", "index")
    with pytest.raises(AssertionError, match="judged twice"):
        at_random(stage)
