"""The review desk in any order: two instructors, two windows each, leases that end, processes that are killed.

The windows are real ones of the site: each holds the form of the page that it was given and sends that back. What the
machine knows by itself is little: which words were typed by whom, and what accepted work is worth.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from qunclub import homework
from qunclub.homework import doctor, rules_points, services, services_admin
from qunclub.homework.models import Review, Submission
from qunclub.homework.models_desk import ReviewDraft
from qunclub.kernel import Access, Actor, ClubError
from qunclub.points import doctor as points_doctor
from qunclub.points.models import LedgerEntry
from qunclub.points.rules import KINDS
from tests.homework.desk_stage import Stage
from tests.support.pages import csrf_token, sign_in, text_of
from tests.support.windows import Form, form_of

ADMIN = Actor("admin", "Ada", "ada@example.com", frozenset({"admin"}), None)
SLOTS = st.integers(0, 3)
WORKS = st.integers(0, 1)
ANSWERS = (200, 303, 403, 404, 409, 422)
NEVER = 1_000
"""A step that no request reaches: the process is killed when all is done and nothing was answered."""


@dataclass
class Window:
    """One window of an instructor: the work it shows, the form in it, and what it sent last (work and fields)."""

    client: Any
    teacher: int
    work: int | None = None
    form: Form | None = None
    last: tuple[int, dict[str, str]] | None = None


class Desk(RuleBasedStateMachine):
    """Whatever happens at the review desk."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage
        self.windows = [
            Window(sign_in(stage.app.test_client(), account), n)
            for n, (account, _member) in enumerate(stage.teachers)
            for _window in range(2)
        ]
        self.typed: dict[str, int] = {}
        """The words by who typed them; none is part of another."""
        self.words = 0

    def teardown(self) -> None:
        self.all_is_well()

    # ---- what windows do ----

    @rule(slot=SLOTS, work=WORKS, what=st.sampled_from(["look", "leave", "beat", "beat too late", "again"]))
    def goes(self, slot: int, work: int, what: str) -> None:
        window = self.windows[slot]
        if what == "beat too late":
            self.stage.clock.advance(minutes=46)
        if what.startswith("beat") and window.work is not None:
            # The script says that somebody is at it.
            self.send(window, "/beat")
        elif what == "leave" and window.work is not None:
            self.leave(slot)
        elif what == "again" and window.last is not None:
            self.again(slot)
        else:
            self.look(slot, work)

    @rule(slot=SLOTS, work=WORKS, returned=st.booleans())
    def types(self, slot: int, work: int, returned: bool) -> None:
        if self.windows[slot].form is None:
            self.take_up(slot, work, returned)
        else:
            self.type(slot, returned)

    @rule(slot=SLOTS, work=WORKS)
    def saves(self, slot: int, work: int) -> None:
        self.sends(slot, work, "save", 0)

    @rule(slot=SLOTS, work=WORKS, how=st.sampled_from(["next", "keep", "draft", "preview"]), which=WORKS)
    def sends(self, slot: int, work: int, how: str, which: int) -> None:
        window = self.windows[slot]
        if window.form is None:
            self.take_up(slot, work)
        if window.form is None:
            return
        if takes(window) and which:
            self.choose(slot, which + work)
        elif how == "keep":
            self.draft(window)
        else:
            self.submit(window, **({} if how == "save" else {how: "1"}))

    @rule(slot=SLOTS, work=WORKS, step=st.one_of(st.integers(0, 45), st.just(NEVER)), drafting=st.booleans())
    def is_killed(self, slot: int, work: int, step: int, drafting: bool) -> None:
        if self.windows[slot].form is None:
            self.take_up(slot, work)
        if self.windows[slot].form is not None:
            self.killed(slot, lambda number, _name: number == step, drafting)

    def again(self, slot: int) -> None:
        """The network, or an impatient hand, sends the same once more; nobody reads the answer."""
        window = self.windows[slot]
        assert window.last is not None
        work, fields = window.last
        self.stage.seen["again"] += 1
        if self.post(window, f"/desk/{work}", fields).status_code == 303 and "draft" not in fields:
            self.give_up(window, fields)

    def look(self, slot: int, work: int) -> None:
        """Go to another page, or to the same again."""
        window = self.windows[slot]
        if self.free_to_go(window):
            window.work = self.stage.works[work]
            self.open(window)

    def take_up(self, slot: int, work: int, returned: bool = False) -> None:
        """The way it mostly goes: claimed, opened, a word typed."""
        window = self.windows[slot]
        if self.free_to_go(window):
            window.work = self.stage.works[work]
            self.send(window, "/claim")
            self.open(window)
            if window.form:
                self.type(slot, returned)

    def type(self, slot: int, returned: bool = False) -> None:
        form = self.windows[slot].form
        assert form is not None
        self.words += 1
        word = f"word{self.words}."
        form.fields["comment_md"] = f"{form.fields.get('comment_md', '')} {word}".strip()
        form.fields["verdict"] = "return" if returned else "accept"
        form.fields |= {f"score-{ident}": "8" for ident in self.stage.criteria}
        self.typed[word] = self.windows[slot].teacher

    def draft(self, window: Window) -> None:
        """The script keeps the draft; of two versions it puts both into the form."""
        assert window.form is not None
        answer = self.send(window, "/draft", window.form.fields)
        told = answer.get_json()
        if answer.status_code == 409:
            self.stage.seen["draft refused"] += 1
            mine, theirs = window.form.fields["comment_md"], told["fields"].get("comment_md", "")
            window.form.fields["comment_md"] = f"{mine}\n\n{theirs}"
        window.form.fields["draft_version"] = str(told["version"])

    def save(self, slot: int) -> None:
        self.submit(self.windows[slot])

    def choose(self, slot: int, choice: int) -> None:
        """Of two versions, go on from one or from both; choosing throws nothing away."""
        window, seen = self.windows[slot], self.words_of(self.windows[slot])
        choices = takes(window)
        self.submit(window, take=choices[choice % len(choices)])
        assert window.form is not None and seen <= self.words_of(window), "choosing threw something away"

    def give_up(self, window: Window, fields: dict[str, str]) -> None:
        """A review is saved from a page with several versions: what was seen there and not chosen is given up."""
        seen = " ".join(value for name, value in fields.items() if name.startswith("side-"))
        for word in list(self.typed):
            if word in seen and word not in fields["comment_md"] and self.typed[word] == window.teacher:
                self.stage.seen["given up"] += 1
                del self.typed[word]

    def killed(self, slot: int, dies: Callable[[int, str], bool], drafting: bool = False) -> None:
        """kill -9 while a form is received, before any statement or about the commit; the answer never comes."""
        window = self.windows[slot]
        assert window.form is not None and window.work is not None
        fields = dict(window.form.fields)
        window.last = window.work, fields
        before = self.facts()
        self.stage.die(dies, lambda: self.send(window, "/draft" if drafting else "", fields))
        done = self.facts() != before
        self.stage.seen["killed after" if done else "killed before"] += 1
        if done and not drafting:
            self.give_up(window, fields)

    def leave(self, slot: int) -> None:
        window = self.windows[slot]
        if self.free_to_go(window):
            self.send(window, "/leave")
            window.form, window.work = None, None

    # ---- what others do ----

    @rule(minutes=st.sampled_from([2, 46, 600]))
    def time_passes(self, minutes: int) -> None:
        self.stage.clock.advance(minutes=minutes)

    @rule(work=WORKS, what=st.sampled_from(["hand in", "hand in", "take back", "change", "free"]))
    def others(self, work: int, what: str) -> None:
        """The author hands in again, takes back, takes back to hand in something else; an admin ends a claim."""
        ident, author, now = self.stage.works[work], self.stage.authors[work], self.stage.clock()
        if what in ("take back", "change"):
            self.do(
                "taken back",
                lambda session: services.take_back(
                    session, submission_id=ident, member_id=author.id, now=now
                ),
            )
        if what in ("hand in", "change"):
            self.do(
                "handed in again",
                lambda session: homework.submit(
                    session,
                    assignment_id=self.stage.assignment,
                    member_id=author.id,
                    body_md="Better.",
                    files=(),
                    access=Access(True, "pass"),
                    now=now,
                    actor=Actor(author.user_key, author.name, author.email, frozenset(), author.id),
                ),
            )
        if what == "free":
            self.do(
                "freed",
                lambda session: services_admin.free_claim(session, submission_id=ident, actor=ADMIN, now=now),
            )

    # ---- how ----

    def words_of(self, window: Window) -> set[str]:
        """The words that a window shows, in all versions."""
        here = " ".join(window.form.fields.values()) if window.form else ""
        return {word for word in self.typed if word in here}

    def do(self, what: str, command: Callable[[Session], Any]) -> None:
        try:
            with self.stage.db.uow() as session:
                command(session)
        except ClubError:
            return  # refused, in words; the invariants say whether rightly
        self.stage.seen[what] += 1

    def post(self, window: Window, path: str, fields: dict[str, str] | None = None) -> Any:
        headers = {"X-CSRFToken": csrf_token(window.client)}
        answer = window.client.post(path, data=fields or {}, headers=headers)
        assert answer.status_code in (*ANSWERS, 204), f"{path} answers {answer.status_code}"
        return answer

    def send(self, window: Window, what: str, fields: dict[str, str] | None = None) -> Any:
        return self.post(window, f"/desk/{window.work}{what}", fields)

    def submit(self, window: Window, **button: str) -> None:
        assert window.form is not None and window.work is not None
        window.last = window.work, {**window.form.fields, **button}
        answer = self.send(window, "", window.last[1])
        if answer.status_code != 303:
            self.stage.seen[f"answer {answer.status_code}"] += 1
            self.show(window, answer)
        elif "draft" in button:
            self.open(window)
        else:
            # Saved: the window goes elsewhere.
            self.stage.seen["saved"] += 1
            self.give_up(window, window.last[1])
            window.form, window.work = None, None

    def open(self, window: Window) -> None:
        self.show(window, window.client.get(f"/desk/{window.work}"))

    def show(self, window: Window, answer: Any) -> None:
        assert answer.status_code in ANSWERS, f"a page of {answer.status_code}"
        window.form = form_of(text_of(answer), "desk-form")
        self.stage.seen["side by side"] += bool(takes(window))

    # ---- what must hold ----

    def facts(self) -> list[Any]:
        """Where the works and the drafts stand."""
        with self.stage.db.session() as session:
            works = session.execute(select(Submission.id, Submission.version, Submission.state))
            drafts = session.execute(
                select(ReviewDraft.id, ReviewDraft.version, ReviewDraft.fields).order_by(ReviewDraft.id)
            )
            return [*map(tuple, works), *map(tuple, drafts)]

    def kept(self) -> list[str]:
        """What the club keeps of each instructor's words: reviews, whoever reads them, and their own drafts."""
        with self.stage.db.session() as session:
            words = " ".join(session.scalars(select(Review.comment_md)))
            found = [words for _teacher in self.stage.teachers]
            numbers = {member.id: n for n, (_account, member) in enumerate(self.stage.teachers)}
            query = select(ReviewDraft.reviewer_id, ReviewDraft.fields, ReviewDraft.beside)
            for reviewer, fields, beside in session.execute(query):
                found[numbers[reviewer]] += json.dumps([fields, beside])
        return found

    def shown(self, teacher: int, but: Window | None = None) -> str:
        """What stands in the open windows of an instructor."""
        forms = [one.form for one in self.windows if one.teacher == teacher and one is not but and one.form]
        return " ".join(value for form in forms for value in form.fields.values())

    def unkept(self, window: Window) -> bool:
        """Whether words stand in this window and nowhere else."""
        if window.form is None:
            return False
        here = " ".join(window.form.fields.values())
        elsewhere = self.kept()[window.teacher] + self.shown(window.teacher, but=window)
        return any(word in here and word not in elsewhere for word in self.typed)

    def free_to_go(self, window: Window) -> bool:
        """Whether this window can go elsewhere; words kept nowhere else are kept first, as the script does."""
        if self.unkept(window):
            self.draft(window)
        return not self.unkept(window)

    @invariant()
    def no_word_is_lost(self) -> None:
        found = [kept + self.shown(teacher) for teacher, kept in enumerate(self.kept())]
        lost = [word for word, teacher in self.typed.items() if word not in found[teacher]]
        assert not lost, f"lost: {lost}"

    @invariant()
    def judged_once(self) -> None:
        with self.stage.db.session() as session:
            judged = session.scalars(select(func.count(Review.id)).group_by(Review.attempt_id)).all()
            assert set(judged) <= {1}, "judged twice"

    @invariant()
    def earned_once(self) -> None:
        """Each accepted work has earned what its score is worth, once; nothing else has earned anything."""
        with self.stage.db.session() as session:
            query = select(LedgerEntry.member_id, LedgerEntry.kind, LedgerEntry.amount)
            earned = sorted(map(tuple, session.execute(query)))
            accepted = session.execute(
                select(Submission.member_id, Submission.score).where(Submission.state == "accepted")
            )
            expected = [
                line
                for member, score in accepted
                for line in (
                    (member, "homework_accepted", rules_points.accepted_points(None, score or 0)),
                    (member, "homework_on_time", KINDS["homework_on_time"].amount),
                )
            ]
            assert earned == sorted(expected), "earned twice, or not at all"

    def all_is_well(self) -> None:
        """What takes longer to ask: the doctors, and whether whoever typed a word is shown it."""
        self.no_word_is_lost()
        self.judged_once()
        self.earned_once()
        with self.stage.db.session() as session:
            found = [one.check(session, self.stage.clock()) for one in (doctor, points_doctor)]
            assert found == [[], []], found
        for n, window in enumerate(self.windows[::2]):
            mine = [word for word, teacher in self.typed.items() if teacher == n]
            pages = self.shown(n)
            for work in self.stage.works:
                if any(word not in pages for word in mine):
                    pages += text_of(window.client.get(f"/desk/{work}"))
            hidden = [word for word in mine if word not in pages]
            assert not hidden, f"kept, and not shown to whoever typed it: {hidden}"


def takes(window: Window) -> list[str]:
    """The choices between versions that a window offers."""
    return [value for name, value in window.form.buttons if name == "take"] if window.form else []
