"""What the demo club has none of, so that every kind of thing has an owner."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select, update

from qunclub.board.models import BoardPicture, BoardPost
from qunclub.courses.models import Answer, Lesson, Question
from qunclub.groups.models import Group
from qunclub.homework.models import Attempt, Review, Submission, SubmissionFile
from qunclub.homework.models_desk import Phrase
from qunclub.homework.models_voice import SpokenComment
from qunclub.kernel.ports import FileStore
from qunclub.members.models import Member
from qunclub.passes.models_door import DoorList
from qunclub.projects.models import Delivery, DeliveryFile
from qunclub.seasons.models import CoreSeat, Season
from qunclub.seasons.models_offers import SeatOffer
from tests.factories import Make
from tests.support.databases import Db

HOST = "xiangxiaoman@example.com"
TEACHER = "yezhiwei@example.com"
FILE = {"content_type": "text/plain", "size": 1, "sha256": "0" * 64}


def seed(make: Make, db: Db, files: FileStore) -> None:
    """Add them, each to the first member who can have it."""
    now = make.now
    make.membership(of=make.person(number=True)[1])
    for key in ("x/a", "x/b", "x/c", "x/d"):
        files.put(key, b"x")
    with db.uow() as session:
        some = session.scalars(select(Member).where(Member.number.is_not(None)).order_by(Member.id)).all()
        plain = [one for one in some if not one.roles]
        asker, answerer = plain[0], plain[1]
        lesson = session.scalars(select(Lesson).where(Lesson.is_preview).order_by(Lesson.id)).first()
        assert lesson is not None
        question = Question(
            course_id=lesson.course_id,
            lesson_id=lesson.id,
            member_id=asker.id,
            ask="?",
            created_at=now,
            updated_at=now,
        )
        session.add(question)
        session.flush()
        answer = Answer(
            question_id=question.id,
            member_id=answerer.id,
            body_md="!",
            body_html="!",
            created_at=now,
            updated_at=now,
        )
        session.add(answer)
        teacher = session.scalars(select(Member).where(Member.email == TEACHER)).one()
        session.add(Phrase(member_id=teacher.id, body="Well done.", created_at=now))
        work = session.scalars(
            select(Submission)
            .where(Submission.team_id.is_(None), Submission.state == "accepted")
            .order_by(Submission.id)
        ).first()
        assert work is not None
        attempt = session.scalars(select(Attempt).where(Attempt.submission_id == work.id)).first()
        review = session.scalars(select(Review).where(Review.submission_id == work.id)).first()
        assert attempt is not None and review is not None
        session.add(
            SubmissionFile(attempt_id=attempt.id, name="a.txt", storage_key="x/a", created_at=now, **FILE)
        )
        session.add(
            SpokenComment(
                submission_id=work.id,
                reviewer_id=teacher.id,
                review_id=review.id,
                storage_key="x/b",
                created_at=now,
                **FILE,
            )
        )
        delivery = session.scalars(select(Delivery).order_by(Delivery.id)).first()
        assert delivery is not None
        session.add(DeliveryFile(delivery_id=delivery.id, name="b.txt", storage_key="x/c", **FILE))
        seat = session.scalars(select(CoreSeat).where(CoreSeat.left_at.is_not(None))).first()
        season = session.scalars(select(Season).order_by(Season.id)).first()
        assert seat is not None and season is not None
        session.add(
            SeatOffer(
                season_id=season.id,
                seat_id=seat.id,
                member_id=asker.id,
                offered_at=now,
                until=now + dt.timedelta(days=3),
            )
        )
        post = session.scalars(
            select(BoardPost).where(BoardPost.hidden_at.is_(None), BoardPost.deleted_at.is_(None))
        ).first()
        assert post is not None
        picture = {**FILE, "content_type": "image/png"}
        session.add(BoardPicture(post_id=post.id, name="d.png", storage_key="x/d", **picture))
        host = session.scalars(select(Member).where(Member.email == HOST)).one()
        door = session.scalars(select(Group).order_by(Group.id)).first()
        assert door is not None
        later = now + dt.timedelta(hours=6)
        session.add(
            DoorList(
                group_id=door.id, host_id=host.id, made_at=now, expires_at=later, closes_at=later, salt="salt"
            )
        )
        session.execute(update(Group).values(entry_url="https://example.com/chat"))
