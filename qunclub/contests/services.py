"""A contest is called; members enter, vote, and those of the jury score."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from qunclub.kernel import (
    N_,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Stale,
    insert_for,
    locks,
    outbox,
    render_markdown,
)
from qunclub.members.models import Member

from . import rules
from .models import Contest, ContestEntry, ContestVote, Juror, JuryScore
from .queries import is_juror
from .rules import Terms

STALE = N_("Somebody else saved this while you were writing. Compare both texts below; yours is not lost.")
Picture = tuple[str, str]
"""(storage key, content type) of a picture that is stored already."""


def phase_of(contest: Contest, now: dt.datetime) -> str:
    """Where a contest stands, see :func:`rules.phase`."""
    return rules.phase(
        state=contest.state,
        opens_at=contest.opens_at,
        closes_at=contest.closes_at,
        votes_until=contest.votes_until,
        now=now,
    )


def enter(
    session: Session,
    *,
    contest_id: int,
    member_id: int,
    title: str,
    body_md: str,
    now: dt.datetime,
    picture: Picture | None = None,
) -> ContestEntry:
    """Enter a contest while it is open.

    Raises:
        Forbidden: for whoever has no number.
        Conflict: when entering is not open, when one has entered as often as one may, or is on the jury.
        Invalid: when there is nothing in it.
    """
    contest = _published(session, contest_id)
    _numbered(session, member_id)
    _check_open(contest, now)
    if session.get(Juror, (contest_id, member_id)) is not None:
        raise Conflict(N_("You are on the jury of this contest, so you cannot enter it."))
    mine = session.scalar(
        select(func.count())
        .select_from(ContestEntry)
        .where(
            ContestEntry.contest_id == contest_id,
            ContestEntry.member_id == member_id,
            ContestEntry.state != "withdrawn",
        )
    )
    if (mine or 0) >= contest.entries_per_member:
        raise Conflict(
            N_("You have entered this contest already. You can change your entry until it closes.")
        )
    title, body_md = _checked(title, body_md, bool(picture))
    key, kind = picture or ("", "")
    entry = ContestEntry(
        contest_id=contest_id,
        member_id=member_id,
        title=title,
        body_md=body_md,
        body_html=render_markdown(body_md) if body_md else "",
        image_key=key,
        image_type=kind,
        state="entered",
        votes=0,
        entered_at=now,
        version=1,
    )
    session.add(entry)
    session.flush()
    return entry


def edit(
    session: Session,
    *,
    entry_id: int,
    member_id: int,
    version: int,
    title: str,
    body_md: str,
    now: dt.datetime,
    picture: Picture | None = None,
    drop_picture: bool = False,
) -> ContestEntry:
    """Change one's own entry while the contest is open; a picture no longer used is deleted after the commit.

    Raises:
        Stale: when it was saved since the form was opened.
        Conflict: when the contest is closed, or the entry no longer takes part.
    """
    contest, entry = _own(session, entry_id, member_id)
    _check_open(contest, now)
    if entry.state != "entered":
        raise Conflict(N_("This entry no longer takes part."))
    if entry.version != version:
        raise Stale(STALE)
    keeps = bool(entry.image_key) and not drop_picture
    title, body_md = _checked(title, body_md, bool(picture) or keeps)
    if picture is not None or drop_picture:
        _delete_later(session, entry.image_key, now)
        entry.image_key, entry.image_type = picture or ("", "")
    entry.title = title
    if body_md != entry.body_md:
        entry.body_md, entry.body_html = body_md, render_markdown(body_md) if body_md else ""
    entry.version += 1
    return entry


def withdraw(session: Session, *, entry_id: int, member_id: int, now: dt.datetime) -> ContestEntry:
    """Take one's own entry out while the contest is open; one may enter anew."""
    contest, entry = _own(session, entry_id, member_id)
    _check_open(contest, now)
    if entry.state == "entered":
        entry.state = "withdrawn"
        entry.version += 1
    return entry


