"""The catalogue, a course's home, and the reading page of a lesson."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from flask import Blueprint, url_for
from sqlalchemy.orm import Session

from qunclub.kernel import Access, Actor, NotFound
from qunclub.web import (
    NavItem,
    _,
    _l,
    absolute_url,
    allow,
    club,
    current_actor,
    current_actor_or_none,
    current_me,
    flash,
    member_id,
    now,
    reading,
    register,
    render,
    render_alike,
    see_other,
    transact,
)
from qunclub.web.parts import csrf_token
from qunclub.web.render import format_date, format_datetime

from . import queries, queries_media, rules, rules_media, services
from .access_text import in_short, opens_when, ways_in, why_locked

bp = Blueprint("courses", __name__)
register(
    NavItem(
        area="main", label=_l("Courses"), endpoint="qunclub.courses.index", icon="book", order=30, phone=True
    )
)

Section = Callable[[Session, queries.CourseView, Actor | None, Access, dt.datetime], str]
SECTIONS: list[Section] = []
"""Capabilities above courses add what a course's home also shows: called with the open session, they give HTML."""

LessonSection = Callable[
    [Session, queries.CourseView, queries.OutlineLesson, Actor | None, Access], tuple[str, dict[str, Any]]
]
LESSON_SECTIONS: list[LessonSection] = []
"""What stands below a lesson that may be read: a template to be kept, and its facts as values that can be compared."""


def _reader() -> tuple[Actor | None, int | None, bool]:
    actor = current_actor_or_none()
    return actor, actor.member_id if actor else None, actor is not None and actor.has("instructor")


@bp.get("/courses")
@allow("anyone")
def index() -> Any:
    """Every course."""
    actor, ident, staff = _reader()
    with reading() as session:
        cards = queries.catalogue(session, member_id=ident, staff=staff)
        access = club().course_access(session, actor=actor, course_ids=[card.id for card in cards], now=now())
    return render("courses/index.html", cards=cards, access=access, in_short=in_short)


@bp.get("/courses/<slug>")
@allow("anyone")
def show(slug: str) -> Any:
    """A course's home: what it teaches, its outline, the next step, why locked."""
    actor, ident, staff = _reader()
    moment = now()
    with reading() as session:
        course = queries.course_view(session, slug=slug, member_id=ident, staff=staff)
        access = club().course_access(session, actor=actor, course_ids=[course.id], now=moment)[course.id]
        worth = queries.lesson_worth(session)
        sections = [section(session, course, actor, access, moment) for section in SECTIONS]
    marks = course.marks(access, moment)
    following = _following(course.lessons, marks, course.done)
    latest = rules.where_i_was(course.lessons)
    if latest is not None and marks[latest].readable:
        following = latest
    return render(
        "courses/show.html",
        course=course,
        description=_linked(course.description_html, slug, "-"),
        access=access,
        worth=worth if _earns() else 0,
        sections=sections,
        outline=_outline(course, marks),
        resumes=latest is not None and following == latest,
        next_lesson=next((one for one in course.lessons if one.id == following), None),
        waits_for=marks[following] if following is not None and not marks[following].readable else None,
        why=why_locked(access),
        ways=ways_in(access),
        when=opens_when(access),
        page_meta={
            "title": course.title,
            "description": course.summary,
            "url": absolute_url("qunclub.courses.show", slug=slug),
        },
    )


@bp.get("/courses/<slug>/<lesson_slug>")
@allow("anyone")
def lesson(slug: str, lesson_slug: str) -> Any:
    """The reading page; a preview is open to everybody, the rest says what opens it."""
    actor, ident, staff = _reader()
    moment = now()
    with reading() as session:
        course, here, body = queries.lesson_page(
            session, slug=slug, lesson_slug=lesson_slug, member_id=ident, staff=staff
        )
        access = club().course_access(session, actor=actor, course_ids=[course.id], now=moment)[course.id]
        worth = queries.lesson_worth(session) if _earns() else 0
        marks = course.marks(access, moment)
        mark = marks[here.id]
        readable = mark.readable
        medium = queries_media.medium_of(session, here.id) if readable and here.kind != "article" else None
        below = [one(session, course, here, actor, access) for one in LESSON_SECTIONS] if readable else []
    if access.allowed and readable and ident is not None and here.opened_at is None:
        reader_id = ident
        transact(lambda work: services.open_lesson(work, member_id=reader_id, lesson_id=here.id, now=moment))
    place = course.lessons.index(here)
    page = render_alike(
        "courses/lesson.html",
        course=course,
        lesson=here,
        body=_linked(body, slug, lesson_slug) if readable else None,
        medium=_shown(medium, slug, lesson_slug, moment),
        place_post=csrf_token() if actor is not None and readable and ident is not None else None,
        place=place + 1,
        readable=readable,
        access=access,
        worth=worth,
        outline=_outline(course, marks),
        first=next((one for one in course.lessons if one.id == mark.first), None),
        below=below,
        opens_at=mark.opens_at,
        before=course.lessons[place - 1] if place else None,
        after=course.lessons[place + 1] if place + 1 < len(course.lessons) else None,
        why=why_locked(access),
        ways=ways_in(access),
        when=opens_when(access),
        page_meta={
            "title": f"{here.title} · {course.title}",
            "description": here.summary or course.summary,
            "url": absolute_url("qunclub.courses.lesson", slug=slug, lesson_slug=lesson_slug),
        },
    )
    return page if readable else (page, 403)


