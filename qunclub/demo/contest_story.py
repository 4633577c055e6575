"""The one-page contest of the demo: a round that is decided, and one that is being voted on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import contests, members
from qunclub.contests.models import Contest, ContestEntry, Prize, PrizeGiven
from qunclub.kernel import Actor

from . import content
from .story import Story


class Cast(Protocol):
    """What the story needs of the demo's cast."""

    now: dt.datetime
    people: dict[str, Actor]
    staff: dict[str, Actor]

    @property
    def admin(self) -> Actor:
        """The demo's admin."""

    def ago(self, days: float, hour: float = 0) -> dt.datetime:
        """A moment before today."""

    def midnight(self, days: float, *, end: bool = False) -> dt.datetime:
        """Midnight of a day."""


def add_contests(story: Story, cast: Cast) -> None:
    """Let both rounds happen at their moments."""
    for told in content.table("contests")["contest"]:
        _Round(cast, told).tell(story)


class _Round:
    def __init__(self, cast: Cast, told: Mapping[str, Any]) -> None:
        self.cast = cast
        self.told = told

    def tell(self, story: Story) -> None:
        told, cast = self.told, self.cast
        story.add(cast.ago(-told["opens"] + 2), self.call)
        for place, entry in enumerate(told["entry"]):
            # However late in the day it is told, before entering closes.
            last = cast.midnight(told["closes"]) - dt.timedelta(minutes=len(told["entry"]) - place)
            story.add(min(cast.ago(-entry["days"], place * 37 % 9 - 4), last), self.entering(entry))
        # The day after entering closed.
        story.add(cast.ago(-told["closes"] - 1), self.scoring)
        story.add(cast.ago(-told["closes"] - 1, 2), self.voting)
        if "results" in told:
            story.add(cast.ago(-told["results"]), self.results)

    def call(self, session: Session, now: dt.datetime) -> None:
        told, cast = self.told, self.cast
        contest = contests.create(
            session,
            slug=told["slug"],
            title=told["title"],
            summary=told["summary"],
            call_md=told["call"].strip(),
            terms=contests.Terms(
                opens_at=cast.midnight(told["opens"]),
                closes_at=cast.midnight(told["closes"]),
                votes_until=cast.midnight(told["votes_until"], end=True),
                jury_percent=told["jury_percent"],
                votes_per_member=told["votes"],
            ),
            now=now,
            actor=cast.admin,
        )
        for prize in told["prizes"]:
            contests.add_prize(
                session,
                contest_id=contest.id,
                title=prize["title"],
                first_place=prize["first_place"],
                stock=prize["stock"],
                now=now,
                actor=cast.admin,
            )
        for email in told["jury"]:
            contests.appoint(session, contest_id=contest.id, who=email, now=now, actor=cast.admin)
        contests.publish(session, contest_id=contest.id, now=now, actor=cast.admin)

    def entering(self, entry: Mapping[str, Any]) -> Callable[[Session, dt.datetime], None]:
        def enter(session: Session, now: dt.datetime) -> None:
            contests.enter(
                session,
                contest_id=self._contest(session),
                member_id=self._member(entry["by"]),
                title=entry["title"],
                body_md=entry["body"].strip(),
                now=now,
            )

        return enter

    def scoring(self, session: Session, now: dt.datetime) -> None:
        found = self._entries(session)
        for entry in self.told["entry"]:
            comments = [*entry.get("comments", []), "", ""]
            for email, score, comment in zip(self.told["jury"], entry["scores"], comments, strict=False):
                juror = self.cast.staff[email].member_id
                assert juror is not None  # the people were made first
                contests.score(
                    session,
                    entry_id=found[entry["by"]],
                    juror_id=juror,
                    score=score,
                    comment=comment,
                    now=now,
                )

    def voting(self, session: Session, now: dt.datetime) -> None:
        """Members vote, each in their own way, the same in every run."""
        found = self._entries(session)
        authors = list(found)
        for place, (email, actor) in enumerate(self.cast.people.items()):
            ident = actor.member_id
            if ident is None or not self._numbered(session, ident, now) or place % 5 == 4:
                continue
            # One who looks in on the demo as a member has votes left.
            for turn in range(1 if place == 0 else self.told["votes"]):
                chosen = authors[(place * 5 + turn * (1 + place % 3) + place // 7) % len(authors)]
                if chosen != email:
                    contests.vote(session, entry_id=found[chosen], member_id=ident, now=now)

    def results(self, session: Session, now: dt.datetime) -> None:
        contest_id = self._contest(session)
        contests.publish_results(session, contest_id=contest_id, now=now, actor=self.cast.admin)
        notes = {prize["title"]: prize["handed"] for prize in self.told["prizes"] if "handed" in prize}
        given = session.execute(
            select(PrizeGiven.id, Prize.title)
            .join(Prize, Prize.id == PrizeGiven.prize_id)
            .where(Prize.contest_id == contest_id)
            .order_by(PrizeGiven.id)
        ).all()
        for ident, title in given:
            if title in notes:
                contests.hand_over(session, given_id=ident, note=notes[title], now=now, actor=self.cast.admin)

    def _contest(self, session: Session) -> int:
        return session.scalars(select(Contest.id).where(Contest.slug == self.told["slug"])).one()

    def _entries(self, session: Session) -> dict[str, int]:
        rows = session.execute(
            select(ContestEntry.member_id, ContestEntry.id).where(
                ContestEntry.contest_id == self._contest(session)
            )
        )
        by_member = {member: ident for member, ident in rows}
        return {entry["by"]: by_member[self._member(entry["by"])] for entry in self.told["entry"]}

    def _member(self, email: str) -> int:
        ident = self.cast.people[email].member_id
        assert ident is not None  # the people were made first
        return ident

    def _numbered(self, session: Session, member_id: int, now: dt.datetime) -> bool:
        at = members.get(session, member_id).numbered_at
        return at is not None and at <= now
