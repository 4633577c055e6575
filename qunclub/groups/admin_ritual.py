"""What a line asks of newcomers, for admins."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from wtforms import HiddenField, StringField, TextAreaField
from wtforms.validators import Length

from qunclub.kernel import NotFound
from qunclub.web import (
    Form,
    Saving,
    _,
    _l,
    allow,
    current_actor,
    flash,
    now,
    reading,
    render,
    see_other,
    transact,
)

from . import queries_ritual, services_ritual
from .models import GroupLine

bp = Blueprint("groups_ritual", __name__, url_prefix="/admin/groups")
ACTS = {"group_line.ritual": _l("What a line asks of newcomers changed")}


class RitualForm(Form):
    """What newcomers are asked."""

    questions = TextAreaField(
        _l("Questions for the introduction"),
        [Length(max=1000)],
        description=_l(
            "One a line, five at most. Members of the group read the answers; the way in opens when they are given. "
            "Empty: nobody introduces themselves."
        ),
        render_kw={"rows": 5},
    )
    task_title = StringField(
        _l("First task"), [Length(max=120)], description=_l("What a newcomer does first, in a few words.")
    )
    task_md = TextAreaField(
        _l("About the task"),
        [Length(max=4000)],
        description=_l("Markdown: where it is, how long it takes, what comes of it."),
        render_kw={"rows": 6},
    )
    version = HiddenField()


@bp.route("/<int:line_id>/ritual", methods=["GET", "POST"])
@allow("admin")
def edit(line_id: int) -> Any:
    """Change what a line asks."""
    with reading() as session:
        line = session.get(GroupLine, line_id)
        if line is None:
            raise NotFound()
        row = queries_ritual.ritual_of(session, line_id)
        name, version = line.name, row.version if row else 0
        form = RitualForm(data={
            "questions": "\n".join(row.questions) if row else "", "task_title": row.task_title if row else "",
            "task_md": row.task_md if row else "", "version": str(version),
        })  # fmt: skip
    saving = Saving(form, version)
    if form.validate_on_submit():
        with saving:
            transact(
                lambda work: (
                    services_ritual.set_ritual(
                        work,
                        line_id=line_id,
                        version=saving.seen,
                        questions_typed=form.questions.data or "",
                        task_title=form.task_title.data or "",
                        task_md=form.task_md.data or "",
                        actor=current_actor(),
                        now=now(),
                    ).version
                )
            )
        if saving.done:
            flash(_("Saved."))
            return see_other("qunclub.groups_admin.show", line_id=line_id)
    return render(
        "groups/admin_ritual.html", form=form, line_id=line_id, name=name, row=row, stale=saving.stale
    ), saving.status
