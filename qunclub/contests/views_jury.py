"""The jury's desk: one entry after the other, without a name, until all are scored."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from qunclub.kernel import Forbidden, NotFound
from qunclub.web import (
    N_,
    _,
    allow,
    flash,
    form_errors,
    member_id,
    now,
    reading,
    render,
    see_other,
    transact,
)

from . import queries, services
from .forms import ScoreForm
from .models import Contest

bp = Blueprint("jury", __name__, url_prefix="/contests/<slug>/jury")
SCORING = ("voting", "judging")


@bp.get("")
@allow("signed_in")
def index(slug: str) -> Any:
    """All entries by number, and the chosen or next one beside its score."""
    contest, rows = _desk(slug)
    chosen = request.args.get("entry", type=int)
    return _page(contest, rows, chosen, None)


@bp.post("/<int:entry_id>")
@allow("signed_in")
def score(slug: str, entry_id: int) -> Any:
    """Keep a score and go to the next entry."""
    contest, rows = _desk(slug)
    if all(row.id != entry_id for row in rows):
        raise NotFound()
    form = ScoreForm()
    if form.validate_on_submit():
        ident, moment, done = member_id(), now(), False
        with form_errors(form):
            transact(
                lambda session: (
                    services.score(
                        session,
                        entry_id=entry_id,
                        juror_id=ident,
                        score=form.score.data if form.score.data is not None else -1,
                        comment=form.comment.data or "",
                        now=moment,
                    ).id
                )
            )
            done = True
        if done:
            flash(_("Score kept. You can change it until the results are published."))
            return see_other(".index", slug=slug)
    return _page(contest, rows, entry_id, form), 422


def _desk(slug: str) -> tuple[Contest, queries.Rows]:
    ident = member_id()
    with reading() as session:
        contest = queries.by_slug(session, slug, staff=False)
        if not queries.reader(session, contest_id=contest.id, member_id=ident).juror:
            raise Forbidden(
                N_("This is for the jury of the contest."), how=N_("An admin can put you on the jury.")
            )
        if services.phase_of(contest, now()) not in queries.SHOWN:
            return contest, []
        return contest, queries.to_score(session, contest_id=contest.id, juror_id=ident)


def _page(contest: Contest, rows: queries.Rows, chosen: int | None, form: ScoreForm | None) -> str:
    at = services.phase_of(contest, now())
    with reading() as session:
        picked = next((row for row in rows if row.id == chosen), None)
        if picked is None and at in SCORING:
            picked = next((row for row in rows if row.score is None), None)
        entry = (
            queries.entry(session, contest_id=contest.id, entry_id=picked.id) if picked is not None else None
        )
    if form is None and picked is not None:
        form = ScoreForm(formdata=None, data={"score": picked.score, "comment": picked.comment or ""})
    return render(
        "contests/jury.html",
        contest=contest,
        phase=at,
        scoring=at in SCORING,
        rows=rows,
        entry=entry,
        form=form,
        done=sum(row.score is not None for row in rows),
    )
