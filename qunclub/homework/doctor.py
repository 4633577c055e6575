"""What must hold of homework on a live database: promise 6, and consent."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, case, cast, exists, func, literal, or_, select
from sqlalchemy.orm import Session, aliased

from qunclub.kernel import Finding
from qunclub.kernel.store import AuditEntry
from qunclub.members.models import Member
from qunclub.points.models import LedgerEntry, PointRule

from . import doctor_second, doctor_teams, rules_work
from .doctor_showcase import likes
from .doctor_teams import earns
from .models import Attempt, Review, ShowcaseEntry, Submission, SubmissionFile
from .models_fair import VerdictChange, WorkAppeal
from .queries_allocation import misallocated

SHOWN = 20
RECEIPTS = 500
INSTEAD = ("appeal", "correction")


def check(session: Session, now: dt.datetime) -> list[Finding]:
    """A constant number of statements, however much was handed in."""
    checks: list[tuple[int, str, Select[Any]]] = [
        (6, "submissions whose state is not what their last review says", _states()),
        (6, "submissions whose judgements are not as many as they wait after", doctor_second.stages()),
        (
            6,
            "submissions that are held without a verdict, or have one that is not theirs",
            doctor_second.held(),
        ),
        (6, "reviews whose attempt belongs to another submission", _reviews()),
        (6, "accepted submissions that did not earn their score", _unpaid()),
        (
            6,
            "submissions whose points differ from what their score earns, or stand without an acceptance",
            _overpaid(),
        ),
        (6, "submissions that earned their score more than once", _doubled()),
        (6, "submissions held without being waited for, by their own author, or without an end", _claims()),
        (6, "submissions that wait for their author, their judge or no instructor", misallocated()),
        (9, "submissions judged otherwise than the last line of their history says", _unexplained()),
        (9, "appeals that are open without a verdict in force, or upheld without another one", _appeals()),
        (9, "works in the showcase that are not featured, or with another's consent", _consents()),
        (9, "works in the showcase whose count of likes is wrong", likes()),
        *doctor_teams.checks(),
    ]
    findings = []
    for promise, what, query in checks:
        ids = list(session.scalars(query.limit(SHOWN)))
        if ids:
            many = f"{SHOWN} or more" if len(ids) == SHOWN else str(len(ids))
            findings.append(Finding(promise, f"{many} {what}: {ids}.", {"ids": ids}))
    return findings + _receipts(session)


def _receipts(session: Session) -> list[Finding]:
    """Of the newest attempts, those whose text or files are not what their receipt is the hash of."""
    rows = session.execute(
        select(Attempt, Submission.assignment_id)
        .join(Submission, Submission.id == Attempt.submission_id)
        .where(Attempt.receipt != "")
        .order_by(Attempt.id.desc())
        .limit(RECEIPTS)
    ).all()
    files: dict[int, list[tuple[str, str]]] = defaultdict(list)
    kept = select(SubmissionFile.attempt_id, SubmissionFile.sha256, SubmissionFile.name).where(
        SubmissionFile.attempt_id.in_([attempt.id for attempt, _ in rows])
    )
    for attempt_id, digest, name in session.execute(kept.order_by(SubmissionFile.id)):
        files[attempt_id].append((digest, name))
    odd = [
        attempt.id
        for attempt, assignment_id in rows
        if attempt.receipt
        != rules_work.receipt(
            rules_work.receipt_text(
                submission_id=attempt.submission_id,
                assignment_id=assignment_id,
                attempt=attempt.n,
                at=attempt.submitted_at,
                body_md=attempt.body_md,
                files=files[attempt.id],
                link=attempt.link,
            )
        )
    ]
    what = f"{len(odd)} attempts whose text or files are not what their receipt says: {odd[:SHOWN]}."
    return [Finding(9, what, {"ids": odd[:SHOWN]})] if odd else []


def source_of(what: str) -> ColumnElement[str]:
    """The ledger's source of what a submission earned, in SQL; see ``award_source``."""
    return literal("submission:").concat(cast(Submission.id, String)).concat(f":{what}")


