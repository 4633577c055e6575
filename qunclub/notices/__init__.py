"""Notices: what a member is told, in the club and by mail, as they chose, and never twice.

A room calls :func:`notify` in the transaction that causes the notice, or :func:`letter` where a mail of the room's own
says more than one line. What concerns a seat, the covenant, a host's hand
or money is always told; the rest by each member's own choice.
"""

from .letters import Letter, letter, letters
from .queries import told
from .services import choose, forget, mark_read, notify, notify_seated, open_notice

__all__ = [
    "Letter",
    "choose",
    "forget",
    "letter",
    "letters",
    "mark_read",
    "notify",
    "notify_seated",
    "open_notice",
    "told",
]
