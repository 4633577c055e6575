"""The showcase: consent is asked of the database every time, so a withdrawal counts at once.

Long lists are read by a mark, the place where the page before ended: the thousandth page costs what the first does.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from qunclub.courses.models import Course
from qunclub.kernel import Marked, NotFound, Page, paginate
from qunclub.kernel.pages import mark
from qunclub.kernel.text import plain
from qunclub.kernel.unindexed import unindexed
from qunclub.members.models import Member

from . import queries_teams
from .models import Assignment, Attempt, ShowcaseEntry, Submission, SubmissionFile
from .models_showcase import ShowcaseLike
from .models_teams import WorkShare
from .queries_attempts import FileView
from .uploads import PICTURES

PER_PAGE = 24
SORTS = ("newest", "liked")


@dataclass(frozen=True, slots=True)
class ShowcaseCard:
    """Featured work in the showcase."""

    entry_id: int
    title: str
    author: str
    course: str
    excerpt: str
    picture_id: int | None
    likes: int = 0
    liked: bool = False
    mine: bool = False


@dataclass(frozen=True, slots=True)
class Wish:
    """What of the showcase somebody wants to see.

    Attributes:
        since, until: shown from *since* on and before *until* (aware).
        author: the author's member id.
        after: the mark of the page before.
        season: featured from the first moment on and before the second (aware).
    """

    course_id: int | None = None
    assignment_id: int | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    sort: str = "newest"
    author: int | None = None
    after: str = ""
    season: tuple[dt.datetime, dt.datetime] | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A page of cards; *more* is the mark of the next one, empty on the last."""

    cards: list[ShowcaseCard]
    more: str


def is_shown() -> ColumnElement[bool]:
    """Featured, its author consents, and no admin took it down."""
    return and_(
        ShowcaseEntry.consented_at.is_not(None),
        ShowcaseEntry.hidden_at.is_(None),
        Submission.featured.is_(True),
    )


def _works() -> Select[*tuple[Any, ...]]:
    return (
        select(
            ShowcaseEntry.id,
            ShowcaseEntry.attempt_id,
            ShowcaseEntry.member_id,
            ShowcaseEntry.submission_id,
            Submission.team_id,
            ShowcaseEntry.consented_at,
            ShowcaseEntry.featured_at,
            ShowcaseEntry.sentence,
            ShowcaseEntry.likes,
            ShowcaseEntry.hidden_at,
            ShowcaseEntry.hidden_reason,
            Assignment.title,
            Assignment.id.label("assignment_id"),
            Course.id.label("course_id"),
            Course.title.label("course"),
            Course.slug.label("course_slug"),
            Course.state.label("course_state"),
            Member.nickname,
            Member.name,
            Member.number,
            Attempt.body_html,
            Attempt.link,
        )
        .join(Submission, Submission.id == ShowcaseEntry.submission_id)
        .join(Attempt, Attempt.id == ShowcaseEntry.attempt_id)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .join(Course, Course.id == Assignment.course_id)
        .join(Member, Member.id == ShowcaseEntry.member_id)
    )


def showcase(
    session: Session, wish: Wish, *, reader: int | None = None, per_page: int = PER_PAGE
) -> Shown:  # fmt: skip
    """Shown works that fit *wish*: two statements, three for a member, who sees their likes."""
    query = _works().where(is_shown())
    # Along the order of the list: SQLite would rather read and sort all the work of a course, shown or not.
    if wish.course_id is not None:
        query = query.where(unindexed(Assignment.course_id) == wish.course_id)
    if wish.assignment_id is not None:
        query = query.where(unindexed(Submission.assignment_id) == wish.assignment_id)
    if wish.since is not None:
        query = query.where(ShowcaseEntry.consented_at >= wish.since)
    if wish.until is not None:
        query = query.where(ShowcaseEntry.consented_at < wish.until)
    if wish.season is not None:
        query = query.where(_featured_in(wish.season))
    if wish.author is not None:
        query = query.where(ShowcaseEntry.submission_id.in_(queries_teams.works_of(wish.author)))
    query = _from_mark(query, wish)
    rows = session.execute(query.limit(per_page + 1)).all()
    last = rows[per_page - 1] if len(rows) > per_page else None
    more = mark(*_sorted(wish).of(last)) if last else ""
    rows = rows[:per_page]
    pictures = first_pictures(session, [row.attempt_id for row in rows])
    liked = likes_of(session, reader, [row.id for row in rows]) if reader is not None else frozenset()
    teams = teams_of(session, rows)
    cards = [
        ShowcaseCard(
            entry_id=row.id,
            title=row.title,
            author=names(row, teams),
            course=row.course,
            excerpt=row.sentence or plain(row.body_html, 120),
            picture_id=pictures.get(row.attempt_id),
            likes=row.likes,
            liked=row.id in liked,
            mine=row.member_id == reader
            or any(one.member_id == reader for one in teams.get(row.submission_id, ())),
        )
        for row in rows
    ]
    return Shown(cards, more)


