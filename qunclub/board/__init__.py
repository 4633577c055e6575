"""The board of each group: announcements with receipts, posts and answers, pictures, mentions.

Posts are numbered in each group, in order and without gaps; what is unread is the newest number less the number up to
which a member has read, kept and never counted. Whoever has no seat in a group finds no board there.
"""

from . import reporting as _reporting  # noqa: F401 - posts can be reported
from .queries import MyBoard, my_boards
from .services import edit, receive, remove, seen, write
from .services_desk import forget, hide, pin, show

__all__ = [
    "MyBoard",
    "edit",
    "forget",
    "hide",
    "my_boards",
    "pin",
    "receive",
    "remove",
    "seen",
    "show",
    "write",
]
