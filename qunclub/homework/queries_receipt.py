"""The receipt of what somebody handed in."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.kernel import NotFound

from . import queries_teams, rules_work
from .models import Attempt, Submission, SubmissionFile


@dataclass(frozen=True, slots=True)
class Proof:
    """What the receipt of an attempt says.

    Attributes:
        lines: what *hash* is the hash of.
    """

    attempt: int
    submitted_at: dt.datetime
    hash: str
    lines: str
    files: tuple[tuple[str, str], ...]
    withdrawn_at: dt.datetime | None
    link: str = ""


def receipt(session: Session, *, assignment_id: int, member_id: int, attempt: int) -> Proof:
    """The receipt of one's own attempt: two statements.

    Raises:
        NotFound: when there is no such attempt, or none of one's own, or it came before there were receipts.
    """
    row = session.execute(
        select(Attempt, Submission.id)
        .join(Submission, Submission.id == Attempt.submission_id)
        .where(
            Submission.assignment_id == assignment_id,
            Submission.id.in_(queries_teams.works_of(member_id)),
            Attempt.n == attempt,
        )
    ).one_or_none()
    if row is None or not row[0].receipt:
        raise NotFound()
    found, submission_id = row
    files = session.execute(
        select(SubmissionFile.sha256, SubmissionFile.name)
        .where(SubmissionFile.attempt_id == found.id)
        .order_by(SubmissionFile.id)
    )
    named = tuple((digest, name) for digest, name in files)
    lines = rules_work.receipt_text(
        submission_id=submission_id,
        assignment_id=assignment_id,
        attempt=attempt,
        at=found.submitted_at,
        body_md=found.body_md,
        files=named,
        link=found.link,
    )
    return Proof(attempt, found.submitted_at, found.receipt, lines, named, found.withdrawn_at, found.link)
