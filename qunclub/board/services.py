"""Writing on a board: posts, announcements, answers; changing and taking back one's own; what was read.

Whatever readers see differently afterwards is done under the lock of the board's row, which numbers the posts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from qunclub import notices
from qunclub.kernel import (
    N_,
    Actor,
    Conflict,
    Forbidden,
    NotFound,
    Stale,
    insert_for,
    locks,
    outbox,
    render_markdown,
)
from qunclub.kernel.uploads import StoredFile
from qunclub.members.models import Member

from . import queries, queries_posts, rules
from .models import Board, BoardPicture, BoardPost, BoardReader, BoardReceipt, BoardVersion
from .posting import check_may_post
from .queries import Place

OWN = N_("Only who wrote it may do this.")
STALE = N_("This was changed meanwhile. Below is how it reads now; your own words are kept in the form.")


def write(
    session: Session,
    *,
    slug: str,
    actor: Actor,
    body_md: str,
    now: dt.datetime,
    zone: dt.tzinfo,
    title: str = "",
    announcement: bool = False,
    open_answers: bool = True,
    answer_to: int | None = None,
    pictures: Sequence[StoredFile] = (),
) -> BoardPost:
    """Write a post, an announcement or, with *answer_to*, an answer to the post with that number.

    Args:
        slug: of the group.
        now: aware UTC.
        zone: the club's time zone.
        open_answers: whether members may answer it; only hosts may say no.
        pictures: checked, scanned and already kept.

    Raises:
        NotFound: for whoever has no seat in the group, or an answer to nothing.
        Forbidden: when they may not write now, saying why.
        Invalid: naming the field.
        Conflict: for an answer to what was hidden or taken back.
    """
    here = queries.place(session, slug, actor)
    root = None
    if answer_to is not None:
        root = queries_posts.root_of(session, queries_posts.post_row(session, here, answer_to))
    announcement = announcement and root is None
    if announcement and not here.staff:
        raise Forbidden(N_("Only hosts write announcements."))
    title = rules.check_title(title, announcement=announcement)
    body_md = rules.check_body(body_md, pictures=len(pictures))
    numbers = rules.check_mentions(body_md, staff=here.staff)
    seated = queries_posts.seated_among(
        session, here.group_id, numbers=numbers, member_id=root.member_id if root is not None else None
    )
    known = [number for _ident, number in seated if number in numbers]
    html = rules.marked(render_markdown(body_md), known)
    board = locked(session, here)
    # Under the lock: of two that one member sends at once, slow mode sees the first.
    check_may_post(session, place=here, now=now, zone=zone, answering=root)
    if root is not None:
        root = session.get_one(BoardPost, root.id, populate_existing=True)
        if root.hidden_at is not None or root.deleted_at is not None:
            raise Conflict(N_("What you answer was hidden or taken back meanwhile."))
        root.replies += 1
    board.last_n += 1
    board.changed += 1
    post = BoardPost(
        group_id=here.group_id,
        n=board.last_n,
        parent_id=root.id if root is not None else None,
        member_id=here.member_id,
        kind="announcement" if announcement else "post",
        title=title,
        body_md=body_md,
        body_html=html,
        mentions=known,
        by_staff=here.staff,
        open_answers=open_answers if here.staff else True,
        created_at=now,
    )
    session.add(post)
    session.flush()
    for one in pictures:
        session.add(
            BoardPicture(
                post_id=post.id,
                name=one.name,
                content_type=one.content_type,
                size=one.size,
                sha256=one.sha256,
                storage_key=one.storage_key,
            )
        )
    if here.unread == 0:
        # Who has read everything has read their own words too.
        _read_up_to(session, here, post.n)
    _tell(session, here, post, root, seated, now)
    return post


def edit(
    session: Session,
    *,
    slug: str,
    n: int,
    version: int,
    actor: Actor,
    body_md: str,
    now: dt.datetime,
    zone: dt.tzinfo,
    title: str = "",
    open_answers: bool | None = None,
) -> BoardPost:
    """Change one's own words; how they read before is kept for the hosts.

    Raises:
        Forbidden: for anybody else's, and while one may not write.
        Conflict: of what is hidden or taken back.
        Stale: when it changed since *version* was read.
        Invalid: naming the field.
    """
    here, row = _own(session, slug, n, actor)
    root = queries_posts.root_of(session, row)
    check_may_post(
        session, place=here, now=now, zone=zone, answering=root if root.id != row.id else None, editing=True
    )
    title = rules.check_title(title, announcement=row.kind == "announcement")
    pictures = session.scalars(select(BoardPicture.id).where(BoardPicture.post_id == row.id)).all()
    body_md = rules.check_body(body_md, pictures=len(pictures))
    numbers = rules.check_mentions(body_md, staff=here.staff)
    seated = queries_posts.seated_among(session, here.group_id, numbers=numbers)
    known = [number for _ident, number in seated if number is not None]
    html = rules.marked(render_markdown(body_md), known)
    board = locked(session, here)
    row = session.get_one(BoardPost, row.id, populate_existing=True)
    if row.version != version:
        raise Stale(STALE)
    _check_there(row)
    if open_answers is not None and here.staff:
        row.open_answers = open_answers
    if (row.title, row.body_md) != (title, body_md):
        keep_version(session, row, what="edit", by=here.member_id, now=now)
        called_all = rules.calls_all(row.body_md)
        row.title, row.body_md, row.body_html, row.mentions = title, body_md, html, known
        row.edited_at = now
        _tell_mentioned(session, here, row, [ident for ident, _number in seated], now)
        if rules.calls_all(body_md) and not called_all:
            _tell_all(session, here, row, now)
    row.version += 1
    board.changed += 1
    session.flush()
    return row


def remove(session: Session, *, slug: str, n: int, actor: Actor, now: dt.datetime) -> BoardPost:
    """Take one's own words back: a line says that something stood here, the hosts can still read it, pictures go.

    Raises:
        Forbidden: for anybody else's.
        Conflict: when it is hidden: a host has judged it.
    """
    here, row = _own(session, slug, n, actor)
    board = locked(session, here)
    row = session.get_one(BoardPost, row.id, populate_existing=True)
    if row.deleted_at is not None:
        return row
    _check_there(row)
    keep_version(session, row, what="delete", by=here.member_id, now=now)
    row.title = row.body_md = row.body_html = ""
    row.mentions = []
    row.deleted_at, row.pinned_at = now, None
    row.version += 1
    board.changed += 1
    drop_pictures(session, [row.id], now)
    session.flush()
    return row


def receive(session: Session, *, slug: str, n: int, actor: Actor, now: dt.datetime) -> bool:
    """Take note of an announcement (收到); twice is once.

    Returns:
        Whether it was the first time.

    Raises:
        NotFound: when it is no announcement of the group that is to be seen.
        Forbidden: for a host without a seat: the receipts are the members'.
    """
    here = queries.place(session, slug, actor)
    row = queries_posts.post_row(session, here, n)
    if row.kind != "announcement" or row.deleted_at is not None or row.hidden_at is not None:
        raise NotFound()
    if not here.seated:
        raise Forbidden(N_("Receipts are given by members of the group."))
    insert = insert_for(session, BoardReceipt)
    made = session.execute(
        insert.values(post_id=row.id, member_id=here.member_id, read_at=now)
        .on_conflict_do_nothing(index_elements=[BoardReceipt.post_id, BoardReceipt.member_id])
        .returning(BoardReceipt.id)
    ).one_or_none()
    if made is None:
        return False
    session.execute(
        update(BoardPost)
        .where(BoardPost.id == row.id)
        .values(reads=BoardPost.reads + 1)
        .execution_options(synchronize_session=False)
    )
    session.expire(row)
    return True


def seen(session: Session, *, slug: str, upto: int, actor: Actor) -> int:
    """Remember that a member has read up to the number *upto*; never backwards. What is left unread."""
    here = queries.place(session, slug, actor)
    upto = max(0, min(upto, here.last_n))
    if here.read_n is None or upto > here.read_n:
        _read_up_to(session, here, upto)
    return rules.unread(here.last_n, max(upto, here.read_n or 0))


def locked(session: Session, here: Place) -> Board:
    """The board's row, made when nobody wrote before, under its lock."""
    if here.last_n == 0 and here.changed == 0:
        insert = insert_for(session, Board)
        session.execute(insert.values(group_id=here.group_id, last_n=0, changed=0).on_conflict_do_nothing())
    return locks.lock(session, Board, here.group_id)


