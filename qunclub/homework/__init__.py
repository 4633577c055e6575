"""Homework: assignments with rubrics, submissions over their attempts, one review an attempt, the showcase.

One reviewer at a time holds a submission; a stale save is refused and loses no text; a review scores points once.
"""

from qunclub.kernel.uploads import StoredFile

from .queries_teams import accepted_count, works_of
from .rules import CriterionSpec
from .rules_levels import LevelSpec
from .services import consent, submit, withdraw
from .services_admin import free_claim, reopen
from .services_allocation import end_away, set_away
from .services_appeals import decline, give_back, open_appeal, uphold
from .services_assignments import create_assignment, set_assignment_state, update_assignment
from .services_correction import correct
from .services_forget import forget
from .services_judging import Judging, set_judging, unveil
from .services_plans import set_plan
from .services_release import bring_out_some, release
from .services_remarks import write as write_remarks
from .services_review import claim, claim_next, release_claim, review
from .services_second import waive
from .services_showcase import agree, hide, like, unhide, unlike
from .services_take_over import take_over

__all__ = [
    "CriterionSpec",
    "Judging",
    "LevelSpec",
    "StoredFile",
    "accepted_count",
    "agree",
    "bring_out_some",
    "claim",
    "claim_next",
    "consent",
    "correct",
    "create_assignment",
    "decline",
    "end_away",
    "forget",
    "free_claim",
    "give_back",
    "hide",
    "like",
    "open_appeal",
    "release",
    "release_claim",
    "reopen",
    "review",
    "set_assignment_state",
    "set_away",
    "set_judging",
    "set_plan",
    "submit",
    "take_over",
    "unhide",
    "unlike",
    "unveil",
    "update_assignment",
    "uphold",
    "waive",
    "withdraw",
    "works_of",
    "write_remarks",
]
