"""Making, finding and revoking tokens."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, or_, select, update
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Actor, Invalid, NotFound, ids, reads, store

from .models import ApiToken

PREFIX = "qc_"
KEPT_TO = dt.timedelta(minutes=1)
MOST_PER_MINUTE = 6_000
MOST_SHOWN = 200


def digest(token: str) -> str:
    """What is kept of a token: it has 256 random bits, so one round of a hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def make(
    session: Session,
    *,
    name: str,
    scopes: Sequence[str],
    known: Sequence[str],
    group_id: int | None,
    per_minute: int,
    days: int | None,
    actor: Actor,
    now: dt.datetime,
) -> tuple[ApiToken, str]:
    """A new token and its text, which nobody can see again.

    Args:
        known: the scopes there are.
        group_id: the one group it is for; None for every group.
        days: for how many it is good; None until it is revoked.

    Raises:
        Invalid: naming the field.
    """
    name = name.strip()
    if not name or len(name) > 60:
        raise Invalid(N_("Give it a name of at most 60 characters."), field="name")
    if not scopes or not set(scopes) <= set(known):
        raise Invalid(N_("Say what the program may do."), field="scopes")
    if not 1 <= per_minute <= MOST_PER_MINUTE:
        raise Invalid(
            N_("Between 1 and %(most)s requests a minute."), field="per_minute", most=MOST_PER_MINUTE
        )
    if days is not None and not 1 <= days <= 3_650:
        raise Invalid(N_("Between 1 and 3650 days, or empty for no end."), field="days")
    text = PREFIX + ids.token(32)
    token = ApiToken(
        name=name,
        token_hash=digest(text),
        hint=text[-4:],
        scopes=sorted(set(scopes)),
        group_id=group_id,
        per_minute=per_minute,
        made_at=now,
        made_by=actor.member_id,
        expires_at=now + dt.timedelta(days=days) if days is not None else None,
    )
    session.add(token)
    session.flush()
    _record(session, "token.make", token, actor, now)
    return token, text


def revoke(session: Session, *, token_id: int, actor: Actor, now: dt.datetime) -> ApiToken:
    """End a token at once; harmless when it has ended.

    Raises:
        NotFound: when there is none.
    """
    token = session.get(ApiToken, token_id)
    if token is None:
        raise NotFound()
    if token.revoked_at is None:
        token.revoked_at = now
        _record(session, "token.revoke", token, actor, now)
    return token


@dataclass(frozen=True, slots=True)
class Found:
    """A token that is good now."""

    id: int
    name: str
    scopes: tuple[str, ...]
    group_id: int | None
    per_minute: int
    last_used_at: dt.datetime | None

    @property
    def actor(self) -> Actor:
        """Who acts: the program, with the rights of a host."""
        return Actor(key=f"token:{self.id}", name=self.name, roles=frozenset({"host"}))


@cache
def _by_hash() -> Select[*tuple[Any, ...]]:
    return select(
        ApiToken.id, ApiToken.name, ApiToken.scopes, ApiToken.group_id, ApiToken.per_minute,
        ApiToken.last_used_at, ApiToken.revoked_at, ApiToken.expires_at,
    ).where(ApiToken.token_hash == bindparam("hash"))  # fmt: skip


def find(session: Session, text: str, now: dt.datetime) -> Found | None:
    """The token that *text* is, when it is good now: one look at an index."""
    if not text.startswith(PREFIX) or len(text) > 100 or not text.isascii():
        return None
    row = reads.one(session, _by_hash(), hash=digest(text))
    if row is None or row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now):
        return None
    return Found(row.id, row.name, tuple(row.scopes), row.group_id, row.per_minute, row.last_used_at)


def is_to_be_noted(token: Found | ApiToken, now: dt.datetime) -> bool:
    """Whether its last use is older than it is kept to."""
    return token.last_used_at is None or token.last_used_at <= now - KEPT_TO


def note_use(session: Session, token_id: int, now: dt.datetime) -> None:
    """Keep when the token was last used; of many at once one is enough."""
    session.execute(
        update(ApiToken)
        .where(
            ApiToken.id == token_id,
            or_(ApiToken.last_used_at.is_(None), ApiToken.last_used_at <= now - KEPT_TO),
        )
        .values(last_used_at=now)
    )


def listed(session: Session) -> Sequence[ApiToken]:
    """The tokens, newest first; of very many the newest."""
    return session.scalars(select(ApiToken).order_by(ApiToken.id.desc()).limit(MOST_SHOWN)).all()


def _record(session: Session, action: str, token: ApiToken, actor: Actor, now: dt.datetime) -> None:
    store.record(
        session,
        actor=actor,
        action=action,
        target=f"token:{token.id}",
        now=now,
        summary=token.name,
        details={"scopes": token.scopes, "group_id": token.group_id},
    )