def vote(session: Session, *, entry_id: int, member_id: int, now: dt.datetime) -> int:
    """Give an entry one of one's votes; how many are left. Twice is once.

    A vote for an entry that was disqualified comes back to whoever gave it.

    Raises:
        Forbidden: for whoever has no number, for one's own entry, and for jurors.
        Conflict: when voting is not open or all votes are given.
    """
    contest, entry = _votable(session, entry_id, now)
    _numbered(session, member_id)
    if entry.member_id == member_id:
        raise Forbidden(N_("This is your own entry."), how=N_("Give your votes to the entries of others."))
    if session.get(Juror, (contest.id, member_id)) is not None:
        raise Forbidden(
            N_("You are on the jury of this contest."), how=N_("Jurors score the entries instead of voting.")
        )
    given, mine = _given(session, contest.id, member_id), _voted(session, entry_id, member_id)
    if mine is not None:
        return contest.votes_per_member - given
    refused = rules.refuse_vote(given=given, most=contest.votes_per_member)
    if refused is not None:
        raise refused
    session.add(ContestVote(contest_id=contest.id, entry_id=entry_id, member_id=member_id, at=now))
    _count(session, entry_id, 1)
    session.flush()
    return contest.votes_per_member - given - 1


def unvote(session: Session, *, entry_id: int, member_id: int, now: dt.datetime) -> int:
    """Take a vote back; how many are left."""
    contest, _entry = _votable(session, entry_id, now)
    gone = session.execute(
        delete(ContestVote)
        .where(ContestVote.entry_id == entry_id, ContestVote.member_id == member_id)
        .returning(ContestVote.id)
    ).scalar_one_or_none()
    if gone is not None:
        _count(session, entry_id, -1)
    return contest.votes_per_member - _given(session, contest.id, member_id)


def score(
    session: Session, *, entry_id: int, juror_id: int, score: int, comment: str, now: dt.datetime
) -> JuryScore:
    """A juror's score of an entry, 0 to 100; scoring again replaces it until the results are published.

    Raises:
        Forbidden: for whoever is not on the jury, and for one's own entry.
        Conflict: before entering closes and after the results, and for an entry that no longer takes part.
    """
    contest, entry = entry_of(session, entry_id)
    if not is_juror(session, contest_id=contest.id, member_id=juror_id):
        raise Forbidden(
            N_("This is for the jury of the contest."), how=N_("An admin can put you on the jury.")
        )
    if entry.member_id == juror_id:
        raise Forbidden(N_("This is your own entry."), how=N_("Another juror scores it."))
    if phase_of(contest, now) not in ("voting", "judging"):
        raise Conflict(N_("The jury scores from the close of entering until the results are published."))
    if entry.state != "entered":
        raise Conflict(N_("This entry no longer takes part."))
    if not 0 <= score <= rules.MOST_SCORE:
        raise Invalid(
            N_("Write a number from %(least)s to %(most)s."), field="score", least=0, most=rules.MOST_SCORE
        )
    if len(comment) > rules.MOST_COMMENT:
        raise Invalid(
            N_("Your text is longer than %(limit)s characters."), field="comment", limit=rules.MOST_COMMENT
        )
    given = {"score": score, "comment": comment.strip(), "at": now}
    session.execute(
        insert_for(session, JuryScore)
        .values(entry_id=entry_id, juror_id=juror_id, **given)
        .on_conflict_do_update(index_elements=[JuryScore.entry_id, JuryScore.juror_id], set_=given)
    )
    mine = select(JuryScore).where(JuryScore.entry_id == entry_id, JuryScore.juror_id == juror_id)
    return session.scalars(mine.execution_options(populate_existing=True)).one()


def forget(session: Session, *, member_id: int, now: dt.datetime) -> list[str]:
    """Take a member's entries away at their own wish; the keys of their pictures, to be deleted after the commit.

    An entry of a contest that is still running leaves it; one with a place keeps the place, without a word of it.
    """
    mine = ContestEntry.member_id == member_id
    keys = list(session.scalars(select(ContestEntry.image_key).where(mine, ContestEntry.image_key != "")))
    running = select(Contest.id).where(Contest.state != "results")
    session.execute(
        update(ContestEntry)
        .where(mine, ContestEntry.state == "entered", ContestEntry.contest_id.in_(running))
        .values(state="withdrawn", version=ContestEntry.version + 1)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(ContestEntry)
        .where(mine)
        .values(title="—", body_md="", body_html="", image_key="", image_type="")
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(JuryScore)
        .where(JuryScore.juror_id == member_id)
        .values(comment="")
        .execution_options(synchronize_session=False)
    )
    session.expire_all()
    return keys


