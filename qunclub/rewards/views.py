"""What members see of tuition earned back: on a pass before buying it, on a course's page, on their own page."""

from __future__ import annotations

import datetime as dt

from sqlalchemy.orm import Session

from qunclub.courses.queries import CourseView
from qunclub.courses.views import SECTIONS as COURSE_SECTIONS
from qunclub.kernel import Access, Actor
from qunclub.passes.views import SECTIONS as PLAN_SECTIONS
from qunclub.web import render

from . import queries


def plan_section(session: Session, plan_id: int) -> str:
    """What a pass promises to whoever buys it now."""
    terms = queries.promised(session, plan_id)
    return render("rewards/_plan.html", terms=terms) if terms else ""


def course_section(
    session: Session, course: CourseView, actor: Actor | None, access: Access, moment: dt.datetime
) -> str:
    """How far I am with what I was promised, on the page of a course whose homework counts."""
    if actor is None or actor.member_id is None:
        return ""
    rows = queries.mine(session, actor.member_id)
    running = [row for row in rows if course.id in row.courses and row.state == "in_progress"]
    return render("rewards/_mine.html", rows=running) if running else ""


PLAN_SECTIONS.append(plan_section)
COURSE_SECTIONS.append(course_section)
