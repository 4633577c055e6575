"""Builds the demo club in an empty database, in time order, through the same verbs the pages call.

Nothing is written behind the services' backs: numbers, seats, points, decisions come out of the rules. Only the
clock is moved, because the story has to have happened before today.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from qunclub import groups, homework, members, orders, passes, points
from qunclub.adapters import accounts
from qunclub.courses import services_folder, services_folder_files
from qunclub.courses.folder import CourseText
from qunclub.courses.services_conditions import Books
from qunclub.homework.rules_parts import Parts
from qunclub.kernel import Actor
from qunclub.kernel.outbox import OutboxMessage
from qunclub.kernel.store import set_value
from qunclub.members.models import Member
from qunclub.orders import services_takings
from qunclub.passes.rules_plans import StepDraft
from qunclub.web.state import ClubState
from qunclub.web.uow import transaction

from . import content
from .allocation_story import add_allocation
from .board_story import add_boards, read_old_notices, welcome_newcomers
from .cases_story import add_cases
from .chat_story import open_chats, tick_off
from .city_story import add_city
from .contest_story import add_contests
from .door_story import add_door
from .homework_story import Piece
from .house_story import add_house
from .judging_story import add_judging
from .level_story import add_levels
from .lines_story import open_lines
from .money_story import add_money, money_settings
from .moving_story import add_moving
from .project_story import add_projects
from .recorded_story import add_recorded
from .season_story import HalfWay, Reading, add_seasons
from .showcase_story import add_likes
from .story import Story, tell
from .team_story import add_team
from .tuition_story import add_tuition

PASSWORD = "turn-the-page"
SHOWN_ACCOUNTS = (
    ("admin 管理员", "wenshuhuai@example.com"),
    ("instructor 讲师", "yezhiwei@example.com"),
    ("host 群主", "xiangxiaoman@example.com"),
    ("member 会员", "linkehe@example.com"),
)
TIERS = (
    ("ordinary", "普通会员", 10, "全部基础课程、作业点评、学习群席位"),
    ("diehard", "铁杆会员", 20, "全部课程、优先点评、铁杆研习群、每月线上拆稿会"),
)


@dataclass
class Cast:
    """Ids of what was made, by the names the texts use."""

    now: dt.datetime
    zone: ZoneInfo
    people: dict[str, Actor] = field(default_factory=dict)
    staff: dict[str, Actor] = field(default_factory=dict)
    courses: dict[str, int] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    plans: dict[str, int] = field(default_factory=dict)
    assignments: dict[str, int] = field(default_factory=dict)
    core_group: int = 0

    def ago(self, days: float, hour: float = 0) -> dt.datetime:
        """The moment *days* before the demo's today, plus *hour* hours, but never later than just now."""
        return min(
            self.now - dt.timedelta(days=days) + dt.timedelta(hours=hour), self.now - dt.timedelta(minutes=10)
        )

    def midnight(self, days: float, *, end: bool = False) -> dt.datetime:
        """Midnight in the club's zone of the day *days* from today; with *end*, the last minute of that day."""
        day = (self.now.astimezone(self.zone) + dt.timedelta(days=days)).date()
        at = dt.time(23, 59) if end else dt.time(0)
        return dt.datetime.combine(day, at, self.zone).astimezone(dt.UTC)

    @property
    def admin(self) -> Actor:
        """The demo's admin."""
        return next(actor for actor in self.staff.values() if "admin" in actor.roles)


def build(state: ClubState, *, ways_in: bool = True) -> str:
    """Make the demo club and say what was made; an inhabited database is left alone.

    Without *ways_in* (in a host that has people of its own) no account is told: nobody could sign in with it.
    """
    session = state.session()
    if session.scalar(select(func.count()).select_from(Member)):
        session.rollback()
        return "The database is inhabited; the demo club was not added."
    session.rollback()
    now = state.clock()
    cast = Cast(now=now.replace(second=0, microsecond=0), zone=state.settings.zone)
    secret = accounts.services.hashed(PASSWORD, "demo@example.com")
    with transaction(session):
        _people(session, cast, secret)
        _rooms(session, cast, state)
        open_chats(session, cast, state.files, now=cast.ago(430))
        money_settings(session, state.files, cast)
        tell(session, _story(cast, state))
        tick_off(session, cast, now=cast.ago(0))
        _profile(session)
        _introductions(session, cast, now)
        welcome_newcomers(session, cast.zone)
        read_old_notices(session, now)
        # The story's mails were never meant to be sent.
        session.execute(delete(OutboxMessage))
        while services_takings.book(session, zone=cast.zone, now=now):
            pass
    made = f"The demo club is open: {len(cast.people)} members, {len(cast.plans)} plans."
    if not ways_in:
        return f"{made}\nNobody of the demo can sign in to this app; look at it as one of your own people."
    text = "\n".join(
        ["Demo accounts (password for all of them: " + PASSWORD + ")"]
        + [f"  {role:<14} {email}" for role, email in SHOWN_ACCOUNTS]
    )
    state.settings.instance_path.mkdir(parents=True, exist_ok=True)
    (state.settings.instance_path / "demo-accounts.txt").write_text(text + "\n")
    return f"{made}\n{text}"


