"""What is on sale, what a member holds, what it opens, and the ticket that opens the group's door.

Promise 3: a source yields its pass exactly once. Promise 4: what a pass opens never depends on a seat.
"""

from . import tickets
from .models import EntryTicket, Pass, PassTerm, Plan, PlanCourse, PlanUpgrade, PriceStep
from .queries import Holding, Offer, PlanView, catalogue, holding, holdings, may_see, plan_by_slug
from .queries_access import course_access
from .queries_prices import price_of
from .rules import LIVE, SALE_REASONS, SOLD_PREFIX, PriceNow, can_sell, end_of, is_over, price_at, stock_left
from .rules_door import Doors
from .rules_plans import PlanDraft, StepDraft
from .rules_terms import Term, last_end
from .rules_terms import without as terms_without
from .services import expire_due, give, issue, revoke
from .services_door import Way, forget_checks
from .services_door import check as check_at_door
from .services_plans import create_plan, save_tier, update_plan
from .services_seats import ask_again
from .services_stock import hold, release, sell, unsell
from .services_terms import end_source, extend, resume, set_renewal, suspend, with_sources

__all__ = [
    "LIVE",
    "SALE_REASONS",
    "SOLD_PREFIX",
    "Doors",
    "EntryTicket",
    "Holding",
    "Offer",
    "Pass",
    "PassTerm",
    "Plan",
    "PlanCourse",
    "PlanDraft",
    "PlanUpgrade",
    "PlanView",
    "PriceNow",
    "PriceStep",
    "StepDraft",
    "Term",
    "Way",
    "ask_again",
    "can_sell",
    "catalogue",
    "check_at_door",
    "course_access",
    "create_plan",
    "end_of",
    "end_source",
    "expire_due",
    "extend",
    "forget_checks",
    "give",
    "hold",
    "holding",
    "holdings",
    "is_over",
    "issue",
    "last_end",
    "may_see",
    "plan_by_slug",
    "price_at",
    "price_of",
    "release",
    "resume",
    "revoke",
    "save_tier",
    "sell",
    "set_renewal",
    "stock_left",
    "suspend",
    "terms_without",
    "tickets",
    "unsell",
    "update_plan",
    "with_sources",
]
