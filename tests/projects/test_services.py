"""Pieces taken up, delivered, judged, returned and forgotten, on both databases."""

import datetime as dt

import pytest
from sqlalchemy import func, select

from qunclub import points, projects
from qunclub.kernel import Actor, Conflict, Forbidden, Invalid, Stale
from qunclub.kernel.outbox import OutboxMessage
from qunclub.kernel.store import AuditEntry
from qunclub.points import doctor as points_doctor
from qunclub.points.models import LedgerEntry, Standing
from qunclub.projects import doctor
from qunclub.projects.models import Delivery, Piece, PieceEvent

ADMIN = Actor.system("test")
DAY = dt.timedelta(days=1)
MEMBER = ("member",)


@pytest.fixture
def lead(make):
    return make.core_member(name="Lead")


@pytest.fixture
def hand(make):
    return make.core_member(name="Hand")


@pytest.fixture
def project(make, lead):
    return make.project(pieces=3, lead=lead)


@pytest.fixture
def pieces(make, project):
    return make.pieces_of(project)


def standing(session, member):
    query = select(func.sum(Standing.points)).where(Standing.member_id == member.id)
    return session.scalar(query) or 0


def mails(session, what):
    rows = session.scalars(select(OutboxMessage).where(OutboxMessage.kind == "mail"))
    return [row.payload["to"] for row in rows if row.payload["context"].get("what") == what]


def kinds(session, piece):
    query = select(PieceEvent.kind).where(PieceEvent.piece_id == piece.id).order_by(PieceEvent.id)
    return list(session.scalars(query))


def test_a_piece_is_taken_up_delivered_accepted_and_earns_once(session, make, lead, hand, pieces, now):
    points.ensure_rules(session, now)
    piece = pieces[0]
    made = make.delivered(piece, hand)
    assert (piece.state, piece.holder_id, piece.due_at) == ("delivered", hand.id, now + 14 * DAY)
    assert mails(session, "delivered") == [lead.email]
    projects.accept(session, piece_id=piece.id, words="Fine.", now=now, actor=make.actor(lead, roles=MEMBER))
    line = session.get_one(LedgerEntry, made.entry_id)
    assert (line.kind, line.amount, line.source) == (
        "piece_delivered",
        20,
        f"piece:{piece.id}:delivery:{made.id}",
    )
    assert standing(session, hand) == 20 and made.earned == 20 and piece.state == "accepted"
    with pytest.raises(Conflict):
        projects.accept(session, piece_id=piece.id, now=now, actor=ADMIN)
    # The same source again, as a replay would: nothing twice.
    assert (
        points.award(
            session, member_id=hand.id, kind="piece_delivered", source=line.source, occurred_at=now, now=now,
            actor=ADMIN, amount=20,
        )
        is None
    )  # fmt: skip
    assert kinds(session, piece) == ["made", "claimed", "delivered", "accepted"]
    assert mails(session, "accepted") == [hand.email]
    assert doctor.check(session, now) == [] and points_doctor.check(session, now) == []


def test_only_the_core_takes_pieces_up_and_no_more_than_the_project_allows(session, make, hand, pieces, now):
    outside = make.member(number=True)
    with pytest.raises(Forbidden):
        projects.claim(session, piece_id=pieces[0].id, member_id=outside.id, now=now)
    projects.claim(session, piece_id=pieces[0].id, member_id=hand.id, now=now)
    with pytest.raises(Conflict, match="as many pieces"):
        projects.claim(session, piece_id=pieces[1].id, member_id=hand.id, now=now)
    with pytest.raises(Conflict, match="Somebody else"):
        projects.claim(session, piece_id=pieces[0].id, member_id=make.core_member().id, now=now)
    projects.give_back(session, piece_id=pieces[0].id, member_id=hand.id, now=now)
    projects.claim(session, piece_id=pieces[1].id, member_id=hand.id, now=now)
    assert [piece.state for piece in pieces] == ["open", "claimed", "open"]


