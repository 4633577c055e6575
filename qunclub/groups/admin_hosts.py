"""The hosts of a group, for admins."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from sqlalchemy.orm import Session
from wtforms import StringField
from wtforms.validators import InputRequired, Length

from qunclub.kernel import NotFound
from qunclub.web import (
    Form,
    _,
    _l,
    allow,
    current_actor,
    flash,
    form_errors,
    now,
    reading,
    render,
    see_other,
    transact,
)

from . import services_hosts
from .models import Group, GroupLine

bp = Blueprint("groups_admin_hosts", __name__, url_prefix="/admin/groups/groups")


class HostForm(Form):
    """Who stands at the group's door."""

    who = StringField(
        _l("Host"),
        [InputRequired(), Length(max=254)],
        description=_l("The number or the e-mail address of a member who has the role of a host."),
    )


@bp.route("/<int:group_id>/hosts", methods=["GET", "POST"])
@allow("admin")
def hosts(group_id: int) -> Any:
    """See who the hosts of a group are, and add one."""
    form = HostForm()
    if form.validate_on_submit():
        with form_errors(form):
            name, new = transact(lambda session: _added(session, group_id, form.who.data or ""))
            flash(
                _("%(name)s is a host of this group now.", name=name)
                if new
                else _("%(name)s is a host of this group already.", name=name)
            )
            return see_other(".hosts", group_id=group_id)
    with reading() as session:
        group = session.get(Group, group_id)
        if group is None:
            raise NotFound()
        page = render(
            "groups/admin_hosts.html",
            form=form,
            group=group,
            line=session.get_one(GroupLine, group.line_id),
            hosts=services_hosts.hosts_of(session, group_id),
            only_here=services_hosts.only_here(session, group_id),
        )
    return page, 422 if form.errors else 200


@bp.post("/<int:group_id>/hosts/<int:member_id>/remove")
@allow("admin")
def remove(group_id: int, member_id: int) -> Any:
    """Take a host off the door."""
    everywhere = transact(
        lambda session: services_hosts.remove_host(
            session, group_id=group_id, member_id=member_id, now=now(), actor=current_actor()
        )
    )
    if everywhere:
        flash(
            _(
                "Taken off the door of this group. They have no group of their own any more and stand at every door of "
                "the club, this one too. If they are to check no tickets, take the role of a host from them."
            ),
            "warning",
        )
    else:
        flash(_("Taken off the door of this group."))
    return see_other(".hosts", group_id=group_id)


def _added(session: Session, group_id: int, who: str) -> tuple[str, bool]:
    member, new = services_hosts.add_host(
        session, group_id=group_id, who=who, now=now(), actor=current_actor()
    )
    return member.shown_name, new
