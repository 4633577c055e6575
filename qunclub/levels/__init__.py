"""The path of members upward, 参与者 → 贡献者 → 意见领袖 → 核心: levels by published rules, with rights and duties."""

from .queries import draft, has_right, levels_of, rights_of
from .rules import FLAGS, LEVELS, NUMBERS, RIGHTS, Conditions, Ladder, Rung
from .rules_typed import parse_kinds
from .services import (
    discard_draft,
    end_hand,
    ensure_ladder,
    forget,
    ladder_in_force,
    put_in_force,
    save_draft,
    set_by_hand,
)
from .services_sweep import enrol, follow, look, preview

__all__ = [
    "FLAGS",
    "LEVELS",
    "NUMBERS",
    "RIGHTS",
    "Conditions",
    "Ladder",
    "Rung",
    "discard_draft",
    "draft",
    "end_hand",
    "enrol",
    "ensure_ladder",
    "follow",
    "forget",
    "has_right",
    "ladder_in_force",
    "levels_of",
    "look",
    "parse_kinds",
    "preview",
    "put_in_force",
    "rights_of",
    "save_draft",
    "set_by_hand",
]
