"""Everything the club knows of one person, as JSON they can take with them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.contests.models import Contest, ContestEntry, ContestVote
from qunclub.courses.models import Answer, Certificate, Course, Lesson, Progress, Question
from qunclub.groups.models import Covenant, CovenantAcceptance, Group, GroupLine, Seat
from qunclub.groups.models_bar import Bar
from qunclub.groups.models_ritual import Introduction, RitualMark
from qunclub.members.models import Member, Tier
from qunclub.orders.models import Order, OrderLine, Payment, Refund
from qunclub.orders.models_money import TransferProof
from qunclub.orders.models_selling import ClaimCode, Coupon, CouponUse, Fapiao, Subscription
from qunclub.passes.models import EntryTicket, Pass, PassTerm, Plan
from qunclub.points.models import LedgerEntry, Standing, Window
from qunclub.rewards.models import TuitionCase
from qunclub.seasons.models import CoreSeat, Decision, Season, SeasonLeave

from . import export_board, export_chats, export_core, export_door, export_house, export_moving, export_work
from .export_rows import Rows, plain


def export(session: Session, member_id: int, *, now: dt.datetime) -> dict[str, Any]:
    """One's own data over all rooms, in a constant number of statements."""
    member, tier = session.execute(
        select(Member, Tier.name).outerjoin(Tier, Tier.id == Member.tier_id).where(Member.id == member_id)
    ).one()
    parts: dict[str, Callable[[Session, int], Rows]] = {
        "passes": _passes,
        "pass_terms": _pass_terms,
        "seats": _seats,
        "introductions": _introductions,
        "steps_of_the_ritual": _ritual_marks,
        "barred": _bars,
        "tickets": _tickets,
        **export_door.PARTS,
        "covenants": _covenants,
        **export_chats.PARTS,
        "orders": _orders,
        "payments": _payments,
        "refunds": _refunds,
        "coupons": _coupons,
        "gifts": _gifts,
        "memberships": _memberships,
        "transfer_proofs": _transfer_proofs,
        "fapiao": _fapiao,
        "lessons": _lessons,
        "questions": _questions,
        "answers": _answers,
        "certificates": _certificates,
        **export_work.PARTS,
        "points": _points,
        "standings": _standings,
        "decisions": _decisions,
        "core_seats": _core_seats,
        "season_leaves": _season_leaves,
        **export_core.PARTS,
        **export_house.PARTS,
        **export_moving.PARTS,
        "tuition": _tuition,
        "contest_entries": _contest_entries,
        "contest_votes": _contest_votes,
        **export_board.PARTS,
    }
    return {
        "exported_at": now.isoformat(),
        "member": plain(member, tier=tier),
        **{name: part(session, member_id) for name, part in parts.items()},
    }


def _passes(session: Session, member_id: int) -> Rows:
    query = select(Pass, Plan.title).join(Plan, Plan.id == Pass.plan_id).where(Pass.member_id == member_id)
    return [plain(held, plan=title) for held, title in session.execute(query.order_by(Pass.id))]


def _pass_terms(session: Session, member_id: int) -> Rows:
    query = select(PassTerm).join(Pass, Pass.id == PassTerm.pass_id).where(Pass.member_id == member_id)
    return [plain(term) for term in session.scalars(query.order_by(PassTerm.id))]


def _introductions(session: Session, member_id: int) -> Rows:
    query = (
        select(Introduction, GroupLine.name)
        .join(GroupLine, GroupLine.id == Introduction.line_id)
        .where(Introduction.member_id == member_id)
        .order_by(Introduction.id)
    )
    return [plain(row, line=line) for row, line in session.execute(query)]


def _ritual_marks(session: Session, member_id: int) -> Rows:
    query = (
        select(RitualMark.step, RitualMark.at, GroupLine.name)
        .join(Seat, Seat.id == RitualMark.seat_id)
        .join(GroupLine, GroupLine.id == Seat.line_id)
        .where(Seat.member_id == member_id)
        .order_by(RitualMark.id)
    )
    return [{"line": line, "step": step, "at": at} for step, at, line in session.execute(query)]


def _seats(session: Session, member_id: int) -> Rows:
    query = (
        select(Seat, GroupLine.name, Group.name)
        .join(GroupLine, GroupLine.id == Seat.line_id)
        .outerjoin(Group, Group.id == Seat.group_id)
        .where(Seat.member_id == member_id)
        .order_by(Seat.id)
    )
    return [plain(seat, line=line, group=group) for seat, line, group in session.execute(query)]


def _bars(session: Session, member_id: int) -> Rows:
    query = (
        select(Bar, GroupLine.name)
        .outerjoin(GroupLine, GroupLine.id == Bar.line_id)
        .where(Bar.member_id == member_id)
        .order_by(Bar.id)
    )
    return [plain(bar, line=line) for bar, line in session.execute(query)]


def _tickets(session: Session, member_id: int) -> Rows:
    query = select(EntryTicket).where(EntryTicket.member_id == member_id).order_by(EntryTicket.id)
    return [plain(row) for row in session.scalars(query)]


def _covenants(session: Session, member_id: int) -> Rows:
    query = (
        select(CovenantAcceptance.accepted_at, Covenant.version, GroupLine.name)
        .join(Covenant, Covenant.id == CovenantAcceptance.covenant_id)
        .join(GroupLine, GroupLine.id == Covenant.line_id)
        .where(CovenantAcceptance.member_id == member_id)
        .order_by(CovenantAcceptance.id)
    )
    rows = session.execute(query)
    return [{"line": line, "version": version, "accepted_at": at.isoformat()} for at, version, line in rows]