def _introductions(session: Session, cast: Cast, now: dt.datetime) -> None:
    for one in content.table("group_lines")["introduction"]:
        member = session.scalars(select(Member).where(Member.email == one["member"])).one()
        groups.introduce(
            session, line_id=cast.lines[one["line"]], member_id=member.id, given=one["answers"], now=now
        )


def _people(session: Session, cast: Cast, secret: str) -> None:
    data = content.table("members")
    for person in data["staff"]:
        joined = cast.ago(430)
        actor = _person(session, person, secret, joined)
        assert actor.member_id is not None  # identify makes the row
        members.set_roles(
            session, member_id=actor.member_id, roles={person["role"]}, actor=Actor.system("demo"), now=joined
        )
        identity = Actor(key=actor.key, name=person["name"], email=actor.email)
        cast.staff[person["email"]] = members.identify(session, identity, joined)[0]
    for person in data["member"]:
        cast.people[person["email"]] = _person(
            session, person, secret, cast.ago(person["joined_days_ago"], -1)
        )


def _person(session: Session, person: dict[str, Any], secret: str, joined: dt.datetime) -> Actor:
    account = accounts.services.sign_up_verified(
        session, email=person["email"], name=person["name"], password_hash=secret, now=joined
    )
    actor, _me = members.identify(session, accounts.services.identity_of(account), joined)
    assert actor.member_id is not None  # identify makes the row
    members.update_profile(
        session,
        member_id=actor.member_id,
        nickname=person["nickname"],
        city=person["city"],
        bio=person.get("bio") or person.get("intro", ""),
    )
    return actor


def _rooms(session: Session, cast: Cast, state: ClubState) -> None:
    opened = cast.ago(430)
    points.ensure_rules(session, now=opened)
    tiers = {
        code: members.ensure_tier(session, code=code, name=name, rank=rank, benefits=benefits).id
        for code, name, rank, benefits in TIERS
    }
    open_lines(session, cast, opened)
    for text in content.courses():
        _course(session, cast, text, opened, state)
    for plan in content.table("plans")["plan"]:
        cast.plans[plan["slug"]] = _plan(session, cast, plan, tiers[plan["tier"]], opened)


def _plan(session: Session, cast: Cast, plan: dict[str, Any], tier_id: int, opened: dt.datetime) -> int:
    steps = tuple(
        StepDraft(step["price_minor"], cast.midnight(step["until_days"], end=True), step.get("until_sold"))
        for step in plan.get("steps", ())
    )
    # Whatever a plan says under the draft's own names is taken as it is.
    as_said = (
        "stock",
        "validity_days",
        "interval",
        "grace_days",
        "hidden",
        "per_member",
        "gift_max",
        "seat_priority",
    )
    facts = {name: plan[name] for name in (*as_said, "refund_days", "refund_progress") if name in plan}
    return passes.create_plan(
        session,
        slug=plan["slug"],
        title=plan["title"],
        summary=plan["summary"],
        description_md=plan["description"],
        price=plan["price_minor"],
        currency=plan["currency"],
        tier_id=tier_id,
        group_line_id=cast.lines[plan["group_line"]],
        course_ids=[cast.courses[slug] for slug in plan["courses"]],
        sale_starts_at=cast.midnight(plan["sales_start_days"]) if "sales_start_days" in plan else None,
        sale_ends_at=cast.midnight(plan["sales_end_days"], end=True) if "sales_end_days" in plan else None,
        asks=tuple(plan.get("asks", ())),
        steps=steps,
        upgrades_from=tuple(cast.plans[slug] for slug in plan.get("upgrades_from", ()) if slug in cast.plans),
        position=plan["position"],
        state="on_sale",
        actor=cast.admin,
        now=opened,
        **facts,
    ).id


def _course(session: Session, cast: Cast, text: CourseText, opened: dt.datetime, state: ClubState) -> None:
    files = services_folder_files.looked_at(text, max_bytes=state.settings.media_max_bytes)
    with services_folder_files.keeping(state.files, files, {}) as kept:
        report = services_folder.bring_in(
            session,
            text,
            actor=cast.admin,
            now=opened,
            books=Books(state.group_book, state.season_book),
            files=kept,
        )
    cast.courses[text.slug] = report.course_id
    for one in content.table("assignments")["assignment"]:
        if one["course"] == text.slug:
            cast.assignments[one["slug"]] = homework.create_assignment(
                session,
                course_id=report.course_id,
                slug=one["slug"],
                title=one["title"],
                brief_md=one["brief"],
                criteria=[
                    homework.CriterionSpec(
                        c["title"],
                        c["max_points"],
                        c["weight"],
                        c["description"],
                        levels=tuple(homework.LevelSpec(**level) for level in c.get("levels", ())),
                    )
                    for c in one["criteria"]
                ],
                due_at=cast.midnight(one["due_days"], end=True),
                cut_off_at=cast.midnight(one["closes_days"], end=True) if "closes_days" in one else None,
                late_policy="deduct" if "late_percent" in one else "accept",
                late_percent=one.get("late_percent", 0),
                optional=one.get("optional", False),
                team_min=one.get("team", [None])[0],
                team_max=one.get("team", [None])[-1],
                parts=Parts(link=one.get("link", "none")),
                state="published",
                actor=cast.admin,
                now=opened,
            ).id


