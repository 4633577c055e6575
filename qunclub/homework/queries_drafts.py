"""The draft somebody keeps, and how two attempts differ."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.kernel import NotFound

from . import queries_teams
from .models import Attempt, Submission, SubmissionFile
from .models_teams import TeamDraft
from .models_work import WorkDraft


@dataclass(frozen=True, slots=True)
class Draft:
    """What is typed and not handed in; version 0 and no text when there is none."""

    body_md: str = ""
    version: int = 0
    saved_at: dt.datetime | None = None
    link: str = ""


@dataclass(frozen=True, slots=True)
class Side:
    """One of two attempts that are compared; *files* are (name, SHA-256)."""

    n: int
    submitted_at: dt.datetime
    body_md: str
    files: tuple[tuple[str, str], ...]
    link: str = ""


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file of either attempt: ``same``, ``changed``, ``gone`` or ``new``."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two attempts of one submission, the older one first."""

    old: Side
    new: Side
    numbers: tuple[int, ...]
    files: tuple[FileChange, ...]


def draft(session: Session, *, assignment_id: int, member_id: int) -> Draft:
    """One's own draft: one statement."""
    row = session.execute(
        select(WorkDraft.body_md, WorkDraft.version, WorkDraft.saved_at, WorkDraft.link).where(
            WorkDraft.assignment_id == assignment_id, WorkDraft.member_id == member_id
        )
    ).one_or_none()
    return Draft(*row) if row is not None else Draft()


def draft_of_team(session: Session, team_id: int) -> Draft:
    """A team's draft: one statement."""
    row = session.execute(
        select(TeamDraft.body_md, TeamDraft.version, TeamDraft.saved_at, TeamDraft.link).where(
            TeamDraft.team_id == team_id
        )
    ).one_or_none()
    return Draft(*row) if row is not None else Draft()


def comparison(session: Session, *, assignment_id: int, member_id: int, old: int, new: int) -> Comparison:
    """Two of one's own attempts side by side: three statements.

    Raises:
        NotFound: when either of them does not exist, or is somebody else's.
    """
    submission = select(Submission.id).where(
        Submission.assignment_id == assignment_id, Submission.id.in_(queries_teams.works_of(member_id))
    )
    ident = session.scalar(submission)
    if ident is None or old >= new:
        raise NotFound()
    rows = {
        row.n: row
        for row in session.execute(
            select(Attempt.id, Attempt.n, Attempt.submitted_at, Attempt.body_md, Attempt.link)
            .where(Attempt.submission_id == ident)
            .order_by(Attempt.n)
        )
    }
    if old not in rows or new not in rows:
        raise NotFound()
    kept: dict[int, list[tuple[str, str]]] = {rows[old].id: [], rows[new].id: []}
    files = select(SubmissionFile.attempt_id, SubmissionFile.name, SubmissionFile.sha256)
    for attempt_id, name, digest in session.execute(
        files.where(SubmissionFile.attempt_id.in_(kept)).order_by(SubmissionFile.id)
    ):
        kept[attempt_id].append((name, digest))
    left, right = (
        Side(n, rows[n].submitted_at, rows[n].body_md, tuple(kept[rows[n].id]), rows[n].link)
        for n in (old, new)
    )
    return Comparison(
        left,
        right,
        tuple(rows),
        file_changes(left.files, right.files),
    )


def file_changes(
    old: tuple[tuple[str, str], ...], new: tuple[tuple[str, str], ...]
) -> tuple[FileChange, ...]:
    """What became of each file, by its name.

    >>> [(one.name, one.kind) for one in file_changes((("a", "1"), ("b", "2")), (("b", "3"), ("c", "4")))]
    [('a', 'gone'), ('b', 'changed'), ('c', 'new')]
    """
    before, after = dict(old), dict(new)
    gone = [FileChange(name, "gone") for name in before if name not in after]
    kinds = {
        name: "new" if name not in before else "same" if before[name] == digest else "changed"
        for name, digest in after.items()
    }
    return (*gone, *(FileChange(name, kind) for name, kind in kinds.items()))