def test_what_comes_back_has_words_and_time(session, make, lead, hand, pieces, now):
    piece = pieces[0]
    make.delivered(piece, hand)
    actor = make.actor(lead, roles=MEMBER)
    with pytest.raises(Invalid) as refused:
        projects.send_back(session, piece_id=piece.id, words=" ", now=now, actor=actor)
    assert refused.value.field == "words"
    late = now + 20 * DAY
    projects.send_back(session, piece_id=piece.id, words="The end is missing.", now=late, actor=actor)
    assert piece.state == "claimed" and piece.due_at == late + 7 * DAY
    assert mails(session, "returned") == [hand.email]
    again = projects.deliver(
        session, piece_id=piece.id, member_id=hand.id, link="https://example.org/", now=late
    )
    assert again.n == 2 and doctor.check(session, now) == []


def test_nobody_judges_their_own_piece_and_strangers_judge_none(session, make, lead, hand, pieces, now):
    make.delivered(pieces[0], lead)
    with pytest.raises(Forbidden):
        projects.accept(session, piece_id=pieces[0].id, now=now, actor=make.actor(lead, roles=MEMBER))
    with pytest.raises(Forbidden):
        projects.accept(session, piece_id=pieces[0].id, now=now, actor=make.actor(hand, roles=MEMBER))
    projects.accept(session, piece_id=pieces[0].id, now=now, actor=make.actor(roles=("admin",)))
    assert pieces[0].state == "accepted"


def test_an_overdue_piece_goes_back_with_one_notice(session, make, hand, pieces, now):
    piece = pieces[0]
    projects.claim(session, piece_id=piece.id, member_id=hand.id, now=now)
    assert projects.overdue(session, now=now + 13 * DAY, after=0, limit=9) == []
    late = now + 15 * DAY
    assert projects.overdue(session, now=late, after=0, limit=9) == [piece.id]
    assert projects.return_overdue(session, piece_id=piece.id, now=late)
    assert not projects.return_overdue(session, piece_id=piece.id, now=late)
    assert (piece.state, piece.holder_id) == ("open", None) and mails(session, "overdue") == [hand.email]
    # Taken up once more it has time again, and a notice of its own when that is over.
    projects.claim(session, piece_id=piece.id, member_id=hand.id, now=late)
    assert not projects.return_overdue(session, piece_id=piece.id, now=late)
    assert projects.return_overdue(session, piece_id=piece.id, now=late + 15 * DAY)
    assert mails(session, "overdue") == [hand.email] * 2


def test_what_is_delivered_is_not_overdue(session, make, hand, pieces, now):
    make.delivered(pieces[0], hand)
    assert projects.overdue(session, now=now + 99 * DAY, after=0, limit=9) == []
    assert not projects.return_overdue(session, piece_id=pieces[0].id, now=now + 99 * DAY)


def test_an_acceptance_is_taken_back_with_its_points(session, make, lead, hand, pieces, now):
    piece = pieces[0]
    made = make.delivered(piece, hand)
    projects.accept(session, piece_id=piece.id, now=now, actor=make.actor(lead, roles=MEMBER))
    with pytest.raises(Forbidden):
        projects.reverse(
            session, piece_id=piece.id, reason="No.", now=now, actor=make.actor(lead, roles=MEMBER)
        )
    with pytest.raises(Invalid):
        projects.reverse(session, piece_id=piece.id, reason="", now=now, actor=ADMIN)
    projects.reverse(session, piece_id=piece.id, reason="It was copied.", now=now, actor=ADMIN)
    assert standing(session, hand) == 0 and made.verdict == "reversed" and piece.state == "claimed"
    assert session.scalar(select(LedgerEntry.amount).where(LedgerEntry.reverses_id == made.entry_id)) == -20
    assert mails(session, "reversed") == [hand.email]
    assert "piece.reverse" in session.scalars(select(AuditEntry.action)).all()
    # Mended and accepted again it earns again, under a source of its own.
    projects.deliver(session, piece_id=piece.id, member_id=hand.id, body_md="My own.", now=now)
    projects.accept(session, piece_id=piece.id, now=now, actor=ADMIN)
    assert standing(session, hand) == 20 and doctor.check(session, now) == []


