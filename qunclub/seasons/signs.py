"""What a host hears of the core group: a result, a result taken back, and seats between two results."""

from __future__ import annotations

from sqlalchemy.orm import Session

from qunclub.kernel import signals

from .models import CoreSeat, Season
from .rules import Plan


def published(session: Session, season: Season, plan: Plan) -> None:
    """A result holds: who rose and who left, by member; each once, and nothing more for each seat."""
    signals.after_commit(
        session, signals.season_published, season_id=season.id, slug=season.slug,
        promoted=[one.row.member for one in plan.promoted],
        kept=[one.row.member for one in plan.kept],
        eliminated=[one.row.member for one in plan.eliminated],
    )  # fmt: skip


def undone(session: Session, season: Season, members: list[int]) -> None:
    """A result was taken back: everybody it was about sits where they sat before."""
    signals.after_commit(
        session, signals.season_undone, season_id=season.id, slug=season.slug, members=members
    )


def taken(session: Session, seat: CoreSeat) -> None:
    """Somebody took a seat between two results: by an offer, or by an appeal that was upheld."""
    signals.after_commit(session, signals.core_seat_taken, member_id=seat.member_id, number=seat.number)


def ended(session: Session, seat: CoreSeat) -> None:
    """A seat ended between two results; *reason* as the seat keeps it (``services_seats.DEPARTURES``)."""
    signals.after_commit(
        session,
        signals.core_seat_ended,
        member_id=seat.member_id,
        number=seat.number,
        reason=seat.left_reason,
    )