def teams_of(session: Session, rows: Iterable[Any]) -> dict[int, list[queries_teams.Author]]:
    """The authors of those works that a team made: one statement, none when there is no such work."""
    together = [row.submission_id for row in rows if row.team_id is not None]
    return queries_teams.authors(session, together) if together else {}


def names(row: Any, teams: dict[int, list[queries_teams.Author]]) -> str:
    """Whose a shown work is, as a page says it: the nickname, or those of a team."""
    together = teams.get(row.submission_id)
    return "、".join(one.name for one in together) if together else row.nickname or row.name


def _from_mark(query: Select[*tuple[Any, ...]], wish: Wish) -> Select[*tuple[Any, ...]]:
    order = _sorted(wish)
    behind = order.after(wish.after)
    return (query if behind is None else query.where(behind)).order_by(*order.order())


def _sorted(wish: Wish) -> Marked:
    if wish.sort == "liked":
        return Marked(
            ShowcaseEntry.likes,
            ShowcaseEntry.id,
            newest=True,
            of=lambda row: (row.likes, row.id),
            number=True,
        )
    if wish.season is not None:
        # Along the index that finds the season: an old one costs what the present one does.
        return Marked(
            ShowcaseEntry.featured_at, ShowcaseEntry.id, newest=True, of=lambda row: (row.featured_at, row.id)
        )
    return Marked(
        ShowcaseEntry.consented_at, ShowcaseEntry.id, newest=True, of=lambda row: (row.consented_at, row.id)
    )


def _featured_in(season: tuple[dt.datetime, dt.datetime]) -> ColumnElement[bool]:
    return and_(ShowcaseEntry.featured_at >= season[0], ShowcaseEntry.featured_at < season[1])


def of_season(session: Session, season: tuple[dt.datetime, dt.datetime]) -> tuple[int, int]:
    """How many works of a season are shown, and how often they are liked: one statement."""
    works, likes = session.execute(
        select(func.count(), func.coalesce(func.sum(ShowcaseEntry.likes), 0))
        .join(Submission, Submission.id == ShowcaseEntry.submission_id)
        .where(is_shown(), _featured_in(season))
    ).one()
    return works, int(likes)


def newest(session: Session, n: int) -> list[ShowcaseCard]:
    """The *n* works shown last."""
    return showcase(session, Wish(), per_page=n).cards


def likes_of(session: Session, member_id: int, entry_ids: Iterable[int]) -> frozenset[int]:
    """Which of these works a member likes."""
    query = select(ShowcaseLike.entry_id).where(
        ShowcaseLike.member_id == member_id, ShowcaseLike.entry_id.in_(list(entry_ids))
    )
    return frozenset(session.scalars(query))


def showcase_entry(session: Session, entry_id: int) -> Any:
    """One shown work.

    Raises:
        NotFound: also when its author does not consent (any more), or an admin took it down.
    """
    row = session.execute(_works().where(ShowcaseEntry.id == entry_id, is_shown())).one_or_none()
    if row is None:
        raise NotFound()
    return row


def author(session: Session, number: int) -> Any:
    """The author of shown works with a member number.

    Raises:
        NotFound: also for members of whom nothing is shown: who is a member is not told here.
    """
    row = session.execute(
        select(Member.id, Member.number, Member.nickname, Member.name).where(Member.number == number)
    ).one_or_none()
    if row is None:
        raise NotFound()
    shown = (
        select(ShowcaseEntry.id)
        .join(Submission, Submission.id == ShowcaseEntry.submission_id)
        .where(Submission.id.in_(queries_teams.works_of(row.id)), is_shown())
    )
    if session.scalar(shown.limit(1)) is None:
        raise NotFound()
    return row


