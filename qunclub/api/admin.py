"""Tokens for programs, for admins: make one, see when it was last used, revoke it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from sqlalchemy.orm import Session
from wtforms import IntegerField, StringField
from wtforms.validators import InputRequired, Length, NumberRange, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from qunclub.web import (
    Form,
    NavItem,
    SelectField,
    SelectMultipleField,
    _,
    _l,
    absolute_url,
    allow,
    club,
    current_actor,
    flash,
    form_errors,
    now,
    reading,
    register,
    render,
    see_other,
    transact,
)

from . import guard, tokens

bp = Blueprint("api_admin", __name__, url_prefix="/admin/programs")
register(NavItem("admin", _l("Programs"), "qunclub.api_admin.index", "robot", 860, role="admin"))


class TokenForm(Form):
    """A new token."""

    name = StringField(
        _l("Name"), [InputRequired(), Length(max=60)], description=_l("Which program it is for.")
    )
    scopes = SelectMultipleField(
        _l("What it may do"),
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
        validate_choice=False,
    )
    group = SelectField(
        _l("For which group"),
        validate_choice=False,
        description=_l("It then checks tickets at this group's door only."),
    )
    per_minute = IntegerField(
        _l("Requests a minute"),
        [InputRequired(), NumberRange(min=1, max=tokens.MOST_PER_MINUTE)],
        default=120,
    )
    days = IntegerField(
        _l("Good for so many days"),
        [Optional(), NumberRange(min=1, max=3650)],
        description=_l("Empty: until you revoke it."),
    )


@bp.route("", methods=["GET", "POST"])
@allow("admin")
def index() -> Any:
    """The tokens there are; make another."""
    form = TokenForm()
    with reading() as session:
        groups = club().group_book.choices(session)
    _offer(form, groups)
    shown = None
    if form.validate_on_submit():
        with form_errors(form):
            shown = transact(lambda session: _made(session, form, {str(ident) for ident, _name in groups}))
            form = TokenForm(formdata=None)
            _offer(form, groups)
            form.scopes.data = list(guard.scopes())
    elif not form.is_submitted():
        form.scopes.data = list(guard.scopes())
    with reading() as session:
        page = render(
            "api/admin_tokens.html",
            form=form,
            shown=shown,
            tokens=tokens.listed(session),
            scopes=guard.scopes(),
            groups=dict(groups),
            now=now(),
            base_url=absolute_url("qunclub.api_v1.docs").removesuffix("/docs"),
        )
    return page, 422 if form.errors else 200


def _offer(form: TokenForm, groups: list[tuple[int, str]]) -> None:
    form.scopes.choices = list(guard.scopes().items())
    form.group.choices = [("", _l("Every group")), *((str(ident), name) for ident, name in groups)]


def _made(session: Session, form: TokenForm, groups: set[str]) -> str:
    wanted = form.group.data if form.group.data in groups else ""
    return tokens.make(
        session,
        name=form.name.data or "",
        scopes=form.scopes.data or [],
        known=list(guard.scopes()),
        group_id=int(wanted) if wanted else None,
        per_minute=form.per_minute.data or 0,
        days=form.days.data,
        actor=current_actor(),
        now=now(),
    )[1]


@bp.post("/<int:token_id>/revoke")
@allow("admin")
def revoke(token_id: int) -> Any:
    """End a token at once."""
    transact(lambda session: tokens.revoke(session, token_id=token_id, actor=current_actor(), now=now()).id)
    flash(_("The token is revoked: the program is refused from now on."))
    return see_other(".index")
