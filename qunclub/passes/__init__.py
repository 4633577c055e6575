"""What is on sale, what a member holds, what it opens, and the ticket that opens the group's door.

Promise 3: a source yields its pass exactly once. Promise 4: what a pass opens never depends on a seat.
"""

from . import tickets
from .models import EntryTicket, Pass, Plan, PlanCourse
from .queries import Holding, Offer, PlanView, catalogue, holding, holdings, plan_by_slug
from .queries_access import course_access
from .rules import PlanDraft, can_sell, stock_left
from .services import expire_due, give, issue, revoke
from .services_plans import create_plan, hold, release, save_tier, sell, update_plan

__all__ = [
    "EntryTicket",
    "Holding",
    "Offer",
    "Pass",
    "Plan",
    "PlanCourse",
    "PlanDraft",
    "PlanView",
    "can_sell",
    "catalogue",
    "course_access",
    "create_plan",
    "expire_due",
    "give",
    "hold",
    "holding",
    "holdings",
    "issue",
    "plan_by_slug",
    "release",
    "revoke",
    "save_tier",
    "sell",
    "stock_left",
    "tickets",
    "update_plan",
]
