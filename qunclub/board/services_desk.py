"""What hosts do with posts: pin, hide with a reason, show again; and what is taken away of whoever leaves the club."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from qunclub import notices
from qunclub.kernel import N_, Actor, Conflict, Forbidden, store

from . import queries, queries_posts, rules
from .models import Board, BoardPicture, BoardPost, BoardReader, BoardReceipt, BoardVersion
from .queries import Place
from .services import keep_version, locked
from .services_welcome import forget_welcomes


def pin(session: Session, *, slug: str, n: int, on: bool, actor: Actor, now: dt.datetime) -> BoardPost:
    """Put a post on top of its board, or take it down.

    Raises:
        Forbidden: for anybody but hosts.
        Conflict: for an answer, for what cannot be seen, and when enough stands there.
    """
    here, row = _of_staff(session, slug, n, actor)
    board = locked(session, here)
    row = session.get_one(BoardPost, row.id, populate_existing=True)
    if (row.pinned_at is not None) == on:
        return row
    if on:
        if row.parent_id is not None or row.deleted_at is not None or row.hidden_at is not None:
            raise Conflict(N_("Only posts that everybody sees are pinned, and no answers."))
        pinned = session.scalar(
            select(func.count()).where(BoardPost.group_id == here.group_id, BoardPost.pinned_at.is_not(None))
        )
        if (pinned or 0) >= rules.MOST_PINNED:
            raise Conflict(
                N_("%(most)s posts are pinned already; take one down first."), most=rules.MOST_PINNED
            )
    row.pinned_at = now if on else None
    board.changed += 1
    session.flush()
    return row


def hide(session: Session, *, slug: str, n: int, reason: str, actor: Actor, now: dt.datetime) -> BoardPost:
    """Take a post out of sight; its author still sees it and is told why.

    Raises:
        Forbidden: for anybody but hosts.
        Invalid: without a reason.
        Conflict: of what its author took back.
    """
    here, row = _of_staff(session, slug, n, actor)
    reason = rules.check_reason(reason)
    board = locked(session, here)
    row = session.get_one(BoardPost, row.id, populate_existing=True)
    if row.hidden_at is not None:
        return row
    if row.deleted_at is not None:
        raise Conflict(N_("Its author has taken this back already."))
    keep_version(session, row, what="hide", by=actor.member_id, now=now, reason=reason)
    row.hidden_at, row.hidden_reason, row.pinned_at = now, reason, None
    row.version += 1
    board.changed += 1
    session.flush()
    _record(session, actor, "board.hide", here, row, now, reason=reason)
    if row.member_id != actor.member_id:
        root = queries_posts.root_of(session, row)
        notices.notify(
            session,
            members=[row.member_id],
            kind="conduct",
            source=f"board:{row.id}:{row.version}",
            facts={"group": here.name, "reason": reason},
            endpoint="qunclub.board.thread",
            values={"slug": here.slug, "n": root.n},
            now=now,
        )
    return row


def show(session: Session, *, slug: str, n: int, actor: Actor, now: dt.datetime) -> BoardPost:
    """Bring a hidden post back."""
    here, row = _of_staff(session, slug, n, actor)
    board = locked(session, here)
    row = session.get_one(BoardPost, row.id, populate_existing=True)
    if row.hidden_at is None:
        return row
    keep_version(session, row, what="show", by=actor.member_id, now=now)
    row.hidden_at, row.hidden_reason = None, ""
    row.version += 1
    board.changed += 1
    session.flush()
    _record(session, actor, "board.show", here, row, now)
    return row


def forget(session: Session, *, member_id: int, now: dt.datetime) -> list[str]:
    """Take away what a member wrote who leaves the club; announcements stay, they are the club's.

    A few statements, however much they wrote.

    Returns:
        The keys of the pictures, for the caller to delete.
    """
    forget_welcomes(session, member_id=member_id)
    mine = select(BoardPost.id).where(BoardPost.member_id == member_id, BoardPost.kind == "post")
    keys = list(
        session.scalars(
            delete(BoardPicture)
            .where(BoardPicture.post_id.in_(mine))
            .returning(BoardPicture.storage_key)
            .execution_options(synchronize_session=False)
        )
    )
    places = select(BoardPost.group_id).where(BoardPost.member_id == member_id).distinct()
    quietly = {"synchronize_session": False}
    for group_id in sorted(session.scalars(places)):
        session.execute(
            update(Board)
            .where(Board.group_id == group_id)
            .values(changed=Board.changed + 1)
            .execution_options(**quietly)
        )
    blank = {"title": "", "body_md": ""}
    session.execute(
        update(BoardVersion)
        .where(BoardVersion.post_id.in_(mine))
        .values(**blank)
        .execution_options(**quietly)
    )
    session.execute(
        update(BoardPost)
        .where(BoardPost.member_id == member_id, BoardPost.kind == "post")
        .values(
            **blank,
            body_html="",
            mentions=[],
            pinned_at=None,
            hidden_at=None,
            hidden_reason="",
            deleted_at=func.coalesce(BoardPost.deleted_at, now),
            version=BoardPost.version + 1,
        )
        .execution_options(**quietly)
    )
    noted = select(BoardReceipt.post_id).where(BoardReceipt.member_id == member_id)
    session.execute(
        update(BoardPost)
        .where(BoardPost.id.in_(noted))
        .values(reads=BoardPost.reads - 1)
        .execution_options(**quietly)
    )
    session.execute(delete(BoardReceipt).where(BoardReceipt.member_id == member_id))
    session.execute(delete(BoardReader).where(BoardReader.member_id == member_id))
    session.expire_all()
    return keys


def _of_staff(session: Session, slug: str, n: int, actor: Actor) -> tuple[Place, BoardPost]:
    here = queries.place(session, slug, actor)
    if not here.staff:
        raise Forbidden(N_("This is for the hosts of groups."), how=N_("An admin can make you a host."))
    return here, queries_posts.post_row(session, here, n)


def _record(
    session: Session,
    actor: Actor,
    action: str,
    here: Place,
    row: BoardPost,
    now: dt.datetime,
    **details: object,
) -> None:
    store.record(
        session,
        actor=actor,
        action=action,
        target=f"board_post:{row.id}",
        now=now,
        summary=f"{here.name} · {row.n}",
        details={"group_id": here.group_id, "n": row.n, "member_id": row.member_id, **details},
    )
