"""The web frame: unit of work, guards, forgery protection, errors, navigation. It holds no capability."""

from qunclub.kernel import Me

from .csrf import csrf_exempt
from .exports import csv_response
from .forms import Form, RadioField, SelectField, SelectMultipleField, form_errors, version_in
from .guards import allow, current_actor, current_actor_or_none, current_me, forget_actor, member_id
from .i18n import N_, _, _l, _n, explain, locale
from .limits import limit
from .nav import NavItem, register
from .render import flash, is_htmx, page_number, render, render_alike, safe_next, see_other
from .saving import Saving
from .state import ClubState, club, now
from .uow import reading, reading_ahead, transact, unit_of_work
from .urls import absolute_url, club_url, here

__all__ = [
    "N_",
    "ClubState",
    "Form",
    "Me",
    "NavItem",
    "RadioField",
    "Saving",
    "SelectField",
    "SelectMultipleField",
    "_",
    "_l",
    "_n",
    "absolute_url",
    "allow",
    "club",
    "club_url",
    "csrf_exempt",
    "csv_response",
    "current_actor",
    "current_actor_or_none",
    "current_me",
    "explain",
    "flash",
    "forget_actor",
    "form_errors",
    "here",
    "is_htmx",
    "limit",
    "locale",
    "member_id",
    "now",
    "page_number",
    "reading",
    "reading_ahead",
    "register",
    "render",
    "render_alike",
    "safe_next",
    "see_other",
    "transact",
    "unit_of_work",
    "version_in",
]
