"""The ground everything stands on: base, clock, ids, money, errors, locks, outbox, audit, text, ports.

It knows nothing of the club's capabilities and nothing of Flask.
"""

from . import append_only, ids, locks, mail, outbox, ports, reads, signals, store, text, watch
from .actor import ROLES, Actor, Me
from .base import Base, BigInt, UTCDateTime, minor, pk
from .clock import utcnow
from .errors import N_, ClubError, Conflict, Forbidden, Invalid, NotFound, Stale
from .money import parse_amount, to_decimal
from .pages import Marked, Page, paginate, paginate_by_mark
from .ports import Access, Finding
from .text import render_markdown
from .upsert import insert_for

__all__ = [
    "N_",
    "ROLES",
    "Access",
    "Actor",
    "Base",
    "BigInt",
    "ClubError",
    "Conflict",
    "Finding",
    "Forbidden",
    "Invalid",
    "Marked",
    "Me",
    "NotFound",
    "Page",
    "Stale",
    "UTCDateTime",
    "append_only",
    "ids",
    "insert_for",
    "locks",
    "mail",
    "minor",
    "outbox",
    "paginate",
    "paginate_by_mark",
    "parse_amount",
    "pk",
    "ports",
    "reads",
    "render_markdown",
    "signals",
    "store",
    "text",
    "to_decimal",
    "utcnow",
    "watch",
]
