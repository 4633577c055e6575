"""What a member does with homework: hands it in, hands it in again, lets it be shown or not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from qunclub.kernel import (
    N_,
    Access,
    Actor,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    locks,
    render_markdown,
    signals,
)
from qunclub.kernel.uploads import StoredFile

from . import (
    queries_allocation,
    queries_extensions,
    queries_teams,
    rules,
    rules_links,
    rules_parts,
    rules_second,
    rules_similar,
    rules_work,
    services_allocation,
    services_appeals,
    services_similar,
    services_teams,
)
from .models import Assignment, Attempt, ShowcaseEntry, Submission, SubmissionFile
from .models_work import WorkDraft

# Built once: a replay of many years of homework sends these a hundred thousand times.
_ASSIGNMENT = select(
    Assignment.state,
    Assignment.opens_at,
    Assignment.due_at,
    Assignment.cut_off_at,
    Assignment.late_policy,
    Assignment.late_percent,
    Assignment.max_attempts,
    Assignment.text_part,
    Assignment.file_part,
    Assignment.file_kinds,
    Assignment.second_percent,
    Assignment.sample_key,
    Assignment.link_part,
    Assignment.points_accepted,
    Assignment.points_featured,
    Assignment.team_min,
    Assignment.team_max,
    Assignment.brief_html,
    queries_allocation.planned().label("planned"),
).where(Assignment.id == bindparam("assignment_id"))
_SUBMISSION = (
    select(Submission)
    .where(
        Submission.assignment_id == bindparam("assignment_id"),
        Submission.member_id == bindparam("member_id"),
    )
    .with_for_update()
    .execution_options(populate_existing=True)
)
_TEAM_SUBMISSION = (
    select(Submission)
    .where(Submission.team_id == bindparam("team_id"))
    .with_for_update()
    .execution_options(populate_existing=True)
)
_NEW_ATTEMPT = insert(Attempt).returning(Attempt.id)


def submit(
    session: Session,
    *,
    assignment_id: int,
    member_id: int,
    body_md: str,
    files: Sequence[StoredFile],
    access: Access,
    now: dt.datetime,
    actor: Actor,
    carried_over: bool = False,
    group_ids: Collection[int] = (),
    link: str = "",
) -> Submission:
    """Hand in work: the first attempt, or the next one after a return or after taking one back.

    Two first attempts at once meet the unique index, and the loser runs again (``web.transact``) to be told that the
    work already waits.

    Args:
        files: checked files whose bytes are already stored.
        carried_over: recorded and reviewed, but earns nothing.
        group_ids: the groups in which the member has a seat: a group may have been given more time.
        link: as typed; kept as ``rules_links.clean_link`` writes it.

    Raises:
        Forbidden: when the course is not open to the member.
        Conflict: when nothing can be handed in now.
        Invalid: when there is nothing in it.
    """
    assignment = session.execute(_ASSIGNMENT, {"assignment_id": assignment_id}).one_or_none()
    if assignment is None or (assignment.state != "published" and not actor.has("instructor")):
        raise NotFound()
    if not access.allowed:
        raise Forbidden(
            N_("This homework belongs to a course you have not opened."),
            how=N_("The course's page says what opens it and its homework."),
        )
    link = rules_links.clean_link(link)
    _check_body(body_md, files, link, actor)
    if not actor.key.startswith("system:"):
        parts = rules_parts.parts_of(
            assignment.text_part, assignment.file_part, assignment.file_kinds, assignment.link_part
        )
        rules_parts.check_handed_in(parts, body_md, [one.name for one in files], link)
    team_id = None
    if assignment.team_max is not None and not actor.key.startswith("system:"):
        team_id = services_teams.to_hand_in(
            session,
            assignment_id=assignment_id,
            member_id=member_id,
            least=assignment.team_min,
            most=assignment.team_max,
        )
        submission = session.scalars(_TEAM_SUBMISSION, {"team_id": team_id}).one_or_none()
    else:
        mine = {"assignment_id": assignment_id, "member_id": member_id}
        submission = session.scalars(_SUBMISSION, mine).one_or_none()
    refused = rules.refuse_submit(
        state=submission.state if submission else None,
        attempt=submission.attempt - submission.withdrawn if submission else 0,
        max_attempts=assignment.max_attempts,
        opens_at=assignment.opens_at,
        now=now,
    )
    if refused is not None:
        raise refused
    deadlines = _deadlines(session, assignment, assignment_id, member_id, group_ids, now)
    revising = submission is not None and submission.state == "returned"
    closed = rules_work.refuse_closed(deadlines.closes_at, now, revising=revising)
    if closed is not None:
        raise closed
    timely = rules.on_time(deadlines.due_at, now)
    off = rules_work.taken_off(deadlines, now)
    meant_for = None
    if assignment.planned and not actor.key.startswith("system:"):
        team = [] if team_id is None else queries_teams.joined(session, team_id)
        meant_for = services_allocation.choose(
            session, assignment_id=assignment_id, groups=group_ids, kept_from={member_id, *team}, now=now
        )
    if submission is None:
        submission = Submission(
            assignment_id=assignment_id,
            member_id=member_id,
            team_id=team_id,
            state="waiting",
            featured=False,
            carried_over=carried_over,
            attempt=1,
            # What comes in from elsewhere was judged elsewhere.
            sampled=not actor.key.startswith("system:")
            and rules_second.in_sample(
                assignment.sample_key, assignment_id, member_id, assignment.second_percent
            ),
            submitted_at=now,
            version=1,
        )
        session.add(submission)
    else:
        timely, off = _as_the_first(session, submission.id) or (timely, off)
        submission.state = "waiting"
        submission.attempt += 1
        submission.version += 1
        submission.submitted_at = now
        submission.score = None
        submission.claimed_by = submission.claimed_until = None
        services_appeals.lapse(session, submission_id=submission.id, now=now)
    services_allocation.give(submission, meant_for, now)
    session.flush()
    html = render_markdown(body_md) if body_md else ""
    attempt_id = session.execute(
        _NEW_ATTEMPT,
        {
            "submission_id": submission.id,
            "n": submission.attempt,
            "body_md": body_md,
            "body_html": html,
            "link": link,
            # What a process brings in, many at once, is signed by the sweep.
            "signed": 0 if actor.key.startswith("system:") else rules_similar.SCHEME,
            "submitted_at": now,
            "on_time": timely,
            "taken_off": off,
            "points_accepted": assignment.points_accepted,
            "points_featured": assignment.points_featured,
            "receipt": rules_work.receipt(
                rules_work.receipt_text(
                    submission_id=submission.id,
                    assignment_id=assignment_id,
                    attempt=submission.attempt,
                    at=now,
                    body_md=body_md,
                    files=[(one.sha256, one.name) for one in files],
                    link=link,
                )
            ),
        },
    ).scalar_one()
    if files:
        session.execute(
            insert(SubmissionFile),
            [
                {
                    "attempt_id": attempt_id,
                    "name": one.name,
                    "content_type": one.content_type,
                    "size": one.size,
                    "sha256": one.sha256,
                    "storage_key": one.storage_key,
                    "created_at": now,
                }
                for one in files
            ],
        )
    if not actor.key.startswith("system:"):
        services_similar.keep(session, {attempt_id: services_similar.signature(html, assignment.brief_html)})
    if team_id is not None:
        services_teams.freeze(session, submission, now)
    elif not actor.key.startswith("system:"):
        # Emptied and not deleted: a window that still has the text from before is told that it is behind.
        session.execute(
            update(WorkDraft)
            .where(WorkDraft.assignment_id == assignment_id, WorkDraft.member_id == member_id)
            .values(body_md="", link="", version=WorkDraft.version + 1, saved_at=now)
        )
    signals.after_commit(
        session,
        signals.submission_received,
        submission_id=submission.id,
        assignment_id=assignment_id,
        member_id=member_id,
        attempt=submission.attempt,
    )
    return submission


def consent(session: Session, *, submission_id: int, member_id: int, now: dt.datetime) -> ShowcaseEntry:
    """The author lets featured work be shown to everybody; a team's is shown when all of it have said so."""
    entry = _own_entry(session, submission_id, member_id)
    if entry.consented_at is None and services_teams.all_agree(session, submission_id, member_id, now):
        entry.consented_at = now
        entry.revoked_at = None
    return entry