def test_a_line_that_an_admin_reversed_by_hand_is_not_reversed_twice(session, make, lead, hand, pieces, now):
    made = make.delivered(pieces[0], hand)
    projects.accept(session, piece_id=pieces[0].id, now=now, actor=make.actor(lead, roles=MEMBER))
    points.reverse(session, entry_id=made.entry_id, reason="By hand.", actor=ADMIN, now=now)
    projects.reverse(session, piece_id=pieces[0].id, reason="Copied.", now=now, actor=ADMIN)
    assert standing(session, hand) == 0 and doctor.check(session, now) == []


def test_a_piece_is_handed_to_somebody_else_with_a_reason(session, make, lead, hand, pieces, now):
    piece, actor, other = pieces[0], make.actor(lead, roles=MEMBER), make.core_member()
    projects.assign(session, piece_id=piece.id, number=hand.number, now=now, actor=actor)
    assert piece.holder_id == hand.id and mails(session, "assigned") == [hand.email]
    with pytest.raises(Invalid) as refused:
        projects.assign(session, piece_id=piece.id, number=other.number, now=now, actor=actor)
    assert refused.value.field == "words"
    with pytest.raises(Invalid) as refused:
        projects.assign(
            session, piece_id=piece.id, number=make.member(number=True).number, now=now, actor=actor
        )
    assert refused.value.field == "number"
    projects.assign(
        session, piece_id=piece.id, number=other.number, due_at=now + 3 * DAY, words="You are ill.", now=now,
        actor=actor,
    )  # fmt: skip
    assert (piece.holder_id, piece.due_at) == (other.id, now + 3 * DAY)
    assert mails(session, "taken") == [hand.email]
    with pytest.raises(Forbidden):
        projects.assign(
            session,
            piece_id=piece.id,
            number=hand.number,
            words="x",
            now=now,
            actor=make.actor(hand, roles=MEMBER),
        )


def test_what_was_agreed_and_the_day_hold_for_whoever_took_it_up(
    session, make, lead, hand, project, pieces, now
):
    piece, actor = pieces[0], make.actor(lead, roles=MEMBER)
    text = projects.PieceText(title="New", points=30, pay=50_00)
    projects.save_piece(session, piece_id=piece.id, version=1, text=text, now=now, actor=actor)
    projects.claim(session, piece_id=piece.id, member_id=hand.id, now=now)
    with pytest.raises(Stale):
        projects.save_piece(session, piece_id=piece.id, version=1, text=text, now=now, actor=actor)
    for change, field in (({"points": 10}, "points"), ({"pay": 1}, "pay"), ({"due_at": now + DAY}, "due_at")):
        facts = {"title": "New", "points": 30, "pay": 50_00, "due_at": piece.due_at, **change}
        with pytest.raises(Invalid) as refused:
            projects.save_piece(
                session, piece_id=piece.id, version=piece.version, text=projects.PieceText(**facts), now=now,
                actor=actor,
            )  # fmt: skip
        assert refused.value.field == field
    before = piece.due_at
    with pytest.raises(Invalid):
        projects.extend(session, piece_id=piece.id, due_at=before, words="", now=now, actor=actor)
    projects.extend(
        session, piece_id=piece.id, due_at=before + DAY, words="Take your time.", now=now, actor=actor
    )
    assert piece.due_at == before + DAY
    with pytest.raises(Invalid) as refused:
        projects.save(
            session, project_id=project.id, version=project.version, text=projects.ProjectText("T"),
            terms=projects.Terms(lead_number=lead.number, currency="USD"), now=now, actor=ADMIN,
        )  # fmt: skip
    assert refused.value.field == "currency"


