"""Contests, entries, jurors and prizes for tests."""

from __future__ import annotations

import datetime as dt
from typing import Any

from qunclub import contests
from qunclub.contests.models import Contest, ContestEntry, Juror, Prize
from qunclub.kernel import Actor
from qunclub.members.models import Member
from tests.factories import Make
from tests.factories_members import member as make_member

DAY = dt.timedelta(days=1)
# How far into the contest the clock stands, in days: entering takes ten, voting five.
AT = {"soon": -2, "open": 5, "voting": 12, "judging": 20}


def contest(
    make: Make,
    *,
    at: str = "open",
    slug: str = "",
    title: str = "One page",
    state: str = "published",
    jury_percent: int = 50,
    votes: int = 3,
    entries: int = 1,
) -> Contest:
    """A contest that stands where *at* says, at the test's own now."""
    opens = make.now - AT[at] * DAY
    admin = Actor.system("test")
    made = contests.create(
        make.session,
        slug=slug or f"contest-{make.next()}",
        title=title,
        summary="Say it on one page.",
        call_md="Make **one** page.",
        terms=contests.Terms(opens, opens + 10 * DAY, opens + 15 * DAY, jury_percent, votes, entries),
        now=opens - DAY,
        actor=admin,
    )
    if state == "published":
        contests.publish(make.session, contest_id=made.id, now=opens - DAY, actor=admin)
    return made


def contest_entry(
    make: Make,
    contest: Contest,
    *,
    member: Member | None = None,
    title: str = "",
    minutes: int = 0,
    **values: Any,
) -> ContestEntry:
    """An entry of *member* (or a new one), entered *minutes* after entering opened."""
    author = member or make_member(make, number=True)
    return contests.enter(
        make.session,
        contest_id=contest.id,
        member_id=author.id,
        title=title or f"Page {make.next()}",
        body_md=values.pop("body_md", "My **page**."),
        now=contest.opens_at + dt.timedelta(minutes=minutes),
        **values,
    )


def contest_juror(make: Make, contest: Contest, *, member: Member | None = None) -> Member:
    """Somebody on the jury."""
    juror = member or make_member(make)
    make.add(Juror(contest_id=contest.id, member_id=juror.id))
    return juror


def contest_prize(
    make: Make, contest: Contest, *, title: str = "A book", first_place: int = 1, stock: int = 1
) -> Prize:
    """One more prize."""
    return contests.add_prize(
        make.session,
        contest_id=contest.id,
        title=title,
        first_place=first_place,
        stock=stock,
        now=make.now,
        actor=Actor.system("test"),
    )


def contest_score(make: Make, entry: ContestEntry, juror: Member, score: int, comment: str = "") -> None:
    """A juror's score, given at the test's own now."""
    contests.score(
        make.session, entry_id=entry.id, juror_id=juror.id, score=score, comment=comment, now=make.now
    )


def contest_vote(make: Make, entry: ContestEntry, member: Member | None = None) -> None:
    """A vote of *member* (or a new one), given on the first day of voting."""
    voter = member or make_member(make, number=True)
    opens = make.session.get_one(Contest, entry.contest_id).opens_at
    contests.vote(make.session, entry_id=entry.id, member_id=voter.id, now=opens + 11 * DAY)