def _orders(session: Session, member_id: int) -> Rows:
    query = (
        select(Order, OrderLine)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .where(Order.member_id == member_id)
        .order_by(Order.id, OrderLine.id)
    )
    rows = session.execute(query)
    return [
        plain(order, title=line.title, quantity=line.quantity, unit_price=line.unit_price)
        for order, line in rows
    ]


def _payments(session: Session, member_id: int) -> Rows:
    query = (
        select(Payment, Order.code)
        .join(Order, Order.id == Payment.order_id)
        .where(Order.member_id == member_id)
        .order_by(Payment.id)
    )
    return [plain(payment, order=code) for payment, code in session.execute(query)]


def _refunds(session: Session, member_id: int) -> Rows:
    query = (
        select(Refund)
        .join(Payment, Payment.id == Refund.payment_id)
        .join(Order, Order.id == Payment.order_id)
        .where(Order.member_id == member_id)
        .order_by(Refund.id)
    )
    return [plain(row) for row in session.scalars(query)]


def _coupons(session: Session, member_id: int) -> Rows:
    query = (
        select(CouponUse, Coupon.code)
        .join(Coupon, Coupon.id == CouponUse.coupon_id)
        .where(CouponUse.member_id == member_id)
        .order_by(CouponUse.id)
    )
    return [plain(use, code=code) for use, code in session.execute(query)]


def _gifts(session: Session, member_id: int) -> Rows:
    query = select(ClaimCode).join(Order, Order.id == ClaimCode.order_id)
    mine = query.where(Order.member_id == member_id).order_by(ClaimCode.id)
    return [plain(row) for row in session.scalars(mine)]


def _memberships(session: Session, member_id: int) -> Rows:
    query = select(Subscription).where(Subscription.member_id == member_id).order_by(Subscription.id)
    return [plain(row) for row in session.scalars(query)]


def _transfer_proofs(session: Session, member_id: int) -> Rows:
    query = select(TransferProof).join(Order, Order.id == TransferProof.order_id)
    mine = query.where(Order.member_id == member_id).order_by(TransferProof.id)
    return [plain(row) for row in session.scalars(mine)]


def _fapiao(session: Session, member_id: int) -> Rows:
    query = select(Fapiao).join(Order, Order.id == Fapiao.order_id)
    mine = query.where(Order.member_id == member_id).order_by(Fapiao.id)
    return [plain(row) for row in session.scalars(mine)]


def _lessons(session: Session, member_id: int) -> Rows:
    query = (
        select(Progress, Course.title, Lesson.title)
        .join(Course, Course.id == Progress.course_id)
        .join(Lesson, Lesson.id == Progress.lesson_id)
        .where(Progress.member_id == member_id)
        .order_by(Progress.id)
    )
    return [plain(row, course=course, lesson=lesson) for row, course, lesson in session.execute(query)]


def _questions(session: Session, member_id: int) -> Rows:
    query = (
        select(Question, Lesson.title)
        .join(Lesson, Lesson.id == Question.lesson_id)
        .where(Question.member_id == member_id)
        .order_by(Question.id)
    )
    return [plain(row, lesson=lesson) for row, lesson in session.execute(query)]


def _answers(session: Session, member_id: int) -> Rows:
    query = (
        select(Answer, Question.ask)
        .join(Question, Question.id == Answer.question_id)
        .where(Answer.member_id == member_id)
        .order_by(Answer.id)
    )
    return [plain(row, question=ask) for row, ask in session.execute(query)]


def _certificates(session: Session, member_id: int) -> Rows:
    query = select(Certificate).where(Certificate.member_id == member_id).order_by(Certificate.id)
    return [plain(row) for row in session.scalars(query)]


def _season_leaves(session: Session, member_id: int) -> Rows:
    query = (
        select(SeasonLeave, Season.name)
        .join(Season, Season.id == SeasonLeave.season_id)
        .where(SeasonLeave.member_id == member_id)
        .order_by(SeasonLeave.id)
    )
    return [plain(leave, season=name) for leave, name in session.execute(query)]


def _tuition(session: Session, member_id: int) -> Rows:
    query = select(TuitionCase).where(TuitionCase.member_id == member_id).order_by(TuitionCase.id)
    return [plain(row) for row in session.scalars(query)]


def _points(session: Session, member_id: int) -> Rows:
    query = (
        select(LedgerEntry)
        .where(LedgerEntry.member_id == member_id)
        .order_by(LedgerEntry.occurred_at, LedgerEntry.id)
    )
    return [plain(row) for row in session.scalars(query)]


def _standings(session: Session, member_id: int) -> Rows:
    query = (
        select(Standing, Window.key)
        .join(Window, Window.id == Standing.window_id)
        .where(Standing.member_id == member_id)
        .order_by(Window.id)
    )
    return [plain(row, window=key) for row, key in session.execute(query)]


def _decisions(session: Session, member_id: int) -> Rows:
    query = (
        select(Decision, Season.name)
        .join(Season, Season.id == Decision.season_id)
        .where(Decision.member_id == member_id)
        .order_by(Decision.id)
    )
    return [plain(row, season=name) for row, name in session.execute(query)]


def _core_seats(session: Session, member_id: int) -> Rows:
    query = select(CoreSeat).where(CoreSeat.member_id == member_id).order_by(CoreSeat.id)
    return [plain(row) for row in session.scalars(query)]


def _contest_entries(session: Session, member_id: int) -> Rows:
    query = (
        select(ContestEntry, Contest.title)
        .join(Contest, Contest.id == ContestEntry.contest_id)
        .where(ContestEntry.member_id == member_id)
        .order_by(ContestEntry.id)
    )
    return [plain(row, contest=title) for row, title in session.execute(query)]


def _contest_votes(session: Session, member_id: int) -> Rows:
    query = select(ContestVote).where(ContestVote.member_id == member_id).order_by(ContestVote.id)
    return [plain(row) for row in session.scalars(query)]
