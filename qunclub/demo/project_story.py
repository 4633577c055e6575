"""What the core group of the demo makes together: a book whose chapters are at every stage."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import members, projects, seasons
from qunclub.kernel import Actor
from qunclub.projects.models import Piece, Project

from . import content
from .story import Story

Step = Callable[[Session, dt.datetime], None]


class Cast(Protocol):
    """What the story needs of the demo's cast."""

    people: dict[str, Actor]

    @property
    def admin(self) -> Actor:
        """The demo's admin."""

    def ago(self, days: float, hour: float = 0) -> dt.datetime:
        """A moment before today."""


def add_projects(story: Story, cast: Cast) -> None:
    """Let every project happen at its moments."""
    texts = content.table("projects")
    for told in texts["project"]:
        _Told(cast, told).tell(story)
    for profile in texts["profile"]:
        story.add(cast.ago(profile["days"]), _writing(cast, profile))


def _writing(cast: Cast, told: Mapping[str, Any]) -> Step:
    def write(session: Session, now: dt.datetime) -> None:
        ident = cast.people[told["by"]].member_id
        assert ident is not None  # the people were made first
        seasons.save_profile(
            session,
            member_id=ident,
            skills_typed=told["skills"],
            about=told["about"],
            public=told["public"],
            now=now,
        )

    return write


class _Told:
    def __init__(self, cast: Cast, told: Mapping[str, Any]) -> None:
        self.cast = cast
        self.told = told

    def tell(self, story: Story) -> None:
        told, cast = self.told, self.cast
        story.add(cast.ago(told["days"]), self.call)
        for place, piece in enumerate(told["piece"]):
            stage, hour = piece["stage"], place % 7 - 3
            if stage != "open":
                story.add(cast.ago(piece["taken"], hour), self.claiming(piece))
            if "delivered" in piece:
                story.add(cast.ago(piece["delivered"], hour), self.delivering(piece))
            if "decided" in piece:
                story.add(cast.ago(piece["decided"], hour + 2), self.judging(piece))
            if stage == "overdue":
                story.add(cast.ago(piece["taken"] - told["claim_days"] - 1, hour), self.returning(piece))

    def call(self, session: Session, now: dt.datetime) -> None:
        told, admin = self.told, self.cast.admin
        lead = members.get(session, self._member(told["lead"]))
        project = projects.create(
            session,
            slug=told["slug"],
            text=projects.ProjectText(
                title=told["title"],
                summary=told["summary"],
                description_md=told["description"].strip(),
                skills=told["skills"],
                public=told["public"],
            ),
            terms=projects.Terms(
                lead_number=lead.number,
                pay_note=told["pay_note"],
                claims_per_member=told["claims"],
                claim_days=told["claim_days"],
            ),
            now=now,
            actor=admin,
        )
        for piece in told["piece"]:
            text = projects.PieceText(
                title=piece["title"],
                brief_md=piece.get("brief", "二十页，一页一个意思；例子用自己做过的真事。"),
                skill=piece["skill"],
                points=piece["points"],
                pay=piece["pay"],
            )
            projects.add_piece(session, project_id=project.id, text=text, now=now, actor=self._lead())
        projects.set_state(session, project_id=project.id, state="open", now=now, actor=self._lead())

    def claiming(self, piece: Mapping[str, Any]) -> Step:
        def claim(session: Session, now: dt.datetime) -> None:
            ident = self._piece(session, piece)
            projects.claim(session, piece_id=ident, member_id=self._member(piece["by"]), now=now)

        return claim

    def delivering(self, piece: Mapping[str, Any]) -> Step:
        def deliver(session: Session, now: dt.datetime) -> None:
            projects.deliver(
                session,
                piece_id=self._piece(session, piece),
                member_id=self._member(piece["by"]),
                body_md=piece["body"],
                now=now,
            )

        return deliver

    def judging(self, piece: Mapping[str, Any]) -> Step:
        def judge(session: Session, now: dt.datetime) -> None:
            verb = projects.accept if piece["stage"] == "accepted" else projects.send_back
            ident = self._piece(session, piece)
            verb(session, piece_id=ident, words=piece["words"], now=now, actor=self._lead())

        return judge

    def returning(self, piece: Mapping[str, Any]) -> Step:
        def back(session: Session, now: dt.datetime) -> None:
            projects.return_overdue(session, piece_id=self._piece(session, piece), now=now)

        return back

    def _piece(self, session: Session, piece: Mapping[str, Any]) -> int:
        query = select(Piece.id).join(Project, Project.id == Piece.project_id)
        mine = query.where(Project.slug == self.told["slug"], Piece.title == piece["title"])
        return session.scalars(mine).one()

    def _lead(self) -> Actor:
        actor = self.cast.people[self.told["lead"]]
        return Actor(actor.key, actor.name, actor.email, frozenset({"member"}), actor.member_id)

    def _member(self, email: str) -> int:
        ident = self.cast.people[email].member_id
        assert ident is not None  # the people were made first
        return ident
