"""What the club's home shows to a stranger, a member, an instructor; composed of what the rooms below read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from qunclub import board, groups, points
from qunclub.contests import queries as contests
from qunclub.courses import queries as courses
from qunclub.courses.models import Course, Lesson, Progress
from qunclub.courses.queries import CourseCard
from qunclub.groups import MySeat
from qunclub.homework import queries as homework
from qunclub.homework import queries_showcase
from qunclub.homework.models import ShowcaseEntry, Submission
from qunclub.homework.models_teams import WorkShare
from qunclub.homework.queries import Worth
from qunclub.homework.queries_list import WorkItem, work_list
from qunclub.homework.queries_showcase import ShowcaseCard
from qunclub.homework.queries_teams import works_of
from qunclub.kernel import Actor, store
from qunclub.kernel.ports import CourseAccess
from qunclub.members.models import Member, Tier
from qunclub.orders.models import Order, OrderLine
from qunclub.passes import queries as passes
from qunclub.passes.queries import Holding, Offer
from qunclub.passes.welcome import named
from qunclub.seasons import queries as seasons
from qunclub.seasons import queries_offers
from qunclub.seasons.models import Season
from qunclub.seasons.models_offers import SeatOffer
from qunclub.seasons.queries_live import Mine, live_season

from .steps import Facts, NextLesson, Step, Work, next_step

PROFILE = "club.profile"
# What asks something of the member comes first.
ORDER = {"revise": 0, "write": 1, "late": 2, "wait": 3, "soon": 4, "done": 5, "used_up": 6}


@dataclass(frozen=True, slots=True)
class Preview:
    """A lesson that everybody may read."""

    course: str
    course_slug: str
    title: str
    slug: str
    summary: str
    minutes: int


@dataclass(frozen=True, slots=True)
class Front:
    """The club as a stranger meets it. *profile* is what an admin wrote of it, by language."""

    profile: dict[str, dict[str, str]]
    plans: list[Offer]
    previews: list[Preview]
    works: list[ShowcaseCard]


def profile(session: Session) -> dict[str, dict[str, str]]:
    """What an admin wrote of the club: ``tagline`` and ``about``, each by language."""
    found = store.get_value(session, PROFILE)
    return found if isinstance(found, dict) else {}


def front(session: Session, now: dt.datetime) -> Front:
    """The club presented: top plans, free lessons, shown work."""
    shelf = [offer for offer in passes.catalogue(session, now) if offer.reason is None]
    return Front(
        profile=profile(session),
        plans=shelf[:3],
        previews=_previews(session),
        works=queries_showcase.newest(session, 3),
    )


def _previews(session: Session) -> list[Preview]:
    rows = session.execute(
        select(Course.title, Course.slug, Lesson.title, Lesson.slug, Lesson.summary, Lesson.minutes)
        .join(Course, Course.id == Lesson.course_id)
        .where(Course.state == "published", Lesson.is_preview.is_(True))
        .order_by(Course.position, Course.id, Lesson.position)
        .limit(3)
    )
    return [Preview(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Unpaid:
    """An order that still waits for its payment."""

    code: str
    title: str
    expires_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a member stands: in the running season, and among all who ever earned points."""

    season: Season | None
    mine: Mine | None
    points: int
    place: int | None
    core: bool


@dataclass(frozen=True, slots=True)
class Home:
    """A member's home."""

    member: Member
    tier: Tier | None
    holdings: list[Holding]
    seats: list[MySeat]
    unread: dict[int, int]
    """Posts on the board of each group (by its id) that the member has not read."""
    courses: list[CourseCard]
    work: list[WorkItem]
    worth: Worth
    lesson_worth: int
    standing: Standing
    unpaid: Unpaid | None
    step: Step
    contest: contests.Running | None
    core_offer: SeatOffer | None


def row_of(session: Session, member_id: int) -> tuple[Member, Tier | None]:
    """A member with the tier: one statement."""
    member, tier = session.execute(
        select(Member, Tier).outerjoin(Tier, Tier.id == Member.tier_id).where(Member.id == member_id)
    ).one()
    return member, tier


