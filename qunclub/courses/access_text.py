"""Why something is locked and what opens it, in the visitor's words. Courses and homework say it the same way."""

from __future__ import annotations

from typing import Any

from qunclub.kernel import Access
from qunclub.web import _l

REASONS: dict[str, tuple[Any, Any]] = {
    "sign_in": (
        _l("Sign in to go on"),
        _l(
            "If you hold a pass for this course, sign in and everything opens. If not, see which pass opens it."
        ),
    ),
    "no_pass": (
        _l("Opens with a pass"),
        _l("You do not hold a pass for this course yet. The free previews are open to everybody."),
    ),
    "expired": (
        _l("Your pass has ended"),
        _l("Your progress and your homework are kept. A new pass opens the course again."),
    ),
    "revoked": (
        _l("Your pass was taken back"),
        _l("The pass that opened this course was refunded or revoked; your orders tell why."),
    ),
    "suspended": (_l("Your membership is suspended"), _l("Ask the admins of the club about it.")),
}


def why_locked(access: Access) -> tuple[str, str]:
    """A title and a sentence for a locked *access*."""
    title, sentence = REASONS.get(access.reason, REASONS["no_pass"])
    return str(title), str(sentence)
