"""Two instructors, two windows each, leases that end, processes that are killed, in any order: promise 6.

The windows are real ones of the site: each holds the form of the page it was given and sends it back. After every step
each word that was ever typed stands in a review, in a kept draft, or in a window that is still open; work is judged
once and earns once; and the doctors of homework and points find nothing.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
)
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import create_app, db
from qunclub import homework
from qunclub.homework import doctor, services, services_admin, services_desk
from qunclub.homework.models import Criterion, Review, Submission
from qunclub.homework.models_desk import ReviewDraft
from qunclub.kernel import Access, Actor, ClubError
from qunclub.points import doctor as points_doctor
from qunclub.points.models import LedgerEntry
from tests.factories import Make
from tests.faults.killer import Killer
from tests.support import quick
from tests.support.clock import FakeClock
from tests.support.databases import Db, fresh
from tests.support.pages import csrf_token, sign_in, text_of
from tests.support.windows import Form, form_of

pytestmark = pytest.mark.slow

START = dt.datetime(2026, 4, 15, 4, 0, tzinfo=dt.UTC)
ADMIN = Actor("admin", "Ada", "ada@example.com", frozenset({"admin"}), None)
SLOTS = st.integers(0, 3)
WORKS = st.integers(0, 1)
ANSWERS = (200, 302, 303, 403, 404, 409, 422)


@dataclass
class Window:
    """One window of an instructor: the work it shows and the form in it."""

    client: Any
    work: int | None = None
    form: Form | None = None
    last: dict[str, str] = field(default_factory=dict)


class Desk(RuleBasedStateMachine):
    """Whatever happens at the review desk."""

    def __init__(self) -> None:
        super().__init__()
        memory = Path("/dev/shm")
        self._folder = tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None)
        folder = Path(self._folder.name)
        self._fresh = fresh("sqlite", folder)
        self.db: Db = self._fresh.__enter__()
        self.clock = FakeClock(START)
        make = Make(self.db, START)
        self.assignment = make.assignment(title="One page")
        with self.db.session() as session:
            query = select(Criterion.id).where(Criterion.rubric_id == self.assignment.rubric_id)
            self.criteria = list(session.scalars(query))
        self.authors = [make.member(number=True) for _n in range(2)]
        self.works = [make.submission(self.assignment, member=one).id for one in self.authors]
        self.app = quick.speed_up(
            create_app(
                {
                    "TESTING": True,
                    "QUNCLUB_DATABASE_URL": self.db.url,
                    "QUNCLUB_INSTANCE": str(folder / "instance"),
                    "QUNCLUB_RATE_LIMITS": "no",
                    "QUNCLUB_LOG_LEVEL": "ERROR",
                }
            )
        )
        self.app.extensions["qunclub"].clock = self.clock
        self.killer = Killer()
        with self.app.app_context():
            self.killer.watch(db.engine)
        self.windows: list[Window] = []
        for n in range(2):
            account, _member = make.person(name=f"Teacher {n}", roles=("instructor",))
            self.windows += [Window(sign_in(self.app.test_client(), account)) for _w in range(2)]
        self.typed: set[str] = set()
        self._seen: Any = None
        self._words = 0

    def teardown(self) -> None:
        self._seen = None
        self.judged_once_earned_once()
        self._let_go()
        self._fresh.__exit__(None, None, None)
        self._folder.cleanup()

    def _let_go(self) -> None:
        """Nobody is connected any more."""
        with self.app.app_context():
            db.session.remove()
            db.engine.dispose()
        self.db.engine.dispose()

    # ---- what windows do ----

    @rule(slot=SLOTS, work=WORKS)
    def look(self, slot: int, work: int) -> None:
        """Go to another page, or to the same again; what was typed and kept nowhere would be one's own loss."""
        window = self.windows[slot]
        if self.unkept(window):
            return
        window.work = self.works[work]
        self.show(window, window.client.get(f"/desk/{window.work}"))

    @rule(slot=SLOTS, work=WORKS)
    def take_up(self, slot: int, work: int) -> None:
        """The way it mostly goes: claimed, opened, a word typed."""
        if self.unkept(self.windows[slot]):
            return
        self.look(slot, work)
        self.claim(slot)
        self.type(slot, False)

    @rule(slot=SLOTS)
    def claim(self, slot: int) -> None:
        window = self.windows[slot]
        if window.work is None or self.unkept(window):
            return
        self.send(window, "/claim")
        self.show(window, window.client.get(f"/desk/{window.work}"))

    @precondition(lambda self: any(one.form for one in self.windows))
    @rule(slot=SLOTS, returned=st.booleans())
    def type(self, slot: int, returned: bool) -> None:
        form = self.windows[slot].form
        if form is None:
            return
        self._words += 1
        word = f"word{self._words}."
        form.fields["comment_md"] = f"{form.fields.get('comment_md', '')} {word}".strip()
        form.fields["verdict"] = "return" if returned else "accept"
        form.fields |= {f"score-{ident}": "8" for ident in self.criteria}
        self.typed.add(word)

    @rule(slot=SLOTS, minutes=st.sampled_from([0, 44, 46]))
    def beat(self, slot: int, minutes: int) -> None:
        """The script says that somebody is at it, in time or too late."""
        self.clock.advance(minutes=minutes)
        if self.windows[slot].form is not None:
            self.send(self.windows[slot], "/beat")

    @precondition(lambda self: any(one.form for one in self.windows))
    @rule(slot=SLOTS)
    def keep(self, slot: int) -> None:
        """The script keeps the draft; of two versions it puts both into the form."""
        window = self.windows[slot]
        if window.form is None:
            return
        answer = self.send(window, "/draft", window.form.fields)
        told = answer.get_json()
        if answer.status_code == 409:
            mine, theirs = window.form.fields["comment_md"], told["fields"].get("comment_md", "")
            window.form.fields["comment_md"] = f"{mine}\n\n{theirs}"
        window.form.fields["draft_version"] = str(told["version"])

    @precondition(lambda self: any(one.form for one in self.windows))
    @rule(slot=SLOTS, button=st.sampled_from(["draft", "preview"]))
    def press(self, slot: int, button: str) -> None:
        window = self.windows[slot]
        if window.form is not None:
            self.submit(window, **{button: "1"})

    @precondition(lambda self: any(one.form for one in self.windows))
    @rule(slot=SLOTS, on=st.booleans())
    def save(self, slot: int, on: bool) -> None:
        window = self.windows[slot]
        if window.form is not None:
            self.submit(window, **({"next": "1"} if on else {}))

    @precondition(lambda self: any(one.form and len(one.form.buttons) > 6 for one in self.windows))
    @rule(slot=SLOTS, at=st.integers(0, 9))
    def choose(self, slot: int, at: int) -> None:
        """Of two versions, go on from one or from both."""
        window = self.windows[slot]
        found = [value for name, value in window.form.buttons if name == "take"] if window.form else []
        if found:
            self.submit(window, take=found[at % len(found)])

    @rule(slot=SLOTS)
    def again(self, slot: int) -> None:
        """The network, or an impatient hand, sends the same once more; nobody reads the answer."""
        window = self.windows[slot]
        if window.work is not None and window.last:
            answer = self.send(window, "", window.last)
            assert answer.status_code in ANSWERS

    @precondition(lambda self: any(one.form for one in self.windows))
    @rule(slot=SLOTS, step=st.integers(0, 60), drafting=st.booleans())
    def killed(self, slot: int, step: int, drafting: bool) -> None:
        """kill -9 while a form is received, at any statement or about the commit; the answer never comes."""
        window = self.windows[slot]
        if window.form is None:
            return
        window.last = dict(window.form.fields)
        self.in_a_process_that_dies(
            step, lambda: self.send(window, "/draft" if drafting else "", window.last)
        )

    @rule(slot=SLOTS)
    def leave(self, slot: int) -> None:
        window = self.windows[slot]
        if window.work is None or self.unkept(window):
            return
        self.send(window, "/leave")
        window.form, window.work = None, None

    # ---- what others do ----

    @rule(minutes=st.sampled_from([2, 44, 46, 600]))
    def time_passes(self, minutes: int) -> None:
        self.clock.advance(minutes=minutes)

    @rule(work=WORKS)
    def hand_in_again(self, work: int) -> None:
        author = self.authors[work]
        self.do(
            lambda session: homework.submit(
                session,
                assignment_id=self.assignment.id,
                member_id=author.id,
                body_md="Better.",
                files=(),
                access=Access(True, "pass"),
                now=self.clock(),
                actor=Actor(author.user_key, author.name, author.email, frozenset(), author.id),
            )
        )

    @rule(work=WORKS)
    def take_back(self, work: int) -> None:
        self.do(
            lambda session: services.take_back(
                session, submission_id=self.works[work], member_id=self.authors[work].id, now=self.clock()
            )
        )

    @rule(work=WORKS)
    def free(self, work: int) -> None:
        self.do(
            lambda session: services_admin.free_claim(
                session, submission_id=self.works[work], actor=ADMIN, now=self.clock()
            )
        )

    # ---- how ----

    def do(self, command: Callable[[Session], Any]) -> None:
        try:
            with self.db.uow() as session:
                command(session)
        except ClubError:
            pass  # refused, in words; the invariants say whether rightly

    def send(self, window: Window, what: str, fields: dict[str, str] | None = None) -> Any:
        headers = {"X-CSRFToken": csrf_token(window.client)}
        return window.client.post(f"/desk/{window.work}{what}", data=fields or {}, headers=headers)

    def submit(self, window: Window, **button: str) -> None:
        assert window.form is not None
        window.last = {**window.form.fields, **button}
        answer = self.send(window, "", window.last)
        assert answer.status_code in ANSWERS, text_of(answer)
        if answer.status_code not in (302, 303):
            self.show(window, answer)
        elif "draft" in button:
            self.show(window, window.client.get(f"/desk/{window.work}"))
        else:
            # Saved: the window goes elsewhere.
            window.form, window.work, window.last = None, None, {}

    def show(self, window: Window, answer: Any) -> None:
        assert answer.status_code in ANSWERS, text_of(answer)
        window.form = form_of(text_of(answer), "desk-form")

    def in_a_process_that_dies(self, step: int, act: Callable[[], Any]) -> None:
        # SQLite's locks do not survive a fork: nobody is connected while it happens.
        self._let_go()
        child = os.fork()
        if not child:
            try:
                self.killer.arm(lambda number, _name: number == step)
                act()
            finally:
                os.kill(os.getpid(), signal.SIGKILL)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL

    def kept(self) -> str:
        """All words that the club keeps."""
        with self.db.session() as session:
            words = list(session.scalars(select(Review.comment_md)))
            for fields, beside in session.execute(select(ReviewDraft.fields, ReviewDraft.beside)):
                words += [json.dumps(fields), json.dumps(beside)]
        return " ".join(words)

    def unkept(self, window: Window) -> bool:
        """Whether words stand in this window and nowhere else."""
        if window.form is None:
            return False
        kept, here = self.kept(), " ".join(window.form.fields.values())
        elsewhere = kept + self._in_windows(but=window)
        return any(word in here and word not in elsewhere for word in self.typed)

    def _in_windows(self, but: Window | None = None) -> str:
        forms = [one.form for one in self.windows if one is not but and one.form]
        return " ".join(value for form in forms for value in form.fields.values())

    @invariant()
    def no_word_is_lost(self) -> None:
        found = self.kept() + self._in_windows()
        assert [word for word in self.typed if word not in found] == []

    @invariant()
    def judged_once_earned_once(self) -> None:
        with self.db.session() as session:
            state = session.execute(
                select(func.sum(Submission.version), func.count(Submission.claimed_by)).add_columns(
                    *(select(func.count(model.id)).scalar_subquery() for model in (Review, LedgerEntry))
                )
            ).one()
            if state == self._seen:
                return
            self._seen = state
            assert doctor.check(session, self.clock()) == []
            assert points_doctor.check(session, self.clock()) == []
            judged = session.scalars(select(func.count(Review.id)).group_by(Review.attempt_id)).all()
            assert set(judged) <= {1}
            accepted = select(func.count(Submission.id)).where(Submission.state == "accepted")
            earned = session.scalars(
                select(LedgerEntry.amount).where(LedgerEntry.kind == "homework_accepted")
            ).all()
            assert len(earned) == session.scalar(accepted) and all(amount > 0 for amount in earned)