def home(
    session: Session, *, actor: Actor, member_id: int, course_access: CourseAccess, now: dt.datetime
) -> Home:
    """Everything a member's home shows, in a constant number of statements."""
    member, tier = row_of(session, member_id)
    holdings = passes.holdings(session, member_id)
    seats = groups.my_seats(session, member_id)
    shelf = courses.catalogue(session, member_id=member_id, staff=False)
    access = course_access(session, actor=actor, course_ids=[card.id for card in shelf], now=now)
    own_groups = [one.group.id for one in seats if one.group is not None and one.seat.state == "admitted"]
    mine = [card for card in shelf if access[card.id].allowed]
    open_ids = {card.id for card in mine}
    work = [
        item
        for item in work_list(session, member_id=member_id, now=now, group_ids=own_groups)
        if item.published and (item.course_id in open_ids or item.state is not None)
    ]
    work.sort(key=lambda item: (ORDER.get(item.action, 9), item.due_at or now, item.assignment_id))
    unpaid = _unpaid(session, member_id, now)
    facts = Facts(
        numbered=member.number is not None,
        has_pass=any(one.live(now) or one.suspended(now) for one in holdings),
        unpaid=unpaid.code if unpaid else "",
        covenant=next((one.group.slug for one in seats if one.group and one.closed == "covenant"), ""),
        nameless=_nameless(member, holdings, seats, now),
        work=[
            Work(item.assignment_id, item.title, item.course_title, item.action, item.due_at, item.most)
            for item in work
            # Nobody is sent to what is optional, until they began it.
            if item.course_id in open_ids and (item.state is not None or not item.optional)
        ],
        lesson=_lesson(session, member_id, mine),
        consent=_consent(session, member_id),
    )
    return Home(
        member=member,
        tier=tier,
        holdings=holdings,
        seats=seats,
        unread={one.group_id: one.unread for one in board.my_boards(session, member_id)},
        courses=mine,
        work=work,
        worth=homework.worth(session),
        lesson_worth=courses.lesson_worth(session),
        standing=standing(session, member_id, now),
        unpaid=unpaid,
        step=next_step(facts, now),
        contest=contests.running(session, now),
        core_offer=queries_offers.mine(session, member_id, now),
    )


def _nameless(
    member: Member, holdings: Sequence[Holding], seats: Sequence[MySeat], now: dt.datetime
) -> int | None:
    """The pass whose welcome page asks for a name; None when the groups know what to call the member."""
    rules = [one.line.nickname_rule for one in seats] or [""]
    if all(named(member, rule) for rule in rules):
        return None
    return next((one.held.id for one in holdings if one.live(now)), None)


def _unpaid(session: Session, member_id: int, now: dt.datetime) -> Unpaid | None:
    row = session.execute(
        select(Order.code, OrderLine.title, Order.expires_at)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .where(Order.member_id == member_id, Order.state == "pending", Order.expires_at > now)
        .order_by(Order.created_at.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else Unpaid(*row)


def _lesson(session: Session, member_id: int, mine: Sequence[CourseCard]) -> NextLesson | None:
    """The next lesson of the course read last, else of the first that is not finished."""
    unfinished = [card for card in mine if card.done < card.lessons]
    rows = session.execute(
        select(Course.id, Course.slug, Course.title, Lesson.slug, Lesson.title, Lesson.minutes)
        .join(Lesson, Lesson.course_id == Course.id)
        .outerjoin(Progress, (Progress.lesson_id == Lesson.id) & (Progress.member_id == member_id))
        .where(Course.id.in_([card.id for card in unfinished]), Progress.completed_at.is_(None))
        .order_by(Course.position, Course.id, Lesson.position, Lesson.id)
    ).all()
    last = session.scalar(
        select(Progress.course_id)
        .where(Progress.member_id == member_id)
        .order_by(Progress.opened_at.desc(), Progress.id.desc())
        .limit(1)
    )
    found = next((row for row in rows if row.id == last), rows[0] if rows else None)
    if found is None:
        return None
    return NextLesson(found[1], found[2], found[3], found[4], found[5])


def _consent(session: Session, member_id: int) -> int | None:
    """The assignment whose featured work has no word of its author yet."""
    return session.scalar(
        select(Submission.assignment_id)
        .join(ShowcaseEntry, ShowcaseEntry.submission_id == Submission.id)
        .where(
            ShowcaseEntry.submission_id.in_(works_of(member_id)),
            ~exists().where(
                WorkShare.submission_id == ShowcaseEntry.submission_id,
                WorkShare.member_id == member_id,
                WorkShare.consented_at.is_not(None),
            ),
            ShowcaseEntry.consented_at.is_(None),
            ShowcaseEntry.revoked_at.is_(None),
            Submission.featured.is_(True),
        )
        .order_by(ShowcaseEntry.id.desc())
        .limit(1)
    )


def standing(session: Session, member_id: int, now: dt.datetime) -> Standing:
    """The season that runs with both lines, and the place of all time."""
    season = seasons.current(session, now)
    live = None
    if season is not None and season.state == "open":
        live = live_season(session, season, member_id)
    window = points.window_by_key(session, points.ALL_TIME)
    score = points.standing(session, window.id, member_id) if window else None
    place = points.rank_of(session, window.id, score.points) if window and score and score.points else None
    return Standing(
        season=season,
        mine=live.mine if live else None,
        points=score.points if score else 0,
        place=place,
        core=seasons.is_core(session, member_id),
    )
