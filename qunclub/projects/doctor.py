"""What must hold of projects on a live database: one holder, one acceptance, points once, and a reason for each no."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Select, and_, case, cast, exists, func, literal, or_, select
from sqlalchemy import String as Text_
from sqlalchemy.orm import Session, aliased

from qunclub.kernel import Finding
from qunclub.points.models import LedgerEntry

from .models import Delivery, Piece, Project

SHOWN = 20


def check(session: Session, now: dt.datetime) -> list[Finding]:
    """A constant number of statements, however many pieces there are."""
    checks: list[tuple[int, str, Select[Any]]] = [
        (6, "pieces whose state is not what their deliveries say", _states()),
        (
            6,
            "deliveries whose points were not earned as they say, or stand after they were taken back",
            _points(),
        ),
        (6, "lines of the ledger for pieces that no accepted delivery earned", _unearned()),
        (9, "deliveries that were returned or taken back without a word", _unexplained()),
        (9, "pieces that somebody is at work on in a project that is not open", _asleep()),
    ]
    findings = []
    for promise, what, query in checks:
        found = list(session.scalars(query.limit(SHOWN)))
        if found:
            many = f"{SHOWN} or more" if len(found) == SHOWN else str(len(found))
            findings.append(Finding(promise, f"{many} {what}: {found}.", {"ids": found}))
    return findings


def _states() -> Select[Any]:
    def of(verdict: str) -> Any:
        return func.coalesce(func.sum(case((Delivery.verdict == verdict, 1), else_=0)), 0)

    return (
        select(Piece.id)
        .outerjoin(Delivery, Delivery.piece_id == Piece.id)
        .group_by(Piece.id)
        .having(
            or_(
                of("accepted") != case((Piece.state == "accepted", 1), else_=0),
                of("") != case((Piece.state == "delivered", 1), else_=0),
            )
        )
        .order_by(Piece.id)
    )


def _points() -> Select[Any]:
    line, back = aliased(LedgerEntry), aliased(LedgerEntry)
    wrong = or_(
        line.id.is_(None),
        line.amount != Delivery.earned,
        line.member_id != Delivery.member_id,
        line.source != _source(),
        and_(Delivery.verdict != "accepted", back.id.is_(None)),
    )
    return (
        select(Delivery.id)
        .outerjoin(line, line.id == Delivery.entry_id)
        .outerjoin(back, back.reverses_id == line.id)
        .where(Delivery.earned > 0, wrong)
        .order_by(Delivery.id)
    )


def _unearned() -> Select[Any]:
    named = exists().where(Delivery.entry_id == LedgerEntry.id)
    piece = and_(LedgerEntry.kind == "piece_delivered", LedgerEntry.reverses_id.is_(None))
    return select(LedgerEntry.id).where(piece, ~named).order_by(LedgerEntry.id)


def _source() -> Any:
    piece = literal("piece:").concat(cast(Delivery.piece_id, Text_))
    return piece.concat(":delivery:").concat(cast(Delivery.id, Text_))


def _unexplained() -> Select[Any]:
    return (
        select(Delivery.id)
        .where(Delivery.verdict.in_(("returned", "reversed")), Delivery.words == "")
        .order_by(Delivery.id)
    )


def _asleep() -> Select[Any]:
    held = Piece.state.in_(("claimed", "delivered"))
    return (
        select(Piece.id)
        .join(Project, Project.id == Piece.project_id)
        .where(held, Project.state != "open")
        .order_by(Piece.id)
    )
