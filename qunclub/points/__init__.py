"""Points: an append-only ledger, and standings that always equal its sums.

Promise 7 lives here. ``award`` and ``award_many`` write a line once for each source; a correction is a ``reverse``.
Every window (all time, each season) keeps a standing for each member and counts of members by score, so that a
ranking and a place in it cost the same at any size.
"""

from .ledger import Span
from .queries_had import had, usual
from .queries_history import standings_at
from .queries_ranking import (
    Board,
    BoardRow,
    Cursor,
    Score,
    Standpoint,
    around,
    board,
    rank_of,
    standing,
    standpoint,
    top,
    total,
    window_by_key,
    windows_at,
)
from .queries_rulebook import active_since, all_rules, rules_in_force
from .rules import (
    ALL_TIME,
    GROUP,
    KINDS,
    UNAWARDED,
    Award,
    Kind,
    Rule,
    add_kind,
    course_scope,
    group_scope,
    order,
)
from .rules_gains import gains
from .rules_limits import Had, Limits
from .services import (
    Earned,
    award,
    award_many,
    close_window,
    end_window,
    grant,
    is_reversed,
    member_by_number,
    open_window,
    rebuild,
    reverse,
)
from .services_boards import look_again
from .services_recorded import Recorded, record
from .services_rulebook import ensure_rules, set_rule
from .sums import sums as ledger_sums

__all__ = [
    "ALL_TIME",
    "GROUP",
    "KINDS",
    "UNAWARDED",
    "Award",
    "Board",
    "BoardRow",
    "Cursor",
    "Earned",
    "Had",
    "Kind",
    "Limits",
    "Recorded",
    "Rule",
    "Score",
    "Span",
    "Standpoint",
    "active_since",
    "add_kind",
    "all_rules",
    "around",
    "award",
    "award_many",
    "board",
    "close_window",
    "course_scope",
    "end_window",
    "ensure_rules",
    "gains",
    "grant",
    "group_scope",
    "had",
    "is_reversed",
    "ledger_sums",
    "look_again",
    "member_by_number",
    "open_window",
    "order",
    "rank_of",
    "rebuild",
    "record",
    "reverse",
    "rules_in_force",
    "set_rule",
    "standing",
    "standings_at",
    "standpoint",
    "top",
    "total",
    "usual",
    "window_by_key",
    "windows_at",
]