def withdraw(session: Session, *, submission_id: int, member_id: int, now: dt.datetime) -> ShowcaseEntry:
    """The author takes the consent back: the work is out of sight with this commit."""
    entry = _own_entry(session, submission_id, member_id)
    services_teams.disagree(session, submission_id, member_id)
    if entry.consented_at is not None:
        entry.consented_at = None
        entry.revoked_at = now
    return entry


def _own_entry(session: Session, submission_id: int, member_id: int) -> ShowcaseEntry:
    submission = locks.lock(session, Submission, submission_id)
    if not queries_teams.is_author(session, submission, member_id):
        # Whose work it is, is nobody else's business: not even that it exists.
        raise NotFound()
    entry = session.scalar(select(ShowcaseEntry).where(ShowcaseEntry.submission_id == submission_id))
    if entry is None or not submission.featured:
        raise Conflict(N_("Only featured work is shown in the showcase."))
    return entry


def take_back(session: Session, *, submission_id: int, member_id: int, now: dt.datetime) -> Submission:
    """The author takes waiting work back before anybody reads it; the attempt stays in their own history.

    It does not count against the most attempts allowed. A revision that is taken back leaves the work returned.

    Raises:
        NotFound: when it is somebody else's.
        Conflict: when it no longer waits, or a reviewer holds it at the moment.
    """
    submission = locks.lock(session, Submission, submission_id)
    if not queries_teams.is_author(session, submission, member_id):
        raise NotFound()
    if submission.state != "waiting":
        raise Conflict(N_("This work does not wait for a review any more."))
    held = rules.held_by_other(submission.claimed_by, submission.claimed_until, member_id=member_id, now=now)
    if held or submission.stage != "first":
        raise Conflict(
            N_("A reviewer is reading your work at the moment, so it cannot be taken back."),
            how=N_("Wait for the review; you can say there what you would change."),
        )
    attempt = session.scalars(
        select(Attempt).where(Attempt.submission_id == submission_id, Attempt.n == submission.attempt)
    ).one()
    judged = select(Attempt.id).where(
        Attempt.submission_id == submission_id,
        Attempt.n < submission.attempt,
        Attempt.withdrawn_at.is_(None),
    )
    attempt.withdrawn_at = now
    submission.state = "returned" if session.scalar(judged.limit(1)) is not None else "withdrawn"
    submission.withdrawn += 1
    submission.version += 1
    submission.claimed_by = submission.claimed_until = None
    session.flush()
    return submission


