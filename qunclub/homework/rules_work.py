"""When work may be handed in, what being late costs, and what a receipt says."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from qunclub.kernel import N_, Conflict, Invalid

LATE_POLICIES = ("accept", "deduct", "refuse")
DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Deadlines:
    """When an assignment opens, is due and closes, for somebody.

    Attributes:
        due_at: later work is late; None when it is never due.
        cut_off_at: nothing is taken from this moment on; None when it stays open.
        late_policy: ``accept`` late work, ``deduct`` from its score, or ``refuse`` it: then it closes when it is due.
        late_percent: what each begun day of delay costs, in percent of the score, when late work is deducted from.
    """

    opens_at: dt.datetime | None = None
    due_at: dt.datetime | None = None
    cut_off_at: dt.datetime | None = None
    late_policy: str = "accept"
    late_percent: int = 0

    @property
    def closes_at(self) -> dt.datetime | None:
        """The moment from which on no first attempt is taken."""
        return self.due_at if self.late_policy == "refuse" else self.cut_off_at


def extended(own: Deadlines, more: Iterable[tuple[dt.datetime, dt.datetime | None]]) -> Deadlines:
    """*own* with the extensions somebody has (due, cut-off): of each moment the latest; none makes it earlier."""
    due, cut_off = own.due_at, own.cut_off_at
    for more_due, more_cut_off in more:
        if due is not None:
            due = max(due, more_due)
        if cut_off is not None:
            # Whoever has more time to hand in is not shut out before it is over.
            cut_off = max(cut_off, more_due, more_cut_off or more_due)
    return replace(own, due_at=due, cut_off_at=cut_off)


def late_days(due_at: dt.datetime | None, moment: dt.datetime) -> int:
    """How many days after *due_at*, each begun day counted; 0 when on time.

    >>> due = dt.datetime(2026, 4, 15, tzinfo=dt.UTC)
    >>> [late_days(due, due + dt.timedelta(hours=hours)) for hours in (-1, 0, 1, 24, 25)]
    [0, 0, 1, 1, 2]
    """
    if due_at is None or moment <= due_at:
        return 0
    return -((due_at - moment) // DAY)


def taken_off(deadlines: Deadlines, moment: dt.datetime) -> int:
    """How many percent of its score work handed in at *moment* loses, 0 to 100."""
    if deadlines.late_policy != "deduct":
        return 0
    return min(100, late_days(deadlines.due_at, moment) * deadlines.late_percent)


def settled_score(score: int, percent_off: int) -> int:
    """The score that counts: *score* less *percent_off* percent of it, a half rounded up."""
    return (score * (100 - percent_off) + 50) // 100


def check_deadlines(deadlines: Deadlines) -> None:
    """Refuse moments that do not go together.

    Raises:
        Invalid: naming the field.
    """
    opens, due, cut_off = deadlines.opens_at, deadlines.due_at, deadlines.cut_off_at
    if opens is not None and due is not None and due <= opens:
        raise Invalid(N_("Homework is due after it opens."), field="due_at")
    if cut_off is not None and any(other is not None and cut_off < other for other in (opens, due)):
        raise Invalid(N_("Homework closes after it opens and is due."), field="cut_off_at")
    if deadlines.late_policy not in LATE_POLICIES:
        raise Invalid(N_("Choose what happens to late work."), field="late_policy")
    if deadlines.late_policy != "accept" and due is None:
        raise Invalid(N_("Say when it is due: without that nothing is late."), field="due_at")
    if deadlines.late_policy == "deduct" and not 1 <= deadlines.late_percent <= 100:
        raise Invalid(N_("Say how many percent each day costs, from 1 to 100."), field="late_percent")


def refuse_closed(closes_at: dt.datetime | None, now: dt.datetime, *, revising: bool) -> Conflict | None:
    """Why nothing is taken any more; a revision that was asked for is no delay and stays possible."""
    if closes_at is None or now < closes_at or revising:
        return None
    return Conflict(
        N_("This homework closed on %(when)s."),
        how=N_("If something kept you, ask your instructor for more time."),
        when=closes_at,
    )


def receipt_text(
    *,
    submission_id: int,
    assignment_id: int,
    attempt: int,
    at: dt.datetime,
    body_md: str,
    files: Sequence[tuple[str, str]],
    link: str = "",
) -> str:
    """What a receipt is a hash of: lines that anybody can write down again from the text and the files.

    Args:
        files: (SHA-256, name) of each, in the order in which they were handed in.
        link: of the work; a receipt with one is of version 2, every other reads as it always did.
    """
    lines = [
        f"qunclub receipt {2 if link else 1}",
        f"submission {submission_id}",
        f"assignment {assignment_id}",
        f"attempt {attempt}",
        f"at {at.astimezone(dt.UTC).strftime('%Y-%m-%dT%H:%M:%S.%fZ')}",
        f"text {hashlib.sha256(body_md.encode()).hexdigest()}",
        *((f"link {link}",) if link else ()),
        *(f"file {digest} {name}" for digest, name in files),
    ]
    return "".join(f"{line}\n" for line in lines)


def receipt(text: str) -> str:
    """The hash on a receipt: SHA-256 of its lines, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
