"""A contest is written, published, given prizes and a jury: what admins do before the results."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from qunclub import notices
from qunclub.kernel import N_, Actor, Conflict, Invalid, NotFound, Stale, locks, render_markdown, store
from qunclub.members.models import Member

from . import rules
from .models import Contest, ContestEntry, ContestVote, Juror, JuryScore, Prize
from .rules import Terms
from .services import STALE, entry_of, phase_of, terms_of

MOST_CALL = 50_000


def create(
    session: Session,
    *,
    slug: str,
    title: str,
    terms: Terms,
    now: dt.datetime,
    actor: Actor,
    summary: str = "",
    call_md: str = "",
) -> Contest:
    """A new contest, as a draft that nobody sees."""
    rules.check_terms(terms)
    title, call_md = _checked(title, call_md)
    _check_free(session, slug, None)
    contest = Contest(
        slug=slug,
        title=title,
        summary=summary.strip(),
        call_md=call_md,
        call_html=render_markdown(call_md) if call_md else "",
        state="draft",
        version=1,
        created_at=now,
        **_fields(terms),
    )
    session.add(contest)
    session.flush()
    _record(session, actor, "contest.create", contest, now)
    return contest


def save(
    session: Session,
    *,
    contest_id: int,
    version: int,
    slug: str,
    title: str,
    terms: Terms,
    now: dt.datetime,
    actor: Actor,
    summary: str = "",
    call_md: str = "",
) -> Contest:
    """Save a contest as its form has it.

    Once entering has opened the terms hold: only more time can be given. After the results only words change.

    Raises:
        Stale: when somebody saved since the form was opened.
        Invalid: when a term would change that people already rely on.
    """
    contest = locks.lock(session, Contest, contest_id)
    if contest.version != version:
        raise Stale(STALE)
    before = terms_of(contest)
    if contest.state == "results":
        for name, value in _fields(terms).items():
            if getattr(contest, name) != value:
                raise Invalid(N_("The results are published and stay as they are."), field=name)
    else:
        rules.check_terms(terms)
        begun = phase_of(contest, now) not in ("draft", "soon")
        rules.check_change(before, terms, begun=begun, now=now)
    title, call_md = _checked(title, call_md)
    if slug != contest.slug and contest.state != "draft":
        raise Invalid(N_("The address is public and stays as it is."), field="slug")
    _check_free(session, slug, contest_id)
    details = {
        "before": {name: str(value) for name, value in _fields(before).items()},
        "title": contest.title,
    }
    contest.slug, contest.title, contest.summary = slug, title, summary.strip()
    if call_md != contest.call_md:
        contest.call_md, contest.call_html = call_md, render_markdown(call_md) if call_md else ""
    for name, value in _fields(terms).items():
        setattr(contest, name, value)
    contest.version += 1
    _record(session, actor, "contest.update", contest, now, **details)
    return contest


def publish(session: Session, *, contest_id: int, now: dt.datetime, actor: Actor) -> Contest:
    """Show a contest to everybody; its terms hold as soon as entering opens."""
    contest = locks.lock(session, Contest, contest_id)
    if contest.state == "draft":
        if contest.closes_at <= now:
            raise Conflict(N_("Entering would be closed already. Give it a later date first."))
        contest.state = "published"
        _record(session, actor, "contest.publish", contest, now)
    return contest


def unpublish(session: Session, *, contest_id: int, now: dt.datetime, actor: Actor) -> Contest:
    """Take a contest out of sight again, as long as nobody has entered."""
    contest = locks.lock(session, Contest, contest_id)
    if contest.state == "published":
        entered = select(ContestEntry.id).where(ContestEntry.contest_id == contest_id).limit(1)
        if session.scalar(entered) is not None:
            raise Conflict(N_("People have entered; the contest stays public."))
        contest.state = "draft"
        _record(session, actor, "contest.unpublish", contest, now)
    return contest


def add_prize(
    session: Session,
    *,
    contest_id: int,
    title: str,
    first_place: int,
    stock: int,
    now: dt.datetime,
    actor: Actor,
) -> Prize:
    """One more prize, the last of the list."""
    rules.check_prize(first_place, stock)
    title = " ".join(title.split())
    if not title or len(title) > 160:
        raise Invalid(N_("Write 1 to %(limit)s characters."), field="title", limit=160)
    contest = _before_results(session, contest_id)
    last = session.scalar(select(func.max(Prize.position)).where(Prize.contest_id == contest_id)) or 0
    prize = Prize(
        contest_id=contest_id, position=last + 1, title=title, first_place=first_place, stock=stock, given=0
    )
    session.add(prize)
    session.flush()
    _record(session, actor, "contest.prize_add", contest, now, prize=title, stock=stock)
    return prize


def remove_prize(session: Session, *, prize_id: int, now: dt.datetime, actor: Actor) -> None:
    """Take a prize off the list, as long as nobody could have entered for it.

    Raises:
        Conflict: once entering has opened.
    """
    contest_id = session.scalar(select(Prize.contest_id).where(Prize.id == prize_id))
    if contest_id is None:
        raise NotFound()
    contest = _before_results(session, contest_id)
    if phase_of(contest, now) not in ("draft", "soon"):
        raise Conflict(N_("People have entered for this prize; it stays."))
    prize = session.get(Prize, prize_id, populate_existing=True)
    if prize is None:
        raise NotFound()
    session.delete(prize)
    session.flush()
    _record(session, actor, "contest.prize_remove", contest, now, prize=prize.title)


def appoint(session: Session, *, contest_id: int, who: str, now: dt.datetime, actor: Actor) -> Member:
    """Put somebody on the jury of a contest; *who* is a member's number or the e-mail address.

    Raises:
        Invalid: when there is no such person, or they take part or have voted themselves.
    """
    contest = _before_results(session, contest_id)
    who = who.strip()
    known = (
        Member.number == int(who)
        if who.isdecimal() and len(who) < 10
        else func.lower(Member.email) == who.lower()
    )
    member = session.scalars(select(Member).where(known).order_by(Member.id).limit(1)).one_or_none()
    if not who or member is None or member.suspended_at is not None:
        raise Invalid(N_("No member has this number or address."), field="who")
    entered = select(ContestEntry.id).where(
        ContestEntry.contest_id == contest_id,
        ContestEntry.member_id == member.id,
        ContestEntry.state == "entered",
    )
    if session.scalar(entered.limit(1)) is not None:
        raise Invalid(N_("This member takes part in the contest."), field="who")
    voted = select(ContestVote.id).where(
        ContestVote.contest_id == contest_id, ContestVote.member_id == member.id
    )
    if session.scalar(voted.limit(1)) is not None:
        raise Invalid(N_("This member has voted in the contest."), field="who")
    if session.get(Juror, (contest_id, member.id)) is None:
        session.add(Juror(contest_id=contest_id, member_id=member.id))
        _record(session, actor, "contest.appoint", contest, now, member=member.id, name=member.shown_name)
    return member


def dismiss(session: Session, *, contest_id: int, member_id: int, now: dt.datetime, actor: Actor) -> None:
    """Take somebody off the jury, as long as they have not scored."""
    contest = _before_results(session, contest_id)
    juror = session.get(Juror, (contest_id, member_id))
    if juror is None:
        raise NotFound()
    scored = (
        select(JuryScore.id)
        .join(ContestEntry, ContestEntry.id == JuryScore.entry_id)
        .where(ContestEntry.contest_id == contest_id, JuryScore.juror_id == member_id)
    )
    if session.scalar(scored.limit(1)) is not None:
        raise Conflict(N_("This juror has scored entries; the scores stay."))
    session.delete(juror)
    session.flush()
    _record(session, actor, "contest.dismiss", contest, now, member=member_id)


def disqualify(
    session: Session, *, entry_id: int, reason: str, now: dt.datetime, actor: Actor
) -> ContestEntry:
    """Take an entry out of the contest with a reason, which its author gets by mail.

    Votes for it come back to whoever gave them.

    Raises:
        Invalid: without a reason.
        Conflict: when it takes part no longer, or the results are published.
    """
    contest, entry = entry_of(session, entry_id)
    reason = reason.strip()
    if not reason:
        raise Invalid(N_("Say why: the author reads it."), field="reason")
    if contest.state == "results":
        raise Conflict(N_("The results are published and stay as they are."))
    if entry.state != "entered":
        raise Conflict(N_("This entry no longer takes part."))
    entry.state, entry.reason = "disqualified", reason
    entry.version += 1
    _record(
        session, actor, "contest.disqualify", contest, now, entry=entry.id, title=entry.title, reason=reason
    )
    author = session.get_one(Member, entry.member_id)
    notices.letter(
        session,
        member=author.id,
        template="contest_disqualified",
        context={
            "name": author.shown_name,
            "contest": contest.title,
            "slug": contest.slug,
            "entry": entry.title,
            "entry_id": entry.id,
            "reason": reason,
        },
        key=f"contest:{contest.id}:disqualified:{entry.id}",
        now=now,
    )
    return entry


def _before_results(session: Session, contest_id: int) -> Contest:
    contest = locks.lock(session, Contest, contest_id)
    if contest.state == "results":
        raise Conflict(N_("The results are published and stay as they are."))
    return contest


def _fields(terms: Terms) -> dict[str, Any]:
    return {name: getattr(terms, name) for name in Terms.__dataclass_fields__}


def _checked(title: str, call_md: str) -> tuple[str, str]:
    title = " ".join(title.split())
    if not title or len(title) > 160:
        raise Invalid(N_("Write 1 to %(limit)s characters."), field="title", limit=160)
    call_md = call_md.replace("\r\n", "\n").replace("\r", "\n")
    if len(call_md) > MOST_CALL:
        raise Invalid(N_("Your text is longer than %(limit)s characters."), field="call_md", limit=MOST_CALL)
    return title, call_md


def _check_free(session: Session, slug: str, but: int | None) -> None:
    rules.check_slug(slug)
    taken = select(Contest.id).where(Contest.slug == slug)
    if but is not None:
        taken = taken.where(Contest.id != but)
    if session.scalar(taken) is not None:
        raise Invalid(N_("Another contest has this address already."), field="slug")


def _record(
    session: Session, actor: Actor, action: str, contest: Contest, now: dt.datetime, **details: Any
) -> None:
    store.record(
        session,
        actor=actor,
        action=action,
        target=f"contest:{contest.id}",
        now=now,
        summary=contest.title,
        details=details,
    )
