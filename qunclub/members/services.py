"""Verbs of members: who they are, which number they have, what they may do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Actor, Conflict, Invalid, NotFound, insert_for, locks, signals, store, watch

from .models import Member, ReservedNumber, Tier
from .rules import ERASED, GRANTABLE, NAMELESS, clean_nickname

NUMBER_COUNTER = "member_number"


def get(session: Session, member_id: int) -> Member:
    """The member row.

    Raises:
        NotFound: when there is none.
    """
    row = session.get(Member, member_id)
    if row is None:
        raise NotFound()
    return row


def ensure(session: Session, *, identity: Actor, now: dt.datetime, locale: str = "") -> Member:
    """The member of an identity, made when new, with its present address. Safe when two requests make it at once."""
    session.execute(
        insert_for(session, Member)
        .values(
            user_key=identity.key,
            name=identity.name[:120],
            email=identity.email[:254],
            nickname="",
            city="",
            bio="",
            locale=locale,
            roles=[],
            joined_at=now,
            suspend_reason="",
        )
        .on_conflict_do_nothing(index_elements=[Member.user_key])
    )
    member = session.scalars(select(Member).where(Member.user_key == identity.key)).one()
    if identity.email and member.email != identity.email[:254]:
        member.email = identity.email[:254]
        session.flush()
    return member


def allocate_number(session: Session, *, member_id: int, now: dt.datetime) -> int:
    """Give the member the next number, or the one they already have (promise 1).

    The counter's row is the lock: writers queue on it until each other's commit, and a rollback gives the number
    back, so there are no gaps but the reserved ones.
    """
    member = locks.lock(session, Member, member_id)
    if member.number is not None:
        return member.number
    number = store.next_value(session, NUMBER_COUNTER)
    while session.get(ReservedNumber, number) is not None:
        number = store.next_value(session, NUMBER_COUNTER)
    _number(session, member, number, now)
    return number


def _number(session: Session, member: Member, number: int, now: dt.datetime) -> None:
    member.number = number
    member.numbered_at = now
    session.flush()
    signals.after_commit(session, signals.member_numbered, member_id=member.id, number=number)


def reserve_numbers(
    session: Session, *, numbers: Iterable[int], reason: str, actor: Actor, now: dt.datetime
) -> list[int]:
    """Keep numbers back from the queue; only numbers that the queue has not reached.

    Raises:
        Invalid: on field ``numbers`` when one is below the next number or kept already.
    """
    wanted = sorted(set(numbers))
    if not wanted or wanted[0] < 1 or len(wanted) > 1000:
        raise Invalid(N_("Name between 1 and 1000 positive numbers."), field="numbers")
    given = current_number(session, lock=True)
    if wanted[0] <= given:
        raise Invalid(
            N_("Number %(number)s was already passed by the queue."), field="numbers", number=wanted[0]
        )
    kept = set(session.scalars(select(ReservedNumber.number).where(ReservedNumber.number.in_(wanted))))
    if kept:
        raise Invalid(N_("Number %(number)s is kept already."), field="numbers", number=min(kept))
    session.add_all(
        ReservedNumber(number=n, reason=reason, reserved_by=actor.name, created_at=now) for n in wanted
    )
    store.record(
        session, actor=actor, action="number.reserve", target="numbers", now=now,
        summary=", ".join(map(str, wanted[:20])), details={"numbers": wanted, "reason": reason},
    )  # fmt: skip
    session.flush()
    return wanted


def current_number(session: Session, *, lock: bool = False) -> int:
    """The last number the queue gave or skipped; with *lock* nobody gives one until this transaction ends."""
    if lock:
        session.execute(
            insert_for(session, store.Counter).values(name=NUMBER_COUNTER, value=0).on_conflict_do_nothing()
        )
        session.execute(
            update(store.Counter)
            .where(store.Counter.name == NUMBER_COUNTER)
            .values(value=store.Counter.value)
        )
    value = session.execute(select(store.Counter.value).where(store.Counter.name == NUMBER_COUNTER)).scalar()
    return value or 0


def give_reserved_number(
    session: Session, *, member_id: int, number: int, actor: Actor, now: dt.datetime
) -> None:
    """Give a kept number to a member who has none yet.

    Raises:
        Conflict: when the member has a number, or somebody has this one.
        Invalid: when the number is not kept.
    """
    member = locks.lock(session, Member, member_id)
    if member.number is not None:
        raise Conflict(
            N_("This member already has number %(number)s; numbers never change."), number=member.number
        )
    if session.get(ReservedNumber, number) is None:
        raise Invalid(N_("Number %(number)s is not kept back."), field="number", number=number)
    taken = session.scalars(select(Member.id).where(Member.number == number)).first()
    if taken is not None:
        raise Conflict(N_("Number %(number)s was given already."), number=number)
    _number(session, member, number, now)
    store.record(
        session,
        actor=actor,
        action="number.give",
        target=f"member:{member_id}",
        now=now,
        details={"number": number},
    )


def set_roles(
    session: Session, *, member_id: int, roles: Iterable[str], actor: Actor, now: dt.datetime
) -> None:
    """Replace a member's club roles (``instructor``, ``host``, ``admin``).

    Raises:
        Invalid: for an unknown role.
        Conflict: when an admin would take their own admin role.
    """
    wanted = sorted(set(roles))
    if any(role not in GRANTABLE for role in wanted):
        raise Invalid(N_("Choose roles from the list."), field="roles")
    member = locks.lock(session, Member, member_id)
    before = sorted(member.roles)
    if actor.member_id == member_id and "admin" in before and "admin" not in wanted:
        raise Conflict(N_("You cannot take your own admin role; another admin can."))
    if before == wanted:
        return
    member.roles = wanted
    store.record(
        session, actor=actor, action="member.roles", target=f"member:{member_id}", now=now,
        summary=f"{member.name}: {', '.join(before) or '-'} → {', '.join(wanted) or '-'}",
        details={"before": before, "after": wanted},
    )  # fmt: skip
    session.flush()


def suspend(session: Session, *, member_id: int, reason: str, actor: Actor, now: dt.datetime) -> None:
    """Close the club's doors to a member, with a reason they can read; nothing they own is taken.

    Raises:
        Invalid: without a reason.
        Conflict: for oneself.
    """
    if not reason.strip():
        raise Invalid(N_("Write the reason; the member reads it."), field="reason")
    if actor.member_id == member_id:
        raise Conflict(N_("You cannot suspend yourself."))
    member = locks.lock(session, Member, member_id)
    member.suspended_at = now
    member.suspend_reason = reason.strip()
    store.record(
        session, actor=actor, action="member.suspend", target=f"member:{member_id}", now=now,
        summary=member.name, details={"reason": reason.strip()},
    )  # fmt: skip
    session.flush()


def restore(session: Session, *, member_id: int, actor: Actor, now: dt.datetime) -> None:
    """End a suspension."""
    member = locks.lock(session, Member, member_id)
    member.suspended_at = None
    member.suspend_reason = ""
    store.record(
        session,
        actor=actor,
        action="member.restore",
        target=f"member:{member_id}",
        now=now,
        summary=member.name,
    )
    session.flush()


def update_profile(
    session: Session,
    *,
    member_id: int,
    nickname: str,
    city: str,
    bio: str,
    name: str | None = None,
    hidden_on_boards: bool | None = None,
) -> Member:
    """What a member says of themselves.

    Args:
        hidden_on_boards: whether others do not see them on rankings; None leaves it.

    Raises:
        Invalid: naming the field.
    """
    member = locks.lock(session, Member, member_id)
    member.nickname = clean_nickname(nickname)
    city = " ".join(city.split())
    if len(city) > 30:
        raise Invalid(N_("A city has at most %(most)s characters."), field="city", most=30)
    if len(bio) > 1000:
        raise Invalid(N_("At most %(most)s characters, please."), field="bio", most=1000)
    member.city = city
    member.bio = bio.strip()
    if hidden_on_boards is not None:
        member.hidden_on_boards = hidden_on_boards
    if name is not None:
        if not name.strip() or len(name.strip()) > 120:
            raise Invalid(N_("Write your name, up to %(most)s characters."), field="name", most=120)
        member.name = name.strip()
    session.flush()
    watch.profiles.tell(session, watch.ProfileChange(member.id))
    return member


def keep_locale(session: Session, member_id: int, code: str) -> None:
    """Remember the language a member chose."""
    session.execute(update(Member).where(Member.id == member_id).values(locale=code))


def set_tier(session: Session, *, member_id: int, tier_id: int | None) -> None:
    """Keep the member's tier, as their passes (above) work it out."""
    session.execute(
        update(Member).where(Member.id == member_id).values(tier_id=tier_id).execution_options(
            synchronize_session="fetch"
        )
    )  # fmt: skip


