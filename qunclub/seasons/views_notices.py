"""A member says whether the weekly letters about where they stand may come."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from qunclub.web import _, allow, flash, member_id, now, reading, render, see_other, unit_of_work

from . import queries_notices, services_notices

bp = Blueprint("season_notices", __name__, url_prefix="/season")


@bp.get("/notices")
@allow("signed_in")
def show() -> Any:
    """What these letters are, and whether I get them."""
    with reading() as session:
        return render(
            "seasons/notices.html",
            quiet=queries_notices.quiet(session, member_id()),
            settings=queries_notices.settings(session),
        )


@bp.post("/notices")
@allow("signed_in")
def keep() -> Any:
    """Be silent, or not any more."""
    quiet = request.form.get("quiet") == "1"
    with unit_of_work() as session:
        services_notices.be_quiet(session, member_id=member_id(), quiet=quiet, now=now())
    flash(
        _("No more letters about where you stand.")
        if quiet
        else _("You get a letter when you are near a line, once a week at most.")
    )
    return see_other(".show")