def _profile(session: Session) -> None:
    site = content.table("site")
    set_value(
        session, "club.profile", {"name": site["name"], "tagline": site["tagline"], "about": site["about"]}
    )


def _story(cast: Cast, state: ClubState) -> Story:
    story = Story()
    plans = cast.plans
    for place, person in enumerate(content.table("members")["member"]):
        if person.get("gift"):
            continue
        # People buy at all hours; the order of the days stays the order of the numbers.
        story.add(
            cast.ago(person["joined_days_ago"], _hour(place)),
            _buying(cast, person["email"], plans[person["plan"]]),
        )
    for place, (slug, work) in enumerate(content.submissions()):
        _homework(story, cast, slug, work, place * 53 % 110 / 60)
    _seasons(story, cast)
    add_contests(story, cast)
    add_projects(story, cast)
    _progress(story, cast)
    add_money(story, cast, state.files)
    add_judging(story, cast)
    add_allocation(story, cast, state.group_book)
    add_likes(story, cast)
    add_team(story, cast, "straighten-chart")
    add_door(story, cast)
    add_tuition(story, cast, 400)
    add_levels(story, cast)
    add_recorded(story, cast)
    add_house(story, cast)
    add_cases(story, cast)
    add_city(story, cast)
    add_boards(story, cast)
    add_moving(story, cast)
    return story


def _hour(place: int) -> float:
    """Hours before or after noon, different for each *place*, the same in every run."""
    return place * 137 % 600 / 60 - 6


def _buying(cast: Cast, email: str, plan_id: int) -> Callable[[Session, dt.datetime], None]:
    def buy(session: Session, now: dt.datetime) -> None:
        actor = cast.people[email]
        assert actor.member_id is not None  # identify made the row
        orders.buy_offline(
            session,
            member_id=actor.member_id,
            plan_id=plan_id,
            ref=f"demo:{email}",
            now=now,
            actor=cast.admin,
        )
        accept_covenants(session, cast, actor.member_id, now)

    return buy


def accept_covenants(session: Session, cast: Cast, member_id: int, now: dt.datetime) -> None:
    """The member agrees to the rules of every group they have a seat in."""
    for line_id in cast.lines.values():
        if groups.live_seat(session, line_id=line_id, member_id=member_id) is not None:
            covenant = groups.current_covenant(session, line_id)
            if covenant is not None:
                groups.accept_covenant(
                    session, member_id=member_id, line_id=line_id, version=covenant.version, now=now
                )


def _homework(story: Story, cast: Cast, slug: str, work: dict[str, Any], late: float) -> None:
    """Add a piece of homework, *late* hours into the evening, always before its review of that day."""
    piece = Piece(cast.assignments[slug], cast.people[work["member"]], cast.staff, work)
    if "first" in work:
        story.add(cast.ago(work["first"]["days_ago"], 0.5 + late), piece.hand_in_first)
        story.add(cast.ago(work["first_review"]["days_ago"], 3 + late), piece.review_first)
    story.add(cast.ago(work["days_ago"], 0.5 + late), piece.hand_in)
    stage = work["stage"]
    if stage == "claimed":
        # The claim is an hour old: its lease must still run when the visitor looks.
        story.add(cast.now, piece.claim)
    elif "review" in work and "comment" in work["review"]:
        story.add(cast.ago(work["review"]["days_ago"], 3 + late), piece.review)
        if stage == "featured_with_consent":
            story.add(cast.ago(work["review"]["days_ago"], 5 + late), piece.consent)


def _seasons(story: Story, cast: Cast) -> None:
    add_seasons(story, cast.people, cast.admin, cast.core_group, cast)


def _progress(story: Story, cast: Cast) -> None:
    """Members have read some of their lessons: the longer they are here, the more."""
    for place, person in enumerate(content.table("members")["member"]):
        reading = Reading(cast.people[person["email"]], person["joined_days_ago"], place)
        story.add(cast.ago(min(person["joined_days_ago"], 40) - 0.5), reading.read)
    begun = HalfWay(cast.people["linkehe@example.com"], cast.courses["true-charts"], 2)
    story.add(cast.ago(3), begun.read)
