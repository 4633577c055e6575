"""Why something is locked and what opens it, in the visitor's words. Courses and homework say it the same way."""

from __future__ import annotations

from qunclub.kernel import Access
from qunclub.web import N_, _

REASONS: dict[str, tuple[str, str]] = {
    "sign_in": (
        N_("Sign in to go on"),
        N_(
            "If you hold a pass for this course, sign in and everything opens. If not, see which pass opens it."
        ),
    ),
    "no_pass": (
        N_("Opens with a pass"),
        N_("You do not hold a pass for this course yet. The free previews are open to everybody."),
    ),
    "expired": (
        N_("Your pass has ended"),
        N_("Your progress and your homework are kept. A new pass opens the course again."),
    ),
    "revoked": (
        N_("Your pass was taken back"),
        N_("The pass that opened this course was refunded or revoked; your orders tell why."),
    ),
    "suspended": (N_("Your membership is suspended"), N_("Ask the admins of the club about it.")),
    "suspended_payment": (
        N_("Your pass is suspended"),
        N_(
            "The payment for it is disputed at the bank. Everything is kept, and opens again when the dispute ends in "
            "favour of the payment; write to the club if it is a mistake."
        ),
    ),
}


def why_locked(access: Access) -> tuple[str, str]:
    """A title and a sentence for a locked *access*."""
    title, sentence = REASONS.get(access.reason, REASONS["no_pass"])
    return _(title), _(sentence)