def _states() -> Select[Any]:
    reopened = exists().where(
        AuditEntry.action == "submission.reopen",
        AuditEntry.target == literal("submission:").concat(cast(Submission.id, String)),
    )
    wrong = or_(
        Attempt.id.is_(None),
        and_(Submission.state.in_(("waiting", "held")), Review.id.is_not(None)),
        and_(Submission.state.in_(("waiting", "held", "accepted")), Attempt.withdrawn_at.is_not(None)),
        and_(Submission.state == "withdrawn", Attempt.withdrawn_at.is_(None)),
        and_(
            Submission.state.not_in(("waiting", "held")), Review.id.is_(None), Attempt.withdrawn_at.is_(None)
        ),
        and_(Submission.state == "accepted", Review.verdict == "return"),
        and_(Submission.state == "accepted", Submission.score != _settled()),
        and_(Submission.state == "returned", Review.verdict != "return", ~reopened),
        Submission.featured
        != case((and_(Submission.state == "accepted", Review.verdict == "feature"), True), else_=False),
    )
    return (
        select(Submission.id)
        .outerjoin(Attempt, (Attempt.submission_id == Submission.id) & (Attempt.n == Submission.attempt))
        .outerjoin(Review, (Review.attempt_id == Attempt.id) & Review.counts)
        .where(wrong)
        .order_by(Submission.id)
    )


def _settled() -> ColumnElement[int]:
    """``rules_work.settled_score`` in SQL: what is divided is never negative, so both databases round alike."""
    return (Review.score * (100 - Attempt.taken_off) + 50) // 100


def _reviews() -> Select[Any]:
    return (
        select(Review.id)
        .join(Attempt, Attempt.id == Review.attempt_id)
        .where(Attempt.submission_id != Review.submission_id)
        .order_by(Review.id)
    )


def _earned_sources() -> list[ColumnElement[str]]:
    """Every source under which the judgement ``Review`` of ``Attempt`` may have earned its score."""
    again = source_of("accepted:").concat(cast(Attempt.n, String))
    return [source_of("accepted"), again, again.concat(":").concat(cast(Review.id, String))]


def _own_entry() -> ColumnElement[bool]:
    first, again, instead = _earned_sources()
    # What takes the place of another judgement earns under a source of its own.
    anew = Review.stage.in_(INSTEAD)
    return or_(and_(anew, LedgerEntry.source == instead), and_(~anew, LedgerEntry.source.in_([first, again])))


def _unpaid() -> Select[Any]:
    # Before the rule took its present form it may have been off; before the number there was nobody to pay.
    return (
        select(Submission.id)
        .join(Member, Member.id == Submission.member_id)
        .join(Attempt, (Attempt.submission_id == Submission.id) & (Attempt.n == Submission.attempt))
        .join(Review, (Review.attempt_id == Attempt.id) & Review.counts)
        .outerjoin(PointRule, PointRule.kind == "homework_accepted")
        .where(
            Submission.state == "accepted",
            Submission.team_id.is_(None),
            Submission.carried_over.is_(False),
            earns() > 0,
            or_(
                PointRule.kind.is_(None),
                and_(PointRule.active.is_(True), Submission.reviewed_at >= PointRule.updated_at),
            ),
            Submission.reviewed_at >= Member.numbered_at,
            ~exists().where(_own_entry()),
        )
        .order_by(Submission.id)
    )


def _live_entries(*columns: Any) -> Select[Any]:
    """What submissions have earned for being accepted and still hold; an entry may come once for each judgement."""
    reversal = aliased(LedgerEntry)
    return (
        select(*columns)
        .join(Review, Review.submission_id == Submission.id)
        .join(Attempt, Attempt.id == Review.attempt_id)
        .join(LedgerEntry, LedgerEntry.source.in_(_earned_sources()))
        .outerjoin(reversal, reversal.reverses_id == LedgerEntry.id)
        .where(reversal.id.is_(None))
    )