def test_a_project_opens_with_a_piece_ends_when_nobody_works_and_is_called_off(
    session, make, lead, hand, now
):
    project = make.project(pieces=0, lead=lead, state="draft")
    actor = make.actor(lead, roles=MEMBER)

    def state(to, by=actor, **more):
        return projects.set_state(session, project_id=project.id, state=to, now=now, actor=by, **more)

    with pytest.raises(Conflict):
        state("open")
    piece = projects.add_piece(
        session, project_id=project.id, text=projects.PieceText("One"), now=now, actor=actor
    )
    state("open")
    make.delivered(piece, hand)
    with pytest.raises(Conflict):
        state("done")
    with pytest.raises(Forbidden):
        state("cancelled", reason="x")
    with pytest.raises(Invalid):
        state("cancelled", by=ADMIN)
    state("cancelled", by=ADMIN, reason="The book is not printed.")
    assert piece.state == "open" and mails(session, "cancelled") == [hand.email]
    assert session.scalars(select(Delivery.verdict)).all() == ["withdrawn"]
    assert doctor.check(session, now) == []
    with pytest.raises(Conflict):
        projects.claim(session, piece_id=piece.id, member_id=hand.id, now=now)
    with pytest.raises(Forbidden):
        state("open")
    state("open", by=ADMIN)
    state("done")
    assert project.state == "done" and project.end_reason == ""


def test_a_piece_is_left_out_and_put_back(session, make, lead, hand, pieces, now):
    piece, actor = pieces[0], make.actor(lead, roles=MEMBER)
    make.delivered(piece, hand)
    projects.cancel_piece(session, piece_id=piece.id, reason="Two of us wrote it.", now=now, actor=actor)
    assert (piece.state, piece.holder_id) == ("cancelled", None) and mails(session, "cancelled") == [
        hand.email
    ]
    projects.restore_piece(session, piece_id=piece.id, now=now, actor=actor)
    assert piece.state == "open" and doctor.check(session, now) == []
    make.delivered(piece, hand)
    projects.accept(session, piece_id=piece.id, now=now, actor=actor)
    with pytest.raises(Conflict):
        projects.cancel_piece(session, piece_id=piece.id, reason="No.", now=now, actor=actor)


def test_who_leads_is_of_the_core_or_an_admin(session, make, now):
    outside, admin = make.member(number=True), make.member(number=True, roles=("admin",))
    text = projects.ProjectText("T")
    with pytest.raises(Invalid) as refused:
        projects.create(
            session,
            slug="",
            text=text,
            terms=projects.Terms(lead_number=outside.number),
            now=now,
            actor=ADMIN,
        )
    assert refused.value.field == "lead_number"
    made = projects.create(
        session, slug="", text=text, terms=projects.Terms(lead_number=admin.number), now=now, actor=ADMIN
    )
    assert made.lead_id == admin.id and made.slug
    with pytest.raises(Forbidden):
        projects.create(
            session,
            slug="x",
            text=text,
            terms=projects.Terms(),
            now=now,
            actor=make.actor(outside, roles=MEMBER),
        )


def test_whoever_leaves_leaves_nothing_but_the_credit(session, make, lead, hand, project, pieces, now):
    make.delivered(pieces[0], hand, body="SECRET")
    projects.accept(session, piece_id=pieces[0].id, now=now, actor=make.actor(lead, roles=MEMBER))
    projects.claim(session, piece_id=pieces[1].id, member_id=hand.id, now=now)
    projects.claim(session, piece_id=pieces[2].id, member_id=lead.id, now=now)
    assert projects.forget(session, member_id=hand.id, now=now) == []
    projects.forget(session, member_id=lead.id, now=now)
    rows = session.scalars(select(Piece).order_by(Piece.position)).all()
    assert [(row.state, row.holder_id) for row in rows] == [
        ("accepted", hand.id),
        ("open", None),
        ("open", None),
    ]
    assert session.scalars(select(Delivery.body_md)).all() == [""]
    session.refresh(project)
    assert project.lead_id is None and doctor.check(session, now) == []


def test_the_doctor_sees_what_is_broken(session, make, lead, hand, pieces, now):
    made = make.delivered(pieces[0], hand)
    projects.accept(session, piece_id=pieces[0].id, now=now, actor=make.actor(lead, roles=MEMBER))
    made.earned = 7
    session.flush()
    assert ["points were not earned" in one.message for one in doctor.check(session, now)] == [True]
    made.earned, made.verdict, made.words = 20, "returned", ""
    session.flush()
    told = " ".join(one.message for one in doctor.check(session, now))
    assert (
        "state is not what" in told
        and "stand after they were taken back" in told
        and "without a word" in told
    )
