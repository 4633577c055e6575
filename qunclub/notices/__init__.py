"""Notices: what a member is told, in the club and by mail, as they chose, and never twice.

A room calls :func:`notify` in the transaction that causes the notice. What concerns a seat, the covenant, a host's hand
or money is always told; the rest by each member's own choice.
"""

from .services import choose, forget, mark_read, notify, notify_seated, open_notice

__all__ = ["choose", "forget", "mark_read", "notify", "notify_seated", "open_notice"]
