"""The formula a club proposes its next season with: the last season's, before the first one that was brought along."""

from __future__ import annotations

import datetime as dt

from sqlalchemy.orm import Session

from qunclub.kernel import Actor, store

from . import queries
from .rules_formula import Formula, from_json

KEPT = "season.formula"


def proposed_formula(session: Session) -> Formula | None:
    """The formula of the last season, else the one kept for the first; None without either."""
    last = queries.latest(session)
    return last.formula if last is not None else brought_formula(session)


def brought_formula(session: Session) -> Formula | None:
    """The one kept for the first season."""
    kept = store.get_value(session, KEPT)
    return from_json(kept) if kept else None


def propose_formula(session: Session, *, formula: Formula, actor: Actor, now: dt.datetime) -> None:
    """Keep a *formula* for the club's first season; an admin sees it in the form and may change it."""
    before = store.get_value(session, KEPT)
    store.set_value(session, KEPT, formula.as_json())
    store.record(
        session, actor=actor, action="season.proposal", target="season:proposal", now=now,
        details={"before": before, "after": formula.as_json()},
    )  # fmt: skip