def ensure_tier(session: Session, *, code: str, name: str, rank: int, benefits: str = "") -> Tier:
    """The tier of *code*, made or brought up to date."""
    tier = tier_by_code(session, code)
    if tier is None:
        tier = Tier(code=code, name=name, rank=rank, benefits=benefits)
        session.add(tier)
    else:
        tier.name, tier.rank, tier.benefits = name, rank, benefits
    session.flush()
    return tier


def tier_by_code(session: Session, code: str) -> Tier | None:
    """The tier of *code*, or None."""
    return session.scalars(select(Tier).where(Tier.code == code)).one_or_none()


def erase(session: Session, *, member_id: int, now: dt.datetime) -> None:
    """Forget who a member was, at their own wish. The row and its number stay: numbers are never reused.

    Raises:
        Conflict: for an admin, who hands the role over first.
    """
    member = locks.lock(session, Member, member_id)
    if "admin" in member.roles:
        raise Conflict(N_("You are an admin of the club. Have another admin take the role from you first."))
    member.user_key = f"{ERASED}{member_id}"
    member.name = NAMELESS
    member.email = member.nickname = member.city = member.bio = member.locale = member.suspend_reason = ""
    member.roles = []
    store.record(
        session,
        actor=Actor.system("the member"),
        action="member.erase",
        target=f"member:{member_id}",
        now=now,
    )
    session.flush()
