"""Group work: how many make a team, and when one can be joined or hand in."""

from __future__ import annotations

from qunclub.kernel import N_, Conflict, Invalid

MOST = 12
"""Most members a team may have."""


def check_sizes(least: int | None, most: int | None) -> None:
    """Refuse sizes no team could have; both None: everybody works alone.

    Raises:
        Invalid: naming the field.
    """
    if least is None and most is None:
        return
    if most is None or not 2 <= most <= MOST:
        raise Invalid(N_("A team has at most 2 to %(most)s members."), field="team_max", most=MOST)
    if least is None or not 1 <= least <= most:
        raise Invalid(N_("A team has at least 1 member, and not more than its most."), field="team_min")


def refuse_joining(joined: int, most: int) -> Conflict | None:
    """Why nobody can join a team of *joined* any more; None when there is room."""
    if joined < most:
        return None
    return Conflict(
        N_("This team is full."),
        how=N_("It has %(most)s members already; join another or start one."),
        most=most,
    )


def refuse_handing_in(joined: int, least: int, most: int) -> Conflict | None:
    """Why a team of *joined* cannot hand in; None when it can."""
    if joined < least:
        return Conflict(
            N_("Your team has %(joined)s members; this homework takes at least %(least)s."),
            how=N_("Invite others, and wait until they say yes. What you typed is kept."),
            joined=joined,
            least=least,
        )
    if joined > most:
        return Conflict(
            N_("Your team has %(joined)s members; this homework takes at most %(most)s."),
            how=N_("Ask an admin to mend it. What you typed is kept."),
            joined=joined,
            most=most,
        )
    return None
