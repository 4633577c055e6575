"""The words of the house's pages: categories, acts, states, days of the week."""

from __future__ import annotations

from typing import Any

from qunclub.web import _l

CATEGORIES: dict[str, Any] = {
    "abuse": _l("Insult or threat"),
    "spam": _l("Advertising or spam"),
    "private": _l("Something private made public"),
    "off_topic": _l("Again and again off the topic"),
    "other": _l("Something else"),
}
ACTS_OF: dict[str, Any] = {
    "warning": _l("Warning"),
    "mute": _l("Mute"),
    "removal": _l("Removal from the group"),
    "overturned": _l("Taken back"),
}
STATES: dict[str, Any] = {
    "open": _l("Waits for a host"),
    "dismissed": _l("No rule was broken"),
    "sanctioned": _l("The hosts have acted"),
    "gone": _l("Ended: somebody left the club"),
}
APPEALS: dict[str, Any] = {
    "open": _l("Your appeal waits for an admin"),
    "upheld": _l("Your appeal was upheld"),
    "declined": _l("Your appeal was declined"),
    "lapsed": _l("The appeal has ended"),
}
EXCEPTIONS: dict[str, Any] = {
    "open": _l("You have asked for an exception; an admin answers it"),
    "granted": _l("You may write although it is muted"),
    "declined": _l("Your wish for an exception was declined"),
    "lapsed": _l("Your wish for an exception has ended with the mute"),
}
ROLES: dict[str, Any] = {
    "": _l("Everybody but the hosts"),
    "member": _l("Members without an office"),
    "instructor": _l("Instructors"),
    "host": _l("Hosts (admins only)"),
}
DAYS = (
    _l("Monday"), _l("Tuesday"), _l("Wednesday"), _l("Thursday"), _l("Friday"), _l("Saturday"), _l("Sunday"),
)  # fmt: skip
# What the audit log calls the acts of this room.
ACTS = {
    "house.schedule": _l("Open hours set"),
    "house.follow": _l("Own open hours given up"),
    "house.mute": _l("Muted"),
    "house.lift": _l("Mute lifted"),
    "house.ladder": _l("Ladder changed"),
    "house.sanction": _l("Sanction decided"),
    "house.overturn": _l("Sanction taken back"),
    "house.decline": _l("Appeal declined"),
    "house.exception": _l("Exception from a mute answered"),
}
COMMON = {
    "categories": CATEGORIES, "acts": ACTS_OF, "states": STATES, "appeals": APPEALS, "days": DAYS,
    "exceptions": EXCEPTIONS, "roles_muted": ROLES,
}  # fmt: skip
