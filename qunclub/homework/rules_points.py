"""What a piece of homework earns: the club's rule, or what the assignment says instead."""

from __future__ import annotations

from qunclub.kernel import N_, Invalid

USUAL = 100
"""What work with the best score earns under the club's rule: its score."""
MOST = 1_000
"""Most points an assignment may say."""


def accepted_points(own: int | None, score: int) -> int:
    """What accepted work earns: its score, or that share of the assignment's *own* points, a half rounded up.

    >>> accepted_points(None, 81), accepted_points(40, 81), accepted_points(0, 81)
    (81, 32, 0)
    """
    return score if own is None else (own * score + 50) // 100


def check_points(accepted: int | None, featured: int | None) -> None:
    """Refuse points that no assignment may say; None leaves them to the club's rule.

    Raises:
        Invalid: naming the field.
    """
    for field, points in (("points_accepted", accepted), ("points_featured", featured)):
        if points is not None and not 0 <= points <= MOST:
            raise Invalid(N_("Points lie between 0 and %(most)s."), field=field, most=MOST)
