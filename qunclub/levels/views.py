"""The path as members read it: its rules, where I stand, what is missing, how I came here."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from qunclub.points.rules import KINDS
from qunclub.web import _, allow, member_id, now, reading, render

from . import queries, rules, services

bp = Blueprint("levels", __name__)


def words() -> dict[str, Any]:
    """What the templates call levels, rights and kinds of points, in the reader's language."""
    return {
        "names": {level: _(label) for level, label in rules.LABELS.items()},
        "right_names": {right: _(label) for right, label in rules.RIGHTS.items()},
        "kind_names": {code: _(kind.label) for code, kind in KINDS.items()},
        "order": rules.LEVELS,
    }


@bp.get("/levels")
@allow("anyone")
def index() -> Any:
    """The rules of the path, for everybody."""
    with reading() as session:
        version, ladder = services.ladder_in_force(session)
        return render("levels/index.html", ladder=ladder, version=version, **words())


@bp.get("/levels/versions/<int:version>")
@allow("anyone")
def version(version: int) -> Any:
    """The rules in one of the forms they had: a line of one's history names it."""
    with reading() as session:
        row, ladder = queries.version_of(session, version)
        current, _ladder = services.ladder_in_force(session)
        return render(
            "levels/version.html", row=row, ladder=ladder, version=version, current=current, **words()
        )


@bp.get("/me/path")
@allow("member")
def path() -> Any:
    """My path."""
    with reading() as session:
        mine = queries.path_of(session, member_id(), now())
        return render("levels/path.html", path=mine, now=now(), **words())
