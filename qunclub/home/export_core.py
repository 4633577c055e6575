"""What somebody says of themselves in the core, made in projects, and was told of it, as their own data."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.levels.models import LevelChange, MemberLevel
from qunclub.orders.models_referral import Referral, ReferralCode
from qunclub.projects.models import Delivery, DeliveryFile, Piece, PieceEvent, Project
from qunclub.seasons import snapshot
from qunclub.seasons.models import Season
from qunclub.seasons.models_appeals import SeasonAppeal, SeasonCorrection
from qunclub.seasons.models_notices import SeasonNotice, SeasonQuiet
from qunclub.seasons.models_offers import RunnerUp, SeatOffer
from qunclub.seasons.models_profile import CoreProfile
from qunclub.seasons.models_review import Nomination, SeasonException

from .export_rows import Rows, plain

# The club's own keys, which mean nothing to a reader, and of others' doings nothing but what concerns oneself.
KEYS = (
    "passed_by",
    "by_key",
    "by_name",
    "seat_id",
    "lead_id",
    "holder_id",
    "by_id",
    "entry_id",
    "description_html",
    "brief_html",
)


def _told(rows: Rows) -> Rows:
    return [{name: value for name, value in row.items() if name not in KEYS} for row in rows]


def _projects(session: Session, member_id: int) -> Rows:
    query = select(Project).where(Project.lead_id == member_id).order_by(Project.id)
    return _told([plain(row) for row in session.scalars(query)])


def _pieces(session: Session, member_id: int) -> Rows:
    query = (
        select(Piece, Project.title)
        .join(Project, Project.id == Piece.project_id)
        .where(Piece.holder_id == member_id)
        .order_by(Piece.id)
    )
    return _told([plain(row, project=title) for row, title in session.execute(query)])


def _deliveries(session: Session, member_id: int) -> Rows:
    query = (
        select(Delivery, Piece.title)
        .join(Piece, Piece.id == Delivery.piece_id)
        .where(Delivery.member_id == member_id)
        .order_by(Delivery.id)
    )
    return _told([plain(row, piece=title) for row, title in session.execute(query)])


def _delivery_files(session: Session, member_id: int) -> Rows:
    query = (
        select(DeliveryFile)
        .join(Delivery, Delivery.id == DeliveryFile.delivery_id)
        .where(Delivery.member_id == member_id)
        .order_by(DeliveryFile.id)
    )
    return _told([plain(row) for row in session.scalars(query)])


def _piece_events(session: Session, member_id: int) -> Rows:
    mine = (PieceEvent.member_id == member_id) | (PieceEvent.by_id == member_id)
    query = select(PieceEvent).where(mine).order_by(PieceEvent.id)
    return _told([plain(row) for row in session.scalars(query)])


def _core_profile(session: Session, member_id: int) -> Rows:
    query = select(CoreProfile).where(CoreProfile.member_id == member_id)
    return [plain(row) for row in session.scalars(query)]


def _runner_ups(session: Session, member_id: int) -> Rows:
    query = select(RunnerUp, Season.name).join(Season, Season.id == RunnerUp.season_id)
    query = query.where(RunnerUp.member_id == member_id).order_by(RunnerUp.season_id)
    return _told([plain(row, season=name) for row, name in session.execute(query)])


def _seat_offers(session: Session, member_id: int) -> Rows:
    query = select(SeatOffer, Season.name).join(Season, Season.id == SeatOffer.season_id)
    query = query.where(SeatOffer.member_id == member_id).order_by(SeatOffer.id)
    return _told([plain(row, season=name) for row, name in session.execute(query)])


def _appeals(session: Session, member_id: int) -> Rows:
    query = select(SeasonAppeal, Season.name).join(Season, Season.id == SeasonAppeal.season_id)
    query = query.where(SeasonAppeal.member_id == member_id).order_by(SeasonAppeal.id)
    return _told([plain(row, season=name) for row, name in session.execute(query)])


def _corrections(session: Session, member_id: int) -> Rows:
    query = select(SeasonCorrection, Season.name).join(Season, Season.id == SeasonCorrection.season_id)
    query = query.where(SeasonCorrection.member_id == member_id).order_by(SeasonCorrection.id)
    return _told([plain(row, season=name) for row, name in session.execute(query)])


def _exceptions(session: Session, member_id: int) -> Rows:
    """What was ruled about oneself beside the formula, once it stands with the result."""
    query = (
        select(SeasonException, Season.name)
        .join(Season, Season.id == SeasonException.season_id)
        .where(SeasonException.member_id == member_id, Season.published_at.is_not(None))
        .order_by(SeasonException.id)
    )
    return _told([plain(row, season=name) for row, name in session.execute(query)])


def _season_places(session: Session, member_id: int) -> Rows:
    """How one stood when each season was frozen."""
    return [
        {
            "season": season.name,
            "place": row.position,
            "points": row.points,
            "featured": row.honours,
            "last_day": row.last_day.isoformat() if row.last_day else None,
            "core": row.core,
            "bar": row.bar,
            "on_leave": row.on_leave,
        }
        for season, row in snapshot.of_member(session, member_id)
    ]


def _season_letters(session: Session, member_id: int) -> Rows:
    query = (
        select(SeasonNotice, Season.name)
        .join(Season, Season.id == SeasonNotice.season_id)
        .where(SeasonNotice.member_id == member_id)
        .order_by(SeasonNotice.id)
    )
    return [plain(row, season=name) for row, name in session.execute(query)]


def _season_quiet(session: Session, member_id: int) -> Rows:
    return [
        plain(row) for row in session.scalars(select(SeasonQuiet).where(SeasonQuiet.member_id == member_id))
    ]


def _nominations(session: Session, member_id: int) -> Rows:
    """What was written about oneself and by oneself, without the other one's name."""
    query = (
        select(Nomination, Season.name)
        .join(Season, Season.id == Nomination.season_id)
        .where((Nomination.member_id == member_id) | (Nomination.by_member_id == member_id))
        .order_by(Nomination.id)
    )
    return [
        {
            "season": season,
            "about_me": row.member_id == member_id,
            "reason": row.reason,
            "at": row.at.isoformat(),
        }
        for row, season in session.execute(query)
    ]


