"""Posts as something that can be reported to the hosts."""

from __future__ import annotations

from sqlalchemy.orm import Session

from qunclub import house
from qunclub.groups.models import Group
from qunclub.kernel import N_

from .models import BoardPost

KIND = "post"


def _find(session: Session, post_id: int) -> house.Found | None:
    row = session.get(BoardPost, post_id)
    if row is None or row.deleted_at is not None:
        return None
    slug = session.get_one(Group, row.group_id).slug
    place = {"slug": slug, "n": row.n}
    hidden = row.hidden_at is not None
    return house.Found(row.group_id, row.member_id, row.body_md, "qunclub.board.thread", place, hidden)


house.register_subject(house.Subject(KIND, N_("Post on the board"), _find))
