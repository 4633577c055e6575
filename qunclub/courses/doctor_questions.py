"""What must hold of questions and answers on a live database."""

from __future__ import annotations

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session, aliased

from qunclub.kernel import Finding
from qunclub.points.models import LedgerEntry

from .models import Answer, Question


def check(session: Session) -> list[Finding]:
    """Counts of answers, best answers of their own question, and points only for those: three statements."""
    shown = (
        select(func.count())
        .where(Answer.question_id == Question.id, Answer.hidden_at.is_(None))
        .scalar_subquery()
    )
    miscounted = session.scalars(
        select(Question.id).where(Question.answers != shown).order_by(Question.id).limit(20)
    ).all()
    strays = session.scalars(
        select(Question.id)
        .outerjoin(Answer, and_(Answer.id == Question.best_answer_id, Answer.question_id == Question.id))
        .where(Question.best_answer_id.is_not(None), Answer.id.is_(None))
        .order_by(Question.id)
        .limit(20)
    ).all()
    undone = aliased(LedgerEntry)
    standing = select(func.count(LedgerEntry.id)).where(
        LedgerEntry.kind == "answer_best",
        LedgerEntry.reverses_id.is_(None),
        ~select(undone.id).where(undone.reverses_id == LedgerEntry.id).exists(),
    )
    marked = select(func.count(Question.id)).where(Question.best_answer_id.is_not(None))
    paid, best = session.execute(select(standing.scalar_subquery(), marked.scalar_subquery())).one()
    findings = []
    if miscounted:
        findings.append(
            Finding(
                9,
                f"{len(miscounted)} or more questions count other answers than are shown below them.",
                {"questions": list(miscounted)},
            )
        )
    if strays:
        findings.append(
            Finding(
                6,
                f"{len(strays)} or more questions name a best answer that is not one of theirs.",
                {"questions": list(strays)},
            )
        )
    if paid > best:
        findings.append(
            Finding(
                6,
                f"{paid} best answers have earned points, but only {best} questions have one.",
                {"paid": paid, "marked": best},
            )
        )
    return findings