def _referrals(session: Session, member_id: int) -> Rows:
    """Whom one brought along, or by whose link one came: without the other one."""
    mine = (Referral.member_id == member_id) | (Referral.by_member_id == member_id)
    return [
        {
            "i_invited": row.by_member_id == member_id,
            "state": row.state,
            "why": row.why,
            "created_at": row.created_at.isoformat(),
        }
        for row in session.scalars(select(Referral).where(mine).order_by(Referral.id))
    ]


def _referral_code(session: Session, member_id: int) -> Rows:
    query = select(ReferralCode).where(ReferralCode.member_id == member_id)
    return [plain(row) for row in session.scalars(query)]


def _level(session: Session, member_id: int) -> Rows:
    query = select(MemberLevel).where(MemberLevel.member_id == member_id)
    return [plain(row) for row in session.scalars(query)]


def _level_history(session: Session, member_id: int) -> Rows:
    query = select(LevelChange).where(LevelChange.member_id == member_id).order_by(LevelChange.n)
    return [plain(row) for row in session.scalars(query)]


PARTS: dict[str, Callable[[Session, int], Rows]] = {
    "core_profile": _core_profile,
    "runner_up": _runner_ups,
    "seat_offers": _seat_offers,
    "season_appeals": _appeals,
    "season_corrections": _corrections,
    "season_exceptions": _exceptions,
    "season_places": _season_places,
    "season_letters": _season_letters,
    "season_letters_off": _season_quiet,
    "nominations": _nominations,
    "referrals": _referrals,
    "referral_code": _referral_code,
    "level": _level,
    "level_history": _level_history,
    "projects_led": _projects,
    "pieces": _pieces,
    "deliveries": _deliveries,
    "delivery_files": _delivery_files,
    "piece_history": _piece_events,
}
