"""The words the admins' pages use for acts, things and promises."""

from __future__ import annotations

from typing import Any

from qunclub.chats import views_words as chats
from qunclub.cloning import admin as cloning
from qunclub.contests import admin as contests
from qunclub.courses import admin_certificates, admin_media, views_questions_desk
from qunclub.groups import admin_ritual as groups_ritual
from qunclub.groups import admin_spin_off as groups_spin_off
from qunclub.groups import admin_split as groups_split
from qunclub.groups import admin_welcome as groups_welcome
from qunclub.groups import desk_moving as groups_moving
from qunclub.homework import admin_showcase
from qunclub.house import views_words as house
from qunclub.levels import admin as levels
from qunclub.members import admin as members
from qunclub.orders import admin_referral
from qunclub.points import admin as points
from qunclub.projects import admin as projects
from qunclub.rewards import admin as rewards
from qunclub.seasons import admin as seasons
from qunclub.seasons import admin_appeals as season_appeals
from qunclub.seasons import admin_calendar as seasons_calendar
from qunclub.seasons import admin_notices as seasons_notices
from qunclub.seasons import admin_offers as seasons_offers
from qunclub.seasons import admin_review as seasons_review
from qunclub.web import _l

THINGS: dict[str, Any] = {
    "member": _l("People"),
    "number": _l("Numbers"),
    "plan": _l("Passes on sale"),
    "pass": _l("Passes held"),
    "ticket": _l("Tickets"),
    "order": _l("Orders"),
    "coupon": _l("Coupons"),
    "line": _l("Group lines"),
    "group": _l("Groups"),
    "seat": _l("Seats"),
    "chat": _l("Chats"),
    "house": _l("Rules of the house"),
    "course": _l("Courses"),
    "question": _l("Questions"),
    "certificate": _l("Certificates"),
    "lesson": _l("Lessons"),
    "assignment": _l("Homework"),
    "submission": _l("Submissions"),
    "showcase": _l("Showcase"),
    "tuition": _l("Tuition back"),
    "tuition_case": _l("Tuition back"),
    "points": _l("Points"),
    "season": _l("Seasons"),
    "contest": _l("Contests"),
    "project": _l("Projects"),
    "ladder": _l("The path upward"),
    "referral": _l("Brought along"),
    "outbox": _l("Messages"),
    "settings": _l("Settings"),
}
ACTS: dict[str, Any] = {
    **members.ACTS,
    **points.ACTS,
    **groups_moving.ACTS,
    **groups_split.ACTS,
    **groups_spin_off.ACTS,
    **seasons.ACTS,
    **seasons_review.ACTS,
    **seasons_offers.ACTS,
    **season_appeals.ACTS,
    **seasons_calendar.ACTS,
    **seasons_notices.ACTS,
    **groups_ritual.ACTS,
    **groups_welcome.ACTS,
    **cloning.ACTS,
    **contests.ACTS,
    **projects.ACTS,
    **levels.ACTS,
    **admin_referral.ACTS,
    **views_questions_desk.ACTS,
    **admin_certificates.ACTS,
    **admin_showcase.ACTS,
    **rewards.ACTS,
    **admin_media.ACTS,
    **chats.ACTS,
    **house.ACTS,
    "extension.grant": _l("More time given"),
    "extension.revoke": _l("More time taken back"),
    "assignment.create": _l("Homework written"),
    "assignment.publish": _l("Homework published"),
    "assignment.unpublish": _l("Homework withdrawn"),
    "assignment.update": _l("Homework changed"),
    "club.profile": _l("Profile changed"),
    "coupon.create": _l("Coupon made"),
    "coupon.delete": _l("Coupon deleted"),
    "coupon.switch_off": _l("Coupon switched off"),
    "coupon.switch_on": _l("Coupon switched on"),
    "coupon.update": _l("Coupon changed"),
    "course.create": _l("Course written"),
    "course.move": _l("Course moved"),
    "course.conditions": _l("Who may enter a course changed"),
    "course.publish": _l("Course published"),
    "course.unpublish": _l("Course withdrawn"),
    "course.update": _l("Course changed"),
    "covenant.publish": _l("Covenant published"),
    "fapiao.issue": _l("Fapiao issued"),
    "fapiao.red": _l("Fapiao put right"),
    "fapiao.reject": _l("Fapiao refused"),
    "gateway_event.replay": _l("Payment notification handled again"),
    "gateway_event.replay_failed": _l("All failed payment notifications handled again"),
    "group.entry": _l("Way into a group changed"),
    "lesson.create": _l("Lesson written"),
    "lesson.import": _l("Lesson imported"),
    "lesson.move": _l("Lesson moved"),
    "lesson.order": _l("Lessons put in order"),
    "lesson.restore": _l("Earlier version brought back"),
    "lesson.update": _l("Lesson changed"),
    "line.create": _l("Group line made"),
    "line.update": _l("Group line changed"),
    "order.cancel": _l("Order called off"),
    "order.fulfil": _l("Order fulfilled by hand"),
    "order.note": _l("Note on an order"),
    "order.proof_reject": _l("Proof of a transfer rejected"),
    "order.refund": _l("Refund"),
    "order.transfer": _l("Transfer recorded"),
    "outbox.retry": _l("Message sent again"),
    "papers.update": _l("Settings of receipts and fapiao changed"),
    "pass.extend": _l("Pass extended"),
    "pass.give": _l("Pass given"),
    "pass.resume": _l("Pass opened again"),
    "pass.revoke": _l("Pass revoked"),
    "pass.shorten": _l("Time of a pass taken back"),
    "pass.suspend": _l("Pass suspended"),
    "plan.create": _l("Pass put on the shelf"),
    "plan.link": _l("New link of a hidden pass"),
    "plan.update": _l("Pass on sale changed"),
    "seat.remove": _l("Taken out of a group"),
    "seat.priority": _l("Place on a waiting list changed"),
    "bar.set": _l("Barred from groups"),
    "bar.lift": _l("Bar from groups lifted"),
    "appeal.give_back": _l("Token of an appeal given back"),
    "team.invite": _l("Somebody asked into a team"),
    "team.remove": _l("Somebody taken out of a team"),
    "submission.correct": _l("Verdict corrected"),
    "submission.free_claim": _l("Claim freed"),
    "transfers.picture": _l("Collection codes changed"),
    "transfers.update": _l("Settings of transfers changed"),
    "allocation.plan": _l("Allocation of works changed"),
    "allocation.move": _l("Works given to another instructor"),
    "instructor.away": _l("Instructor away"),
    "instructor.back": _l("Instructor back"),
    "submission.take_over": _l("Work taken over from another instructor"),
    "submission.waive": _l("Gone without another judgement"),
    "submission.unveil": _l("Looked who wrote a blind work"),
    "assignment.release": _l("Results released together"),
    "assignment.judging": _l("How homework is judged changed"),
    "submission.reopen": _l("Review opened again"),
    "subscription.cancel": _l("Membership cancelled"),
    "subscription.resume": _l("Membership resumed"),
    "ticket.check_in": _l("Admitted at the door"),
    "door.list": _l("List for the door taken along"),
    "token.make": _l("Token for a program made"),
    "token.revoke": _l("Token of a program revoked"),
    "ticket.force": _l("Let in with a reason"),
    "group.host_add": _l("Host of a group added"),
    "group.host_remove": _l("Host of a group taken off"),
    "tier.create": _l("Tier made"),
    "tier.update": _l("Tier changed"),
}
PROMISES: dict[int, Any] = {
    1: _l("A number is given once, in order, for life."),
    2: _l("No group seats more than it holds; the next one opens by itself."),
    3: _l("A paid order yields each of its passes exactly once."),
    4: _l("Paid content never depends on a seat."),
    5: _l("No refund exceeds its payment."),
    6: _l("One reviewer at a time; a review scores points once."),
    7: _l("Every standing is the sum of its ledger lines."),
    8: _l("A season closes once, by its published formula."),
    9: _l("Every outcome has a reason its member can read."),
}


def acts() -> dict[str, Any]:
    """What the audit log calls an act; an act without a word is shown by its code."""
    return ACTS


def things() -> list[tuple[str, Any]]:
    """What the log can be narrowed to."""
    return list(THINGS.items())


def promises() -> dict[int, Any]:
    """The club's promises, each in a line."""
    return PROMISES