def _deadlines(
    session: Session,
    assignment: Any,
    assignment_id: int,
    member_id: int,
    group_ids: Collection[int],
    now: dt.datetime,
) -> rules_work.Deadlines:
    own = rules_work.Deadlines(
        assignment.opens_at,
        assignment.due_at,
        assignment.cut_off_at,
        assignment.late_policy,
        assignment.late_percent,
    )
    if (own.due_at is None or now <= own.due_at) and (own.closes_at is None or now < own.closes_at):
        # In time anyway: nobody has to be asked.
        return own
    more = queries_extensions.of_member(
        session, member_id=member_id, group_ids=group_ids, assignment_id=assignment_id
    )
    return rules_work.extended(own, more.get(assignment_id, ()))


def _as_the_first(session: Session, submission_id: int) -> tuple[bool, int] | None:
    # Whoever handed in and was asked to revise is as late as they were then: a revision is not a delay. What was
    # taken back was never handed in.
    first = (
        select(Attempt.on_time, Attempt.taken_off)
        .where(Attempt.submission_id == submission_id, Attempt.withdrawn_at.is_(None))
        .order_by(Attempt.n)
        .limit(1)
    )
    row = session.execute(first).one_or_none()
    return None if row is None else (row.on_time, row.taken_off)


def _check_body(body_md: str, files: Sequence[StoredFile], link: str, actor: Actor) -> None:
    if len(body_md) > rules.MAX_BODY:
        raise Invalid(
            N_("Your text is longer than %(limit)s characters."), field="body_md", limit=rules.MAX_BODY
        )
    # Records carried in from elsewhere may have no text of their own.
    if not body_md.strip() and not files and not link and not actor.key.startswith("system:"):
        raise Invalid(N_("Write something, or add a file."), field="body_md")
