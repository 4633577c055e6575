"""Files of lessons: the address in a page leads to a signed link, and the link asks again whether it may be opened."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, redirect, request, url_for
from limits import parse
from sqlalchemy.orm import Session

from qunclub.kernel import Access, Actor, Forbidden, NotFound
from qunclub.web import N_, allow, club, current_actor_or_none, limit, member_id, now, reading, transact
from qunclub.web.limits import check
from qunclub.web.ranges import give_out_ranges

from . import media_links, queries, queries_media, services_progress
from .models_media import Media
from .rules_media import SHOWN

bp = Blueprint("media", __name__)
DESCRIPTION = "-"
STRANGE = parse("60 per minute")
CLOSED = N_("This file belongs to a lesson that is not open to you.")
HOW = N_("The lesson's page says what opens it.")
OVER = N_("This link is no longer good.")
AGAIN = N_("Open the lesson again; it gives you a new one.")


def _access(session: Session, course_id: int) -> tuple[Actor | None, Access]:
    actor = current_actor_or_none()
    found = club().course_access(session, actor=actor, course_ids=[course_id], now=now())
    return actor, found[course_id]


@bp.get("/courses/<slug>/-/media/<lesson_slug>/<name>")
@allow("anyone")
def fetch(slug: str, lesson_slug: str, name: str) -> Any:
    """A file that a lesson (or the description) shows: on to a link for whoever asks."""
    with reading() as session:
        media = queries_media.found(session, slug=slug, name=name)
        if media is None:
            raise NotFound()
        actor, access = _access(session, media.course_id)
        me = actor.member_id if actor else None
        lesson_id = queries_media.DESCRIPTION
        if lesson_slug != DESCRIPTION:
            view = queries.course_view(session, slug=slug, member_id=me, staff=access.reason == "staff")
            lesson_id = next((one.id for one in view.lessons if one.slug == lesson_slug), -1)
        seen = queries_media.may_fetch(
            session, media, lesson_id=lesson_id, member_id=me, access=access, now=now()
        )
        if seen is None:
            raise Forbidden(CLOSED, how=HOW)
        token = media_links.sign(
            club().secret,
            media_id=media.id,
            lesson_id=lesson_id,
            member_id=0 if seen.public else me or 0,
            now=now(),
        )
    answer = redirect(url_for(".opened", token=token, name=name))
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@bp.get("/courses/-/media/<token>/<name>")
@allow("anyone")
def opened(token: str, name: str) -> Response:
    """The bytes, to whom the link is for, while it is good and the lesson is open to them."""
    link = media_links.read(club().secret, token)
    if link is None:
        check(STRANGE, "media", request.remote_addr or "")
        raise NotFound()
    if not link.holds(now()):
        raise Forbidden(OVER, how=AGAIN)
    with reading() as session:
        media = session.get(Media, link.media_id)
        if media is None:
            raise NotFound()
        actor, access = _access(session, media.course_id)
        me = actor.member_id if actor else None
        if link.member_id and link.member_id != me:
            raise Forbidden(CLOSED, how=HOW)
        seen = queries_media.may_fetch(
            session, media, lesson_id=link.lesson_id, member_id=me, access=access, now=now()
        )
        if seen is None or not (seen.public or link.member_id):
            raise Forbidden(CLOSED, how=HOW)
        inline = media.content_type in SHOWN and "download" not in request.args
        facts: dict[str, Any] = {
            "key": media.storage_key, "size": media.size, "etag": media.sha256[:32], "modified": media.uploaded_at,
            "content_type": media.content_type, "name": media.name, "inline": inline,
        }  # fmt: skip
    return give_out_ranges(**facts)


def _whole(name: str) -> int | None:
    text = request.form.get(name, "")
    return int(text[:9]) if text.isdecimal() else None


@bp.post("/courses/<slug>/<lesson_slug>/place")
@allow("signed_in")
@limit("120 per minute", name="place", key=lambda: str(member_id()))
def place(slug: str, lesson_slug: str) -> Any:
    """Remember where the reader is in a lesson; sent by the page as they read, and when they leave."""
    ident = member_id()

    def command(session: Session) -> None:
        _actor, access = _access_of(session, slug)
        services_progress.keep_place(
            session,
            slug=slug,
            lesson_slug=lesson_slug,
            member_id=ident,
            text=_whole("text"),
            media=_whole("media"),
            access=access,
            now=now(),
        )

    transact(command)
    return "", 204


def _access_of(session: Session, slug: str) -> tuple[Actor | None, Access]:
    return _access(session, queries.course_id(session, slug))
