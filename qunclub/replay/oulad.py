"""The replay: records in, the club's own verbs called in time order, the result read back from the club's tables.

It commits every few hundred events together with its place in the stream, so a kill at any moment loses only what
was not committed, and the next start goes on from there to the same result.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from qunclub import courses, groups, homework, members, orders, passes, points, seasons
from qunclub.kernel import N_, Actor, Conflict, store
from qunclub.members.models import Member

from .oulad_data import Handin, Presentation, Purchase, Records, Work, read
from .oulad_result import result

CHECKPOINT = "replay.oulad"
BATCH = 400
PRICE_MINOR = 19900
ACCEPT_FROM = 40
FEATURE_FROM = 90
ACTOR = Actor.system("replay")
CORE_LINE = "core"


@dataclass(frozen=True, slots=True)
class Options:
    """What to play, by which formula, and how many events are committed together."""

    folder: Path
    modules: tuple[str, ...] = ()
    seats: int = 69
    eliminate: int = 7
    batch: int = BATCH


@dataclass(slots=True)
class Rooms:
    """Ids of what the set-up made, looked up once a start."""

    plans: dict[str, int]
    courses: dict[str, int]
    works: dict[int, int]
    core_group: int
    actors: dict[int, Actor] = field(default_factory=dict)


Run = Callable[[Callable[[Session], Any]], Any]


def midnight(day: dt.date) -> dt.datetime:
    """00:00 UTC of *day*: when everything of that day happens."""
    return dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)


def run(
    session: Session,
    options: Options,
    *,
    transaction: Run,
    progress: Callable[[str], None],
    monotonic: Callable[[], float],
    now: Callable[[], dt.datetime],
) -> dict[str, Any]:
    """Play everything (or what a killed run left) and give the result.

    Args:
        transaction: runs a command in a committed unit of work on *session*.
        progress: takes one line about every two seconds.
        monotonic: seconds, for the rate in the progress lines.
        now: the real moment, only for the note in the log of settings.

    Raises:
        Conflict: when somebody else lives in the club, or another replay was begun in it.
        Invalid: when the records cannot be read.
    """
    records = read(options.folder, options.modules)
    key = f"{records.fingerprint}:{options.seats}:{options.eliminate}"
    state = store.get_value(session, CHECKPOINT)
    if state is None:
        if session.scalar(select(func.count()).select_from(Member)):
            raise Conflict(N_("The replay needs an empty club; this one has members."))
        transaction(lambda work: _set_up(work, records, options, key))
        state = store.get_value(session, CHECKPOINT)
    if state["key"] != key:
        raise Conflict(N_("Another replay (other files or other options) was begun in this club."))
    rooms = _rooms(session, records)
    position, total = int(state["position"]), len(records.events)
    if position:
        progress(f"going on from event {position:,} of {total:,}")
    began, first, spoke = monotonic(), position, monotonic()
    while position < total:
        after = min(position + options.batch, total)
        start = position

        def play(work: Session, start: int = start, after: int = after) -> None:
            player = Player(work, records, rooms, options)
            for event in records.events[start:after]:
                player.play(event)
            _keep(work, key, after)

        transaction(play)
        session.expunge_all()
        position = after
        if monotonic() - spoke >= 2 or position == total:
            spoke = monotonic()
            rate = (position - first) / max(spoke - began, 0.001)
            day = records.events[position - 1].day
            progress(
                f"{day}  {position / total:6.1%}  {position:,} of {total:,} events, {rate:,.0f} a second"
            )
    transaction(lambda work: Player(work, records, rooms, options).close_last())
    session.expunge_all()
    outcome = result(session, records)
    session.rollback()
    return outcome


def _keep(session: Session, key: str, position: int) -> None:
    store.set_value(session, CHECKPOINT, {"key": key, "position": position})


def _set_up(session: Session, records: Records, options: Options, key: str) -> None:
    """Make the rooms the records need: a course, a plan and a group line a presentation, an assignment a work."""
    first = (
        midnight(min(event.day for event in records.events))
        if records.events
        else midnight(dt.date(2013, 1, 1))
    )
    points.ensure_rules(session, now=first)
    # The records know no points for buying: only homework earns here.
    points.set_rule(session, kind="pass_issued", amount=0, active=False, actor=ACTOR, now=first)
    tier = members.ensure_tier(session, code="ordinary", name="普通会员", rank=10)
    for presentation in records.presentations:
        _set_up_presentation(session, presentation, records.works, tier.id, first)
    core = groups.create_line(
        session, slug=CORE_LINE, name="核心群", kind="core", capacities=[options.seats], repeat_last=False,
        name_pattern="核心群", posting="all", actor=ACTOR, now=first,
    )  # fmt: skip
    groups.first_group(session, core, now=first)
    _keep(session, key, 0)


def _set_up_presentation(
    session: Session, presentation: Presentation, works: tuple[Work, ...], tier_id: int, now: dt.datetime
) -> None:
    slug = presentation.code.lower()
    course = courses.create(
        session, slug=slug, title=presentation.code, summary="", description_md="", actor=ACTOR, now=now
    )
    courses.publish(session, course_id=course.id, actor=ACTOR, now=now)
    line = groups.create_line(
        session, slug=slug, name=presentation.code, kind="learner", capacities=[2000], repeat_last=True,
        name_pattern=presentation.code + " {index}", posting="staff", actor=ACTOR, now=now,
    )  # fmt: skip
    groups.first_group(session, line, now=now)
    passes.create_plan(
        session, slug=slug, title=presentation.code, summary="", description_md="", price=PRICE_MINOR,
        currency="CNY", tier_id=tier_id, group_line_id=line.id, course_ids=[course.id], state="on_sale",
        actor=ACTOR, now=now,
    )  # fmt: skip
    criteria = [homework.CriterionSpec("Mark", 100)]
    for work in works:
        if work.presentation == presentation.code:
            homework.create_assignment(
                session, course_id=course.id, criteria=criteria, slug=f"{work.kind.lower()}-{work.ident}",
                title=f"{work.kind} {work.ident}", brief_md="", due_at=midnight(work.due), state="published",
                actor=ACTOR, now=now,
            )  # fmt: skip


def _rooms(session: Session, records: Records) -> Rooms:
    from qunclub.courses.models import Course
    from qunclub.groups.models import Group, GroupLine
    from qunclub.homework.models import Assignment
    from qunclub.passes.models import Plan

    plans = {slug.upper(): ident for slug, ident in session.execute(select(Plan.slug, Plan.id))}
    course_ids = {slug.upper(): ident for slug, ident in session.execute(select(Course.slug, Course.id))}
    works = {
        int(slug.rpartition("-")[2]): ident
        for slug, ident in session.execute(select(Assignment.slug, Assignment.id))
    }
    core = session.scalars(
        select(Group.id).join(GroupLine, GroupLine.id == Group.line_id).where(GroupLine.slug == CORE_LINE)
    ).one()
    return Rooms(plans, course_ids, works, core)


class Player:
    """Plays one batch of events through the club's verbs."""

    def __init__(self, session: Session, records: Records, rooms: Rooms, options: Options) -> None:
        self.session = session
        self.rooms = rooms
        self.options = options
        self.works = {work.ident: work for work in records.works}
        self.season = seasons.latest(session)

    def play(self, event: Purchase | Handin) -> None:
        """One event."""
        if isinstance(event, Purchase):
            self.buy(event)
        else:
            self.hand_in(event)

    def actor_of(self, student: int, now: dt.datetime) -> Actor:
        """The student as an actor; their member row is made at the first purchase."""
        actor = self.rooms.actors.get(student)
        if actor is None:
            identity = Actor(key=f"oulad:{student}", name=f"OU {student}")
            actor, _me = members.identify(self.session, identity, now)
            self.rooms.actors[student] = actor
        return actor

    def buy(self, event: Purchase) -> None:
        """A registration: an order paid by offline transfer on its day."""
        now = midnight(event.day)
        actor = self.actor_of(event.student, now)
        assert actor.member_id is not None  # identify makes the row
        orders.buy_offline(
            self.session,
            member_id=actor.member_id,
            plan_id=self.rooms.plans[event.presentation],
            ref=f"oulad:{event.presentation}:{event.student}",
            now=now,
            actor=ACTOR,
        )

    def hand_in(self, event: Handin) -> None:
        """A submission, and the review of the same day when it has a mark."""
        now = midnight(event.day)
        actor = self.actor_of(event.student, now)
        assert actor.member_id is not None  # identify makes the row
        course_id = self.rooms.courses[self.works[event.work].presentation]
        access = passes.course_access(self.session, actor=actor, course_ids=[course_id], now=now)[course_id]
        submission = homework.submit(
            self.session,
            assignment_id=self.rooms.works[event.work],
            member_id=actor.member_id,
            body_md="",
            files=(),
            access=access,
            now=now,
            actor=ACTOR,
            carried_over=event.banked,
        )
        if event.score is None:
            return
        accepted = event.score >= ACCEPT_FROM
        featured = accepted and event.score >= FEATURE_FROM and not event.banked
        if accepted and not event.banked:
            self.reach_season(event.day)
        homework.review(
            self.session,
            submission_id=submission.id,
            version=submission.version,
            verdict="feature" if featured else "accept" if accepted else "return",
            scores={},
            comment_md="",
            actor=ACTOR,
            now=now,
            score=event.score,
        )

    def reach_season(self, day: dt.date) -> None:
        """Close the months before *day*'s and open its own: seasons are calendar months from the first points on."""
        month = day.replace(day=1)
        while self.season is None or self.season.starts_at.date() < month:
            start = month if self.season is None else _next_month(self.season.starts_at.date())
            self.close_last()
            self.season = seasons.create_season(
                self.session, slug=f"{start:%Y-%m}", name=f"{start:%Y-%m}", starts_at=midnight(start),
                ends_at=midnight(_next_month(start)), seats=self.options.seats, eliminate=self.options.eliminate,
                protection=1, min_points=1, group_id=self.rooms.core_group, actor=ACTOR, now=midnight(start),
            )  # fmt: skip
            seasons.open_season(self.session, season_id=self.season.id, actor=ACTOR, now=midnight(start))

    def close_last(self) -> None:
        """Freeze, publish and close the season that is open, at its end."""
        if self.season is None or self.season.state == "closed":
            return
        end = self.season.ends_at
        for step in (seasons.freeze, seasons.publish, seasons.close):
            step(self.session, season_id=self.season.id, actor=ACTOR, now=end)


def _next_month(day: dt.date) -> dt.date:
    return (day.replace(day=1) + dt.timedelta(days=32)).replace(day=1)
