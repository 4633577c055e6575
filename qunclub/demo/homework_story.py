"""One piece of homework on its way: handed in, returned, handed in again, judged, shown."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import homework
from qunclub.homework import rules_remarks
from qunclub.homework.models import Assignment, Attempt, Criterion, Review, Submission
from qunclub.kernel import Access, Actor

# Every author of the story holds a pass that opens the course; the demo's own test checks that they do.
OPEN = Access(allowed=True, reason="pass")
LEASE = dt.timedelta(minutes=45)


class Piece:
    """A submission of the story and what happens to it."""

    def __init__(
        self, assignment_id: int, author: Actor, staff: dict[str, Actor], work: dict[str, Any]
    ) -> None:
        self.assignment_id = assignment_id
        self.author = author
        self.staff = staff
        self.work = work

    def _submission(self, session: Session) -> Submission:
        return session.scalars(
            select(Submission).where(
                Submission.assignment_id == self.assignment_id, Submission.member_id == self.author.member_id
            )
        ).one()

    def _hand_in(self, session: Session, now: dt.datetime, body: str) -> None:
        assert self.author.member_id is not None  # the people were made first
        homework.submit(
            session,
            assignment_id=self.assignment_id,
            member_id=self.author.member_id,
            body_md=body.strip(),
            files=(),
            access=OPEN,
            now=now,
            actor=self.author,
        )

    def hand_in_first(self, session: Session, now: dt.datetime) -> None:
        """The first attempt of work that will come back."""
        self._hand_in(session, now, self.work["first"]["body"])

    def hand_in(self, session: Session, now: dt.datetime) -> None:
        """The attempt that stands."""
        title = self.work.get("title")
        body = self.work["body"].strip()
        self._hand_in(session, now, f"## {title}\n\n{body}" if title else body)

    def claim(self, session: Session, now: dt.datetime) -> None:
        """An instructor holds it."""
        homework.claim(
            session,
            submission_id=self._submission(session).id,
            actor=self.staff[self.work["review"]["by"]],
            lease=LEASE,
            now=now,
        )

    def review_first(self, session: Session, now: dt.datetime) -> None:
        """The first attempt comes back."""
        self._review(session, now, self.work["first_review"], "return")

    def review(self, session: Session, now: dt.datetime) -> None:
        """The judgement that stands."""
        stage = self.work["stage"]
        verdict = "return" if stage == "returned" else "feature" if stage.startswith("featured") else "accept"
        self._review(session, now, self.work["review"], verdict)

    def _review(self, session: Session, now: dt.datetime, told: dict[str, Any], verdict: str) -> None:
        submission = self._submission(session)
        reviewer = self.staff[told["by"]]
        homework.claim(session, submission_id=submission.id, actor=reviewer, lease=LEASE, now=now)
        criteria = session.scalars(
            select(Criterion.id)
            .join(Assignment, Assignment.rubric_id == Criterion.rubric_id)
            .where(Assignment.id == self.assignment_id)
            .order_by(Criterion.position)
        ).all()
        row = homework.review(
            session,
            submission_id=submission.id,
            version=submission.version,
            verdict=verdict,
            scores=dict(zip(criteria, told["scores"], strict=True)),
            comment_md=told["comment"],
            actor=reviewer,
            now=now,
        )
        if told.get("remarks"):
            homework.write_remarks(session, row, _remarks(session, row, told["remarks"]))

    def consent(self, session: Session, now: dt.datetime) -> None:
        """The author lets it be shown."""
        assert self.author.member_id is not None  # the people were made first
        homework.consent(
            session, submission_id=self._submission(session).id, member_id=self.author.member_id, now=now
        )


def _remarks(session: Session, row: Review, told: list[dict[str, str]]) -> dict[str, str]:
    """The remarks of a review as the desk's form sends them."""
    html = session.scalars(select(Attempt.body_html).where(Attempt.id == row.attempt_id)).one()
    text, form = rules_remarks.plain_text(html), dict[str, str]()
    for n, one in enumerate(told, 1):
        start = text.index(one["quote"])
        place = rules_remarks.Passage(row.attempt_id, start, start + len(one["quote"]), one["quote"])
        form |= rules_remarks.fields_of(rules_remarks.Typed(n, place, one["say"]))
    return form
