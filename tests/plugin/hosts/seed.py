"""What is on offer in the hosts' clubs: one course with homework, one group of ten, one pass."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click
from flask.cli import with_appcontext

SIGNALS = (
    "member_numbered",
    "pass_issued",
    "order_paid",
    "submission_received",
    "submission_reviewed",
    "season_published",
    "season_closed",
)


def clock() -> dt.datetime:
    """The hosts' clock: right, or ahead by as many seconds as a file says."""
    ahead = Path("clock-ahead")
    return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=int(ahead.read_text()) if ahead.exists() else 0)


@click.command("club-seed")
@with_appcontext
def command() -> None:
    """Through the club's own services, in one unit of work."""
    from qunclub import courses, groups, homework, passes, points
    from qunclub.kernel import Actor, clock
    from qunclub.web import unit_of_work

    keys = {"actor": Actor.system("host"), "now": clock.utcnow()}
    with unit_of_work() as session:
        points.ensure_rules(session, now=keys["now"])
        course = courses.create(session, slug="slides", title="Slides", state="published", **keys)
        courses.add_lesson(
            session, course_id=course.id, slug="one", title="One", body_md="Read *this*.", minutes=5, **keys
        )
        homework.create_assignment(
            session,
            course_id=course.id,
            slug="page",
            title="One page",
            criteria=[homework.CriterionSpec("Clear", 10, 100)],
            brief_md="Make one page.",
            state="published",
            **keys,
        )
        line = groups.create_line(
            session, slug="learners", name="Learners", capacities=[10], covenant_md="Be kind.", **keys
        )
        groups.set_entry(
            session,
            group_id=groups.first_group(session, line, now=keys["now"]).id,
            entry_url="https://chat.example.org/learners",
            entry_note="Show your ticket.",
            **keys,
        )
        passes.create_plan(
            session,
            slug="full",
            title="The full pass",
            price=19900,
            currency="CNY",
            group_line_id=line.id,
            course_ids=[course.id],
            **keys,
        )
