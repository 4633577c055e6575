"""Seasons: a published formula that lets the best rise into the core group and its last places leave.

Promise 8 lives here: a season closes once, atomically, from a frozen snapshot; every outcome has a decision the member
can read; elimination takes the core role only.
"""

from .ending import end_early
from .queries import (
    core_members,
    current,
    decision_of,
    decisions,
    decisions_about,
    is_core,
    latest,
    preview,
    recent,
)
from .queries_core import CoreCard, core_cards
from .queries_live import LiveSeason, live_season
from .queries_notices import settings as letter_settings
from .rules import Distance, Outcome, Plan, Row, distance, plan_season
from .rules_formula import Formula, check_formula
from .services import (
    Published,
    close,
    create_season,
    freeze,
    open_season,
    publish,
    update_season,
)
from .services_notices import set_notices as set_letters
from .services_profile import forget_profile, save_profile, take_back
from .services_proposal import propose_formula, proposed_formula

__all__ = [
    "CoreCard",
    "Distance",
    "Formula",
    "LiveSeason",
    "Outcome",
    "Plan",
    "Published",
    "Row",
    "check_formula",
    "close",
    "core_cards",
    "core_members",
    "create_season",
    "current",
    "decision_of",
    "decisions",
    "decisions_about",
    "distance",
    "end_early",
    "forget_profile",
    "freeze",
    "is_core",
    "latest",
    "letter_settings",
    "live_season",
    "open_season",
    "plan_season",
    "preview",
    "propose_formula",
    "proposed_formula",
    "publish",
    "recent",
    "save_profile",
    "set_letters",
    "take_back",
    "update_season",
]