@bp.post("/courses/<slug>/<lesson_slug>/done")
@allow("signed_in")
def done(slug: str, lesson_slug: str) -> Any:
    """Mark a lesson as done and go on to the next one."""
    actor, ident, staff = current_actor(), member_id(), current_actor().has("instructor")
    moment = now()

    def command(session: Session) -> tuple[bool, int, str | None]:
        course = queries.course_view(session, slug=slug, member_id=ident, staff=staff)
        here = _find(course, lesson_slug)
        access = club().course_access(session, actor=actor, course_ids=[course.id], now=moment)[course.id]
        first = services.complete_lesson(
            session, member_id=ident, lesson_id=here.id, access=access, now=moment, actor=actor
        )
        place = course.lessons.index(here)
        # On to what lies ahead first, then to what was left out before.
        ahead = (*course.lessons[place + 1 :], *course.lessons[:place])
        finished = course.done | {here.id}
        following = _following(ahead, course.marks(access, moment), finished)
        target = next((one.slug for one in course.lessons if one.id == following), None)
        return first, queries.lesson_worth(session) if first else 0, target

    first, worth, target = transact(command)
    if first:
        earned = _("Done, and %(points)s points earned.", points=worth) if worth and _earns() else _("Done.")
        flash(earned)
    if target is None:
        if first:
            flash(_("That was the last lesson of this course. Well done."))
        return see_other(".show", slug=slug)
    return see_other(".lesson", slug=slug, lesson_slug=target)


def _address(slug: str, lesson_slug: str, name: str) -> str:
    return url_for("qunclub.media.fetch", slug=slug, lesson_slug=lesson_slug, name=name)


def _linked(html: str, slug: str, lesson_slug: str) -> str:
    """A text with its files at the address where they are fetched; the same for every reader."""
    return rules_media.linked(html, lambda name: _address(slug, lesson_slug, name))


def _shown(
    medium: rules_media.Medium | None, slug: str, lesson_slug: str, moment: dt.datetime
) -> dict[str, Any] | None:
    """What the page says of a lesson's medium; the link of a live session only while its door is open."""
    if medium is None:
        return None
    found: dict[str, Any] = {"kind": medium.kind, "name": medium.name, "size": medium.size}
    if medium.name:
        found["url"] = _address(slug, lesson_slug, medium.name)
    if medium.live_starts_at is not None:
        found["state"] = rules_media.live_state(medium.live_starts_at, medium.live_ends_at, moment)
        found["begins"] = format_datetime(medium.live_starts_at)
        found["live_url"] = medium.live_url if found["state"] == "open" else ""
    return found


def _earns() -> bool:
    me = current_me()
    return me is not None and me.number is not None


def _find(course: queries.CourseView, lesson_slug: str) -> queries.OutlineLesson:
    for one in course.lessons:
        if one.slug == lesson_slug:
            return one
    raise NotFound()


def _following(
    lessons: Sequence[queries.OutlineLesson], marks: dict[int, rules.LessonMark], done: frozenset[int]
) -> int | None:
    """The lesson to go on with: the first that is open and not done, else the first that is not done."""
    ready = [one.id for one in lessons if marks[one.id].state != "later"]
    return rules.next_lesson(ready, done=done) or rules.next_lesson([one.id for one in lessons], done=done)


def _outline(
    course: queries.CourseView, marks: dict[int, rules.LessonMark]
) -> tuple[tuple[str, str, str, int, str], ...]:
    """What the outline says of each lesson: slug, title, state, minutes, and when it opens."""
    rows = []
    for one in course.lessons:
        mark = marks[one.id]
        opens = format_date(mark.opens_at) if mark.opens_at is not None else ""
        state = "draft" if one.state == "draft" else mark.state
        rows.append((one.slug, one.title, state, one.minutes, opens))
    return tuple(rows)
