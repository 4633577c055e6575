"""The levels of a rubric's criteria are saved, and read for a judgement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from . import rules, rules_levels
from .models import Criterion
from .models_levels import CriterionLevel
from .rules_levels import LevelSpec


def save_levels(session: Session, wanted: Mapping[int, Sequence[LevelSpec]]) -> None:
    """Make these the levels of these criteria, by id. What reviews said keeps its words; see ``ReviewScore``."""
    session.execute(delete(CriterionLevel).where(CriterionLevel.criterion_id.in_(wanted)))
    rows = [
        {
            "criterion_id": criterion_id,
            "position": place,
            "points": one.points,
            "title": one.title,
            "description": one.description,
        }
        for criterion_id, levels in wanted.items()
        for place, one in enumerate(levels, 1)
    ]
    if rows:
        session.execute(insert(CriterionLevel), rows)


def scales(session: Session, rubric_id: int) -> list[rules.Scale]:
    """The criteria of a rubric as the score rule sees them: one statement."""
    rows = session.execute(
        select(
            Criterion.id,
            Criterion.max_points,
            Criterion.weight,
            Criterion.title,
            CriterionLevel.points,
            CriterionLevel.title.label("level"),
            CriterionLevel.description,
        )
        .outerjoin(CriterionLevel, CriterionLevel.criterion_id == Criterion.id)
        .where(Criterion.rubric_id == rubric_id)
        .order_by(Criterion.position, CriterionLevel.position)
    ).all()
    steps: dict[int, list[LevelSpec]] = {row.id: [] for row in rows}
    for row in rows:
        if row.points is not None:
            steps[row.id].append(LevelSpec(row.points, row.level, row.description))
    found = {row.id: row for row in rows}
    return [
        rules.Scale(row.id, row.max_points, row.weight, row.title, tuple(steps[row.id]))
        for row in found.values()
    ]


def words(scales: Sequence[rules.Scale], scores: Mapping[int, int]) -> dict[int, LevelSpec]:
    """The levels that *scores* name, by criterion.

    Raises:
        Invalid: when a score is none of its criterion's levels.
    """
    found = {}
    for scale in scales:
        if scale.criterion_id in scores:
            level = rules_levels.chosen(scale.title, scale.levels, scores[scale.criterion_id])
            if level is not None:
                found[scale.criterion_id] = level
    return found
