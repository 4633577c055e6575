"""Pure rules of what can still be earned by one kind, within its limits."""

from __future__ import annotations

from .rules_limits import Had, Limits, allowed

WHOLE = 100


def gains(limits: Limits, each: int, had: Had, *, days: int, most: int, percent: int = WHOLE) -> list[int]:
    """What one, two, three … of a kind come to at best, spread over the *days* that are left, today among them.

    Args:
        each: points of one before limits.
        had: what the member earned by it already, today and this season.
        most: how many are looked at.
        percent: the weight of the kind in the season.

    Returns:
        Rising sums, as long as one more still gives something.
    """
    total, found = 0, []
    day_points, day_lines, season = [had.day_points], [had.day_lines], had.season_points
    for _one in range(most if days > 0 else 0):
        if len(day_lines) < days and (day_lines[-1] or day_points[-1]) and limits.counting:
            # A day without any line yet: there a line gives the most.
            day_points.append(0)
            day_lines.append(0)
        given, at = max(
            (allowed(limits, each, Had(day_points[day], day_lines[day], season))[0], -day)
            for day in range(len(day_lines))
        )
        day_points[-at] += given
        day_lines[-at] += 1
        season = None if season is None else season + given
        worth = given * percent // WHOLE
        if worth <= 0:
            break
        total += worth
        found.append(total)
    return found
