"""QunClub (群俱乐部): a paid-membership club, alone or inside a Flask app."""

from qunclub.extension import QunClub
from qunclub.kernel import Actor
from qunclub.kernel.engine import configure_engine
from qunclub.kernel.signals import (
    core_seat_ended,
    core_seat_taken,
    member_numbered,
    order_paid,
    pass_issued,
    pass_revoked,
    payment_refunded,
    season_closed,
    season_published,
    season_undone,
    submission_received,
    submission_reviewed,
)
from qunclub.migrate import exclude_qunclub_tables

__version__ = "0.1.0"

__all__ = [
    "Actor",
    "QunClub",
    "__version__",
    "configure_engine",
    "core_seat_ended",
    "core_seat_taken",
    "exclude_qunclub_tables",
    "member_numbered",
    "order_paid",
    "pass_issued",
    "pass_revoked",
    "payment_refunded",
    "season_closed",
    "season_published",
    "season_undone",
    "submission_received",
    "submission_reviewed",
]
