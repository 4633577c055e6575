"""Projects: work of many hands, split into pieces that core members take up, deliver and are credited for.

One piece has one holder; what was agreed when it was taken up holds; an accepted piece earns its points once.
"""

from .services import assign, claim, deliver, forget, give_back, overdue, return_overdue
from .services_lead import (
    PieceText,
    ProjectText,
    Terms,
    add_piece,
    cancel_piece,
    create,
    extend,
    restore_piece,
    save,
    save_piece,
    set_state,
)
from .services_verdict import accept, reverse, send_back

__all__ = [
    "PieceText",
    "ProjectText",
    "Terms",
    "accept",
    "add_piece",
    "assign",
    "cancel_piece",
    "claim",
    "create",
    "deliver",
    "extend",
    "forget",
    "give_back",
    "overdue",
    "restore_piece",
    "return_overdue",
    "reverse",
    "save",
    "save_piece",
    "send_back",
    "set_state",
]
