"""Contests: a call with a window, entries, jury scores and members' votes, prizes with stock, a results page.

Nobody's name is shown before the results, and the terms hold from the moment entering opens.
"""

from .rules import Terms
from .services import edit, enter, forget, score, unvote, vote, withdraw
from .services_admin import (
    add_prize,
    appoint,
    create,
    dismiss,
    disqualify,
    publish,
    remove_prize,
    save,
    unpublish,
)
from .services_results import hand_over, publish_results

__all__ = [
    "Terms",
    "add_prize",
    "appoint",
    "create",
    "dismiss",
    "disqualify",
    "edit",
    "enter",
    "forget",
    "hand_over",
    "publish",
    "publish_results",
    "remove_prize",
    "save",
    "score",
    "unpublish",
    "unvote",
    "vote",
    "withdraw",
]