TestInterleavings: Any = Desk.TestCase
TestInterleavings.settings = settings(
    max_examples=20,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)


@pytest.fixture
def desk():
    """The machine, driven by hand."""
    made = Desk()
    yield made
    made.teardown()


def two_windows(desk: Desk) -> None:
    """One window keeps a draft and is left; the other, older one is saved."""
    desk.look(0, 0)
    desk.claim(0)
    desk.look(1, 0)
    desk.type(0, False)
    desk.keep(0)
    desk.leave(0)
    desk.type(1, False)
    desk.save(1, False)
    desk.no_word_is_lost()


def lost_lease(desk: Desk) -> None:
    """The claim ran out, another instructor judged, the first one saves."""
    desk.take_up(0, 0)
    desk.time_passes(46)
    desk.take_up(2, 0)
    desk.save(2, False)
    desk.save(0, False)
    desk.no_word_is_lost()
    desk.judged_once_earned_once()


@pytest.mark.parametrize("story", [two_windows, lost_lease])
def test_a_story_that_ends_well(desk, story):
    story(desk)
    assert len(desk.typed) == 2


def test_a_draft_thrown_away_with_another_windows_text_would_be_noticed(desk, monkeypatch):
    def finish(session, *, submission_id, version, actor):
        services_desk.discard_draft(session, submission_id=submission_id, actor=actor)

    monkeypatch.setattr(services_desk, "finish_draft", finish)
    with pytest.raises(AssertionError, match="word1"):
        two_windows(desk)


def test_a_stale_save_that_was_let_in_would_be_noticed(desk, monkeypatch):
    monkeypatch.setattr("qunclub.homework.services_review._refuse_stale", lambda *given: None)
    # The index stands behind the check: one verdict an attempt.
    with pytest.raises(IntegrityError):
        lost_lease(desk)


@pytest.mark.parametrize("step", [0, 8, 20, 1_000])
def test_a_process_killed_while_it_saves_leaves_all_or_nothing(desk, step):
    desk.take_up(0, 0)
    desk.killed(0, step, False)
    desk.no_word_is_lost()
    desk.judged_once_earned_once()
    desk.save(0, False)
    desk.judged_once_earned_once()
    with desk.db.session() as session:
        assert session.scalar(select(func.count(Review.id))) == 1
