"""How a line welcomes newcomers on the board, for admins."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from wtforms import HiddenField, StringField
from wtforms.validators import Length

from qunclub.kernel import NotFound
from qunclub.web import (
    Form,
    RadioField,
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

from . import rules_welcome, services_welcome
from .models import GroupLine
from .models_welcome import LineWelcome

bp = Blueprint("groups_welcome", __name__, url_prefix="/admin/groups")
ACTS = {"group_line.welcome": _l("How a line welcomes newcomers changed")}
WAYS = {
    rules_welcome.OFF: _l("Not at all"),
    rules_welcome.COLLECTED: _l("One line a day with all who came"),
    rules_welcome.EACH: _l("A line for each newcomer"),
}


class WelcomeForm(Form):
    """How newcomers are welcomed on the board."""

    mode = RadioField(_l("On the board of the group"), choices=list(WAYS.items()), default=rules_welcome.OFF)
    words_zh = StringField(_l("The words in Chinese"), [Length(max=rules_welcome.LONGEST)])
    words_en = StringField(
        _l("The words in English"),
        [Length(max=rules_welcome.LONGEST)],
        description=_l(
            "With {nickname}, {number} and {city}. What stands in [brackets] is left out when the newcomer has not "
            "said it. Empty: the words of the club; one language only: everybody reads that one."
        ),
    )
    version = HiddenField()


@bp.route("/<int:line_id>/welcome", methods=["GET", "POST"])
@allow("admin")
def edit(line_id: int) -> Any:
    """Change how a line welcomes newcomers."""
    with reading() as session:
        line = session.get(GroupLine, line_id)
        if line is None:
            raise NotFound()
        row = session.get(LineWelcome, line_id)
        name, version = line.name, row.version if row else 0
        form = WelcomeForm(data={
            "mode": row.mode if row else rules_welcome.OFF, "words_zh": row.words_zh if row else "",
            "words_en": row.words_en if row else "", "version": str(version),
        })  # fmt: skip
    saving = Saving(form, version)
    if form.validate_on_submit():
        with saving:
            transact(
                lambda work: (
                    services_welcome.set_welcome(
                        work,
                        line_id=line_id,
                        version=saving.seen,
                        mode=form.mode.data or "",
                        words_zh=form.words_zh.data or "",
                        words_en=form.words_en.data or "",
                        actor=current_actor(),
                        now=now(),
                    ).version
                )
            )
        if saving.done:
            flash(_("Saved."))
            return see_other("qunclub.groups_admin.show", line_id=line_id)
    page = render(
        "groups/admin_welcome.html",
        form=form,
        line_id=line_id,
        name=name,
        row=row,
        stale=saving.stale,
        ways=WAYS,
    )
    return page, saving.status
