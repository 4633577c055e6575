"""The club's home: for a stranger the club, for a member what to do next, for staff what waits for them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from flask import Blueprint, url_for
from sqlalchemy.orm import Session

from qunclub.adapters import accounts
from qunclub.admin.overview import overview
from qunclub.homework import queries_desk
from qunclub.kernel import Actor, render_markdown
from qunclub.kernel.text import plain
from qunclub.orders import queries_memberships as memberships
from qunclub.web import (
    NavItem,
    _,
    _l,
    allow,
    club,
    current_actor_or_none,
    locale,
    now,
    reading,
    register,
    render,
)

from . import own, queries
from .words import told

bp = Blueprint("home", __name__)
register(NavItem("main", _l("Home"), "qunclub.home.index", "house", 0, phone=True))


@lru_cache(maxsize=8)
def about_html(source: str) -> str:
    """What the club says of itself; it changes seldom, so it is rendered once."""
    return render_markdown(source)


@bp.get("/")
@allow("anyone")
def index() -> Any:
    """The club."""
    actor, moment = current_actor_or_none(), now()
    with reading() as session:
        home = (
            queries.home(
                session,
                actor=actor,
                member_id=actor.member_id,
                course_access=club().course_access,
                now=moment,
            )
            if actor is not None and actor.member_id is not None
            else None
        )
        staff = actor is not None and (actor.has("instructor") or actor.has("host"))
        numbered = home is not None and home.member.number is not None
        front = None if numbered else queries.front(session, moment)
        profile = front.profile if front else {}
        tagline = profile.get("tagline", {}).get(locale(), "")
        about = profile.get("about", {}).get(locale(), "")
        return render(
            "home/index.html",
            home=home,
            numbered=numbered,
            step=told(home.step, home) if home and (numbered or not staff) else None,
            front=front,
            tagline=tagline,
            about=about_html(about) if about else "",
            unverified=accounts.unverified(),
            failing=memberships.failing(session, home.member.id) if home and numbered else [],
            now=moment,
            **_staff(session, actor),
            page_meta={
                "title": club().settings.club_name,
                "description": tagline
                or plain(about_html(about))
                or _("Learn together, hand in, be reviewed, rise."),
                "url": club().settings.site_url + url_for(".index"),
            },
        )


@bp.get("/me")
@allow("signed_in")
def me() -> Any:
    """One's own page."""
    return own.page()


def _staff(session: Session, actor: Actor | None) -> dict[str, Any]:
    """What waits for an instructor and for an admin; nothing is read for others."""
    desk = view = None
    if actor is not None and actor.has("instructor") and actor.member_id is not None:
        desk = queries_desk.stats(session, member_id=actor.member_id, now=now())
    if actor is not None and actor.has("admin"):
        view = overview(session, now=now(), zone=club().settings.zone)
    return {"desk": desk, "view": view, "shown": queries_desk.QueueStats.shown}
