"""The guide to running a season, in the club itself: every step with its page, its buttons and what is then seen."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, url_for

from qunclub.web import _, allow, render

from . import guide

bp = Blueprint("seasons_guide", __name__, url_prefix="/admin/seasons")


@bp.get("/guide")
@allow("admin")
def show() -> Any:
    """All of it, in the reader's language."""
    return render("seasons/admin_guide.html", chapters=guide.CHAPTERS, said=said, way=way)


def said(message: str) -> str:
    """A label as the club shows it, with ``…`` for what differs each time."""
    return re.sub(r"%\(\w+\)s", "…", _(message))


def way(row: guide.Row) -> tuple[str, str]:
    """The links to follow in words, and the address they lead to where it is one for every season."""
    words = [_("the season itself") if part == guide.SEASON else said(part) for part in row.way]
    return " → ".join(words) or _("there"), url_for(row.page) if row.page else ""