def _overpaid() -> Select[Any]:
    return (
        _live_entries(Submission.id)
        .where(
            or_(
                Submission.state != "accepted",
                Submission.carried_over.is_(True),
                and_(Attempt.n == Submission.attempt, LedgerEntry.amount + LedgerEntry.lost != earns()),
                LedgerEntry.member_id != Submission.member_id,
            )
        )
        .distinct()
        .order_by(Submission.id)
    )


def _doubled() -> Select[Any]:
    return (
        _live_entries(Submission.id)
        .group_by(Submission.id)
        .having(func.count(LedgerEntry.id.distinct()) > 1)
        .order_by(Submission.id)
    )


def _unexplained() -> Select[Any]:
    last = (
        select(func.max(VerdictChange.id))
        .where(VerdictChange.submission_id == Submission.id)
        .correlate(Submission)
        .scalar_subquery()
    )
    judged = case(
        (and_(Submission.state == "accepted", Submission.featured.is_(True)), "feature"),
        (Submission.state == "accepted", "accept"),
        else_="return",
    )
    return (
        select(Submission.id)
        .join(Attempt, (Attempt.submission_id == Submission.id) & (Attempt.n == Submission.attempt))
        .outerjoin(VerdictChange, VerdictChange.id == last)
        .where(
            Submission.state.in_(("accepted", "returned")),
            Attempt.withdrawn_at.is_(None),
            or_(
                VerdictChange.id.is_(None),
                VerdictChange.attempt_id != Attempt.id,
                and_(VerdictChange.kind == "reopen", Submission.state != "returned"),
                and_(VerdictChange.kind != "reopen", VerdictChange.after != judged),
                # The score of work that was forgotten while it waited again is gone with it.
                and_(
                    or_(Submission.state == "accepted", Submission.score.is_not(None)),
                    VerdictChange.score_after.is_distinct_from(Submission.score),
                ),
            ),
        )
        .order_by(Submission.id)
    )


def _appeals() -> Select[Any]:
    answered = exists().where(Review.attempt_id == WorkAppeal.attempt_id, Review.stage == "appeal")
    counts = exists().where(Review.attempt_id == WorkAppeal.attempt_id, Review.counts)
    return (
        select(WorkAppeal.id)
        .join(Attempt, Attempt.id == WorkAppeal.attempt_id)
        .join(Submission, Submission.id == WorkAppeal.submission_id)
        .where(
            or_(
                and_(
                    WorkAppeal.state == "open",
                    or_(Submission.state == "waiting", Submission.attempt != Attempt.n, ~counts),
                ),
                and_(WorkAppeal.state == "upheld", ~answered),
                and_(WorkAppeal.state != "upheld", answered),
                and_(Submission.team_id.is_(None), WorkAppeal.member_id != Submission.member_id),
            )
        )
        .order_by(WorkAppeal.id)
    )


def _claims() -> Select[Any]:
    return (
        select(Submission.id)
        .where(
            Submission.claimed_by.is_not(None),
            or_(
                Submission.state != "waiting",
                Submission.claimed_until.is_(None),
                Submission.claimed_by == Submission.member_id,
            ),
        )
        .order_by(Submission.id)
    )


def _consents() -> Select[Any]:
    return (
        select(ShowcaseEntry.id)
        .join(Submission, Submission.id == ShowcaseEntry.submission_id)
        .where(
            or_(
                ShowcaseEntry.member_id != Submission.member_id,
                and_(ShowcaseEntry.consented_at.is_not(None), Submission.featured.is_(False)),
                and_(ShowcaseEntry.consented_at.is_not(None), ShowcaseEntry.revoked_at.is_not(None)),
            )
        )
        .order_by(ShowcaseEntry.id)
    )
