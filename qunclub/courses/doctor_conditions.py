"""What must hold of what courses ask beside a pass: an answer that the access rule does not know opens nothing."""

from __future__ import annotations

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from qunclub.kernel import Finding

from . import rules_conditions
from .models_access import CourseCondition


def check(session: Session) -> list[Finding]:
    """Conditions that the access rule cannot read: one statement."""
    one = CourseCondition
    strange = or_(
        one.role.not_in(rules_conditions.ROLES),
        and_(one.season_id.is_not(None), one.window.not_in(rules_conditions.WINDOWS)),
    )
    found = list(session.scalars(select(one.course_id).where(strange).distinct().order_by(one.course_id)))
    count = session.scalar(select(func.count()).where(strange)) if found else 0
    if not found:
        return []
    return [
        Finding(
            9,
            f"{count} conditions of courses name a role or a window of a season that there is not; save who may enter "
            f"the courses {', '.join(map(str, found[:20]))} again.",
            {"courses": found[:100]},
        )
    ]