def own(session: Session, member_id: int) -> list[Any]:
    """A member's featured works, shown or not, the latest first."""
    query = _works().where(
        ShowcaseEntry.submission_id.in_(queries_teams.works_of(member_id)), Submission.featured.is_(True)
    )
    return list(session.execute(query.order_by(ShowcaseEntry.id.desc()).limit(200)))


def own_one(session: Session, *, submission_id: int, member_id: int) -> Any:
    """One's own featured work.

    Raises:
        NotFound: also for another's.
    """
    row = session.execute(
        _works().where(
            ShowcaseEntry.submission_id == submission_id,
            ShowcaseEntry.submission_id.in_(queries_teams.works_of(member_id)),
            Submission.featured.is_(True),
        )
    ).one_or_none()
    if row is None:
        raise NotFound()
    return row


def courses(session: Session) -> list[Any]:
    """(id, title) of every published course, for the filter."""
    return list(
        session.execute(
            select(Course.id, Course.title)
            .where(Course.state == "published")
            .order_by(Course.position, Course.id)
        )
    )


def assignments(session: Session, course_id: int) -> list[Any]:
    """The homework of a course, for the filter."""
    return list(
        session.execute(
            select(Assignment.id, Assignment.title)
            .join(Course, Course.id == Assignment.course_id)
            .where(Course.id == course_id, Course.state == "published", Assignment.state == "published")
            .order_by(Assignment.position, Assignment.id)
        )
    )


def admin_list(session: Session, *, q: str, state: str, page: int) -> Page[Any]:
    """Works that are or were to be seen, or that an admin hid, the latest first."""
    query = _works().where(Submission.featured.is_(True))
    if state == "hidden":
        query = query.where(ShowcaseEntry.hidden_at.is_not(None))
    elif state == "shown":
        query = query.where(is_shown())
    else:
        query = query.where(
            or_(ShowcaseEntry.consented_at.is_not(None), ShowcaseEntry.hidden_at.is_not(None))
        )
    if q:
        fellow = aliased(Member)
        shared = select(WorkShare.submission_id).join(fellow, fellow.id == WorkShare.member_id)
        fits = [Assignment.title.icontains(q, autoescape=True), _called(Member, q)]
        fits.append(ShowcaseEntry.submission_id.in_(shared.where(_called(fellow, q))))
        query = query.where(or_(*fits))
    return paginate(session, query.order_by(ShowcaseEntry.id.desc()), page=page)


def _called(member: type[Member], q: str) -> ColumnElement[bool]:
    words = [member.nickname.icontains(q, autoescape=True), member.name.icontains(q, autoescape=True)]
    if q.isascii() and q.isdigit() and len(q) < 10:
        words.append(member.number == int(q))
    return or_(*words)


def admin_one(session: Session, entry_id: int) -> Any:
    """One work as an admin sees it: what is hidden or shown, not what was never to be seen.

    Raises:
        NotFound: also when neither its author consents nor an admin hid it.
    """
    row = session.execute(
        _works().where(
            ShowcaseEntry.id == entry_id,
            or_(ShowcaseEntry.consented_at.is_not(None), ShowcaseEntry.hidden_at.is_not(None)),
        )
    ).one_or_none()
    if row is None:
        raise NotFound()
    return row


def pictures_of(session: Session, attempt_id: int) -> list[FileView]:
    """The pictures of an attempt: all that strangers see of its files."""
    rows = session.execute(
        select(SubmissionFile.id, SubmissionFile.name, SubmissionFile.content_type, SubmissionFile.size)
        .where(SubmissionFile.attempt_id == attempt_id, SubmissionFile.content_type.in_(PICTURES))
        .order_by(SubmissionFile.id)
    )
    return [FileView(*row) for row in rows]


def first_pictures(session: Session, attempt_ids: Iterable[int]) -> dict[int, int]:
    """The first picture of each attempt."""
    found: dict[int, int] = {}
    rows = session.execute(
        select(SubmissionFile.attempt_id, SubmissionFile.id)
        .where(SubmissionFile.attempt_id.in_(list(attempt_ids)), SubmissionFile.content_type.in_(PICTURES))
        .order_by(SubmissionFile.id)
    )
    for attempt_id, file_id in rows:
        found.setdefault(attempt_id, file_id)
    return found