def keep_version(
    session: Session, row: BoardPost, *, what: str, by: int | None, now: dt.datetime, reason: str = ""
) -> None:
    """Keep how a post reads now, before it is changed."""
    session.add(
        BoardVersion(
            post_id=row.id,
            version=row.version,
            what=what,
            title=row.title,
            body_md=row.body_md,
            reason=reason,
            by_id=by if by != queries.NOBODY else None,
            at=now,
        )
    )


def drop_pictures(session: Session, post_ids: Sequence[int], now: dt.datetime) -> None:
    """Delete the pictures of posts; their bytes go after the commit."""
    for key in session.scalars(
        delete(BoardPicture)
        .where(BoardPicture.post_id.in_(post_ids))
        .returning(BoardPicture.storage_key)
        .execution_options(synchronize_session=False)
    ).all():
        outbox.put(session, kind="file_delete", key=f"file:{key}", payload={"storage_key": key}, now=now)


def _own(session: Session, slug: str, n: int, actor: Actor) -> tuple[Place, BoardPost]:
    here = queries.place(session, slug, actor)
    row = queries_posts.post_row(session, here, n)
    if row.member_id != here.member_id:
        raise Forbidden(OWN)
    return here, row


def _check_there(row: BoardPost) -> None:
    if row.deleted_at is not None or row.hidden_at is not None:
        raise Conflict(N_("This was hidden or taken back; it can be changed no more."))


