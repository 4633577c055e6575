"""Databases full of homework for measuring the review desk.

Everything grows with the submissions: authors, attempts, files, reviews, histories, shown works. Assignments and groups
do not, so that every page is full in both clubs.
"""

from __future__ import annotations

import datetime as dt

from benchmarks import bulk
from qunclub import homework
from qunclub.courses.models import Course
from qunclub.kernel import Actor
from tests.support.databases import Db

ACTOR = Actor.system("measuring")
COURSES, EACH = 3, 2
ASSIGNMENTS = COURSES * EACH
SMALL = 30
HELD = 100
DAYS = 400
STATES = (
    "waiting",
    "accepted",
    "waiting",
    "returned",
    "accepted",
    "waiting",
    "featured",
    "accepted",
    "waiting",
    "returned",
)
"""What became of the work with the number n, by its last digit."""


def state_of(n: int) -> str:
    """What became of the *n*-th work."""
    return STATES[n % 10]


def people(submissions: int) -> int:
    """How many authors there are: each has handed in for every assignment."""
    return max(submissions // ASSIGNMENTS, SMALL)


def fill(database: Db, submissions: int, reader: int, now: dt.datetime) -> None:
    """Write *submissions* works of the last :data:`DAYS` days, and all that hangs on them, into an empty database.

    Args:
        reader: member id of who looks at the pages: holds some of the works, judged every third.
    """
    with database.uow() as session:
        works = []
        for place in range(COURSES):
            course = Course(
                slug=f"course-{place}",
                title=f"Course {place}",
                state="published",
                created_at=now,
                updated_at=now,
            )
            session.add(course)
            session.flush()
            works += [
                homework.create_assignment(
                    session,
                    course_id=course.id,
                    slug=f"work-{n}",
                    title=f"Work {place}-{n}",
                    brief_md="Make **one** page.",
                    criteria=[homework.CriterionSpec(name, 10, 50) for name in ("Clear", "True")],
                    state="published",
                    actor=ACTOR,
                    now=now,
                ).id
                for n in range(EACH)
            ]
        if works != list(range(1, ASSIGNMENTS + 1)):
            raise RuntimeError("the database to be filled was not empty")
    with bulk.writing(database, STATEMENTS) as (connection, say):
        last = int(now.timestamp()) - 60
        everybody = people(submissions)
        judged = "(n % 10 IN (1, 3, 4, 6, 7, 9))"
        here: dict[str, object] = {
            # Handed in long before or lately, whatever the number.
            "at": say.moment(
                f"({last} - (CAST(n AS bigint) * 7919 % {submissions}) * {DAYS * 86_400} / {submissions})"
            ),
            "member": f"(1000 + (n - 1) % {everybody})",
            "work": f"(1 + (n - 1) / {everybody} % {ASSIGNMENTS})",
            "state": "(CASE WHEN n % 10 IN (3, 9) THEN 'returned' WHEN n % 10 IN (1, 4, 6, 7) THEN 'accepted' "
            "ELSE 'waiting' END)",
            "judged": judged,
            "featured": "(n % 10 = 6)",
            "verdict": "(CASE WHEN n % 10 IN (3, 9) THEN 'return' WHEN n % 10 = 6 THEN 'feature' ELSE 'accept' END)",
            "attempts": "(CASE WHEN n % 5 = 0 THEN 2 ELSE 1 END)",
            "every": max(submissions // HELD // 10, 1) * 10,
            "reader": reader,
            "reviewer": f"(CASE WHEN n % 3 = 0 THEN {reader} ELSE 1000 + n % 5 END)",
            "pad": say.padded("n"),
            "series": say.numbers(min(submissions, everybody * ASSIGNMENTS)),
            "people": say.numbers(everybody),
            "now": say.moment(str(last)),
            "later": say.moment(str(last + 86_400)),
            "half": SMALL + (everybody - SMALL) // 2,
            "small": SMALL,
        }  # fmt: skip
        bulk.fill(connection, STATEMENTS, lambda statement: statement.format_map(here))
        bulk.count_on(
            connection,
            say,
            (
                "member",
                "submission",
                "attempt",
                "review",
                "showcase_entry",
                "group",
                "group_line",
                "work_appeal",
            ),
        )


STATEMENTS = (
    "INSERT INTO qunclub_member (id, user_key, name, email, number, nickname, city, bio, locale, roles, joined_at, "
    "numbered_at, suspend_reason) SELECT 999 + n, 'measured-' || n, 'Member ' || {pad}, "
    "'member' || {pad} || '@example.com', 1000 + n, '', '', '', 'zh', '[]', {now}, {now}, '' FROM {people}",
    "INSERT INTO qunclub_group_line (id, slug, name, kind, capacities, repeat_last, name_pattern, posting, "
    "posting_note, nickname_rule, waiting_count, next_position, version, created_at) "
    "VALUES (1, 'line', 'Line', 'learner', "
    "'[100000]', false, '', 'staff', '', '', 0, 1, 1, {now})",
    "INSERT INTO qunclub_group (id, line_id, idx, slug, name, capacity, seated, entry_url, entry_note, opened_at) "
    "SELECT n, 1, n, 'group-' || n, 'Group ' || n, 100000, 0, '', '', {now} FROM {people} WHERE n <= 3",
    "INSERT INTO qunclub_seat (member_id, line_id, group_id, state, end_reason, asked_at, admitted_at) "
    "SELECT 999 + n, 1, CASE WHEN n <= {small} THEN 3 WHEN n <= {half} THEN 1 ELSE 2 END, 'admitted', '', {now}, {now} "
    "FROM {people}",
    "INSERT INTO qunclub_submission (id, assignment_id, member_id, state, featured, carried_over, attempt, withdrawn, "
    "submitted_at, reviewed_at, score, claimed_by, claimed_until, version) SELECT n, {work}, {member}, {state}, "
    "{featured}, false, {attempts}, 0, {at}, CASE WHEN {judged} THEN {at} END, CASE WHEN {judged} THEN 80 END, "
    "CASE WHEN n % {every} = 0 THEN {reader} END, CASE WHEN n % {every} = 0 THEN {later} END, 1 FROM {series}",
    "INSERT INTO qunclub_attempt (id, submission_id, n, body_md, body_html, submitted_at, on_time, taken_off, receipt) "
    "SELECT n * 2, n, {attempts}, 'My work.', '<p>My work.</p>', {at}, true, 0, '' FROM {series}",
    "INSERT INTO qunclub_attempt (id, submission_id, n, body_md, body_html, submitted_at, on_time, taken_off, receipt) "
    "SELECT n * 2 + 1, n, 1, 'My first work.', '<p>My first work.</p>', {at}, true, 0, '' FROM {series} "
    "WHERE n % 5 = 0",
    "INSERT INTO qunclub_submission_file (attempt_id, name, content_type, size, sha256, storage_key, created_at) "
    "SELECT n * 2, 'page.png', 'image/png', 1, 'x' || n, 'x' || n, {at} FROM {series} WHERE n % 4 = 0",
    "INSERT INTO qunclub_review (id, submission_id, attempt_id, reviewer_id, reviewer_name, verdict, score, "
    "comment_md, comment_html, created_at, n, stage, counts) "
    "SELECT n, n, n * 2, {reviewer}, 'Reviewer', {verdict}, 80, 'Good.', "
    "'<p>Good.</p>', {at}, 1, 'first', true FROM {series} WHERE {judged}",
    "INSERT INTO qunclub_review_score (review_id, criterion_id, points) SELECT n, {work} * 2 - 1, 8 FROM {series} "
    "WHERE {judged}",
    "INSERT INTO qunclub_review_score (review_id, criterion_id, points) SELECT n, {work} * 2, 8 FROM {series} "
    "WHERE {judged}",
    "INSERT INTO qunclub_verdict_change (submission_id, attempt_id, review_id, kind, before, after, score_after, "
    "actor, actor_name, reason, at) "
    "SELECT n, n * 2, n, 'review', '', {verdict}, 80, 'system:measured', 'Reviewer', '', {at} "
    "FROM {series} WHERE {judged}",
    "INSERT INTO qunclub_work_appeal (submission_id, attempt_id, member_id, reason, state, answer, opened_at, "
    "decided_at) SELECT n, n * 2, {member}, 'Look again.', CASE WHEN n % {every} = 3 THEN 'open' ELSE 'declined' END, "
    "'', {at}, {at} FROM {series} WHERE {judged} AND (n % {every} = 3 OR n % 50 = 9)",
    "INSERT INTO qunclub_showcase_entry (submission_id, attempt_id, member_id, featured_at, consented_at, sentence, "
    "likes, hidden_reason) SELECT n, n * 2, {member}, {at}, CASE WHEN n % 20 = 6 THEN {at} END, '', n % 97, '' "
    "FROM {series} WHERE {featured}",
    "INSERT INTO qunclub_review_draft (submission_id, reviewer_id, fields, version, saved_at) SELECT n, {reader}, "
    '\'{{"comment_md": "So far."}}\', 1, {at} FROM {series} WHERE n % {every} = 0 AND n / {every} <= 10',
)