def terms_of(contest: Contest) -> Terms:
    """The terms a contest stands on."""
    return Terms(
        contest.opens_at,
        contest.closes_at,
        contest.votes_until,
        contest.jury_percent,
        contest.votes_per_member,
        contest.entries_per_member,
    )


def entry_of(session: Session, entry_id: int) -> tuple[Contest, ContestEntry]:
    """An entry and its contest, which is locked first: whoever changes anything of a contest waits for it."""
    contest_id = session.scalar(select(ContestEntry.contest_id).where(ContestEntry.id == entry_id))
    if contest_id is None:
        raise NotFound()
    contest = locks.lock(session, Contest, contest_id)
    entry = session.scalars(
        select(ContestEntry).where(ContestEntry.id == entry_id).execution_options(populate_existing=True)
    ).one()
    return contest, entry


def _own(session: Session, entry_id: int, member_id: int) -> tuple[Contest, ContestEntry]:
    contest, entry = entry_of(session, entry_id)
    if entry.member_id != member_id:
        # Whose it is, is nobody's business before the results.
        raise NotFound()
    return contest, entry


def _delete_later(session: Session, key: str, now: dt.datetime) -> None:
    if key:
        outbox.put(session, kind="file_delete", key=f"file:{key}", payload={"storage_key": key}, now=now)


def _votable(session: Session, entry_id: int, now: dt.datetime) -> tuple[Contest, ContestEntry]:
    contest, entry = entry_of(session, entry_id)
    at = phase_of(contest, now)
    if at in ("draft", "soon", "open"):
        # Before entering closes nobody sees the entries of others.
        raise NotFound()
    if at != "voting":
        raise Conflict(N_("Voting has ended."))
    if entry.state != "entered":
        raise Conflict(N_("This entry no longer takes part."))
    return contest, entry


def _published(session: Session, contest_id: int) -> Contest:
    contest = locks.lock(session, Contest, contest_id)
    if contest.state == "draft":
        raise NotFound()
    return contest


def _numbered(session: Session, member_id: int) -> None:
    if session.scalar(select(Member.number).where(Member.id == member_id)) is None:
        raise Forbidden(
            N_("Contests are for members with a number."),
            how=N_("A pass makes you a member and gives you one."),
        )


def _check_open(contest: Contest, now: dt.datetime) -> None:
    at = phase_of(contest, now)
    if at == "soon":
        raise Conflict(N_("Entering has not opened yet."))
    if at != "open":
        raise Conflict(N_("Entering has closed; entries stay as they are."))


def _checked(title: str, body_md: str, has_picture: bool) -> tuple[str, str]:
    title = " ".join(title.split())
    body_md = body_md.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not title:
        raise Invalid(N_("Give your entry a title."), field="title")
    if len(title) > 160:
        raise Invalid(N_("Your text is longer than %(limit)s characters."), field="title", limit=160)
    if len(body_md) > rules.MOST_TEXT:
        raise Invalid(
            N_("Your text is longer than %(limit)s characters."), field="body_md", limit=rules.MOST_TEXT
        )
    if not body_md and not has_picture:
        raise Invalid(N_("Write something, or add a picture."), field="body_md")
    return title, body_md


def _given(session: Session, contest_id: int, member_id: int) -> int:
    """How many votes somebody gave that still count."""
    return (
        session.scalar(
            select(func.count())
            .select_from(ContestVote)
            .join(ContestEntry, ContestEntry.id == ContestVote.entry_id)
            .where(
                ContestVote.contest_id == contest_id,
                ContestVote.member_id == member_id,
                ContestEntry.state == "entered",
            )
        )
        or 0
    )


def _voted(session: Session, entry_id: int, member_id: int) -> int | None:
    mine = (ContestVote.entry_id == entry_id, ContestVote.member_id == member_id)
    return session.scalar(select(ContestVote.id).where(*mine))


def _count(session: Session, entry_id: int, step: int) -> None:
    session.execute(
        update(ContestEntry)
        .where(ContestEntry.id == entry_id)
        .values(votes=ContestEntry.votes + step)
        .execution_options(synchronize_session="fetch")
    )