def _read_up_to(session: Session, here: Place, n: int) -> None:
    insert = insert_for(session, BoardReader)
    insert = insert.values(member_id=here.member_id, group_id=here.group_id, read_n=n)
    session.execute(
        insert.on_conflict_do_update(
            index_elements=[BoardReader.member_id, BoardReader.group_id],
            set_={"read_n": insert.excluded.read_n},
            where=BoardReader.read_n < insert.excluded.read_n,
        )
    )


def _tell(
    session: Session,
    here: Place,
    post: BoardPost,
    root: BoardPost | None,
    seated: Sequence[tuple[int, int | None]],
    now: dt.datetime,
) -> None:
    mentioned = [ident for ident, number in seated if number in post.mentions]
    told = _tell_mentioned(session, here, post, mentioned, now)
    asked = root.member_id if root is not None else None
    there = {ident for ident, _number in seated}
    if root is not None and root.by_staff and asked not in there:
        # A host reads every board, with a seat or without.
        author = session.get_one(Member, root.member_id)
        there |= {author.id} if {"host", "admin"} & set(author.roles) else set()
    if asked is not None and asked in there and asked not in (here.member_id, *mentioned):
        told += notices.notify(
            session,
            members=[asked],
            kind="reply",
            source=f"board:{post.id}",
            facts={"group": here.name},
            endpoint="qunclub.board.thread",
            values=_target(here, post, root),
            by=here.member_id,
            now=now,
        )
    if post.kind == "announcement":
        notices.notify_seated(
            session,
            group_id=here.group_id,
            kind="announcement",
            source=f"board:{post.id}",
            facts={"group": here.name, "title": post.title},
            endpoint="qunclub.board.thread",
            values=_target(here, post, root),
            by=here.member_id,
            but=told,
            now=now,
        )
    elif rules.calls_all(post.body_md):
        _tell_all(session, here, post, now, root=root, but=told)


def _tell_all(
    session: Session,
    here: Place,
    post: BoardPost,
    now: dt.datetime,
    *,
    root: BoardPost | None = None,
    but: Sequence[int] = (),
) -> None:
    notices.notify_seated(
        session,
        group_id=here.group_id,
        kind="mention",
        source=f"board:{post.id}",
        facts={"group": here.name},
        endpoint="qunclub.board.thread",
        values=_target(here, post, root or queries_posts.root_of(session, post)),
        by=here.member_id,
        but=but,
        now=now,
    )


def _tell_mentioned(
    session: Session, here: Place, post: BoardPost, members: Sequence[int], now: dt.datetime
) -> list[int]:
    return notices.notify(
        session,
        members=[ident for ident in members if ident != here.member_id],
        kind="mention",
        source=f"board:{post.id}",
        facts={"group": here.name},
        endpoint="qunclub.board.thread",
        values=_target(here, post, queries_posts.root_of(session, post)),
        by=here.member_id,
        now=now,
    )


def _target(here: Place, post: BoardPost, root: BoardPost | None) -> dict[str, object]:
    """Where a notice leads: the post, or the answers under it from this one on."""
    if root is None or root.id == post.id:
        return {"slug": here.slug, "n": post.n}
    return {"slug": here.slug, "n": root.n, "after": post.n - 1}
