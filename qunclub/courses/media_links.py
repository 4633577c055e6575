"""Links to a file: signed, good for some hours, and for one member only unless a free preview shows it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from itsdangerous import BadData, URLSafeSerializer

from qunclub.kernel.keys import Secret, oldest_first

from .rules_media import LINK_LASTS

SALT = "qunclub.course-media"


@dataclass(frozen=True, slots=True)
class Link:
    """What a signed link says.

    Attributes:
        lesson_id: through which lesson the file is seen; 0 for the course's description.
        member_id: whom it is for; 0 for everybody.
    """

    media_id: int
    lesson_id: int
    member_id: int
    expires: int

    def holds(self, now: dt.datetime) -> bool:
        """Whether its time is not up."""
        return now.timestamp() < self.expires


def sign(secret: Secret, *, media_id: int, lesson_id: int, member_id: int, now: dt.datetime) -> str:
    """A link's token."""
    expires = int((now + LINK_LASTS).timestamp())
    return str(
        URLSafeSerializer(oldest_first(secret), salt=SALT).dumps([media_id, lesson_id, member_id, expires])
    )


def read(secret: Secret, token: str) -> Link | None:
    """What *token* says; None when the club did not sign it."""
    try:
        facts = URLSafeSerializer(oldest_first(secret), salt=SALT).loads(token)
    except BadData:
        return None
    return Link(*facts)
