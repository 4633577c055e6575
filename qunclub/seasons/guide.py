"""How a season is run, step by step, as docs/running-a-season.md tells it: who goes where, presses what, and sees what.

A test keeps both the same, and a browser walks them.
"""

from __future__ import annotations

from dataclasses import dataclass

from qunclub.kernel import N_

SEASON = "season"
"""In a way: the link with the season's name."""


@dataclass(frozen=True, slots=True)
class Row:
    """One step. *way* are the links to follow, empty on the page one is on; *page* is where they lead, an endpoint.

    *asks*: the last button is pressed twice, the second time in the box that opens.
    """

    who: str
    way: tuple[str, ...]
    fields: tuple[str, ...]
    buttons: tuple[str, ...]
    seen: tuple[str, ...]
    page: str = ""
    asks: bool = False


@dataclass(frozen=True, slots=True)
class Chapter:
    """Some steps that belong together."""

    title: str
    text: str
    rows: tuple[Row, ...]


CHAPTERS = (
    Chapter(
        N_("Make the core group"),
        N_(
            "Once; it serves every season. Members who rise get a seat in it, members who leave lose it. A "
            "season may also run without a group."
        ),
        (
            Row(
                N_("Admin"),
                (N_("Groups"), N_("New line")),
                (N_("Name"), N_("Address"), N_("Kind"), N_("Seats of each group")),
                (N_("Save"),),
                (N_("The line is made and its first group is open."),),
                page="qunclub.groups_admin.new",
            ),
        ),
    ),
    Chapter(
        N_("Plan it in the calendar"),
        N_(
            "Look at the dates first, then plan them. Each draft takes over a formula: read it once, and "
            "change what does not fit."
        ),
        (
            Row(
                N_("Admin"),
                (N_("Seasons"), N_("Calendar")),
                (N_("How long"), N_("From"), N_("How many"), N_("Name")),
                (N_("Show the dates"),),
                (N_("These would be planned"),),
                page="qunclub.seasons_calendar.calendar",
            ),
            Row(N_("Admin"), (), (), (N_("Plan these seasons"),), (N_("Announce"),)),
            Row(
                N_("Admin"),
                (N_("Seasons"), SEASON, N_("Change the draft")),
                (
                    N_("Seats of the core group"),
                    N_("How many leave"),
                    N_("Protection"),
                    N_("Least points to rise"),
                    N_("Core group"),
                    N_("Seasons of leave"),
                    N_("Two admins"),
                    N_("Days to answer an offer"),
                    N_("Days to appeal"),
                ),
                (N_("Save draft"),),
                (N_("The draft is saved."),),
            ),
        ),
    ),
    Chapter(
        N_("Announce it"),
        N_(
            "The formula becomes public and cannot change any more. A mistake can be withdrawn until the "
            "season begins, for a reason that everybody reads. From now on a core member may ask for leave."
        ),
        (
            Row(
                N_("Admin"),
                (N_("Seasons"), SEASON),
                (),
                (N_("Announce the season"),),
                (
                    N_(
                        "The season is announced: its formula is public and cannot change. It opens by itself."
                    ),
                ),
                asks=True,
            ),
            Row(
                N_("Admin"),
                (N_("Seasons"), SEASON),
                (N_("Reason"),),
                (N_("Withdraw the announcement …"), N_("Withdraw the announcement")),
                (
                    N_(
                        "The announcement is withdrawn. The draft is seen by admins only, the reason by everybody."
                    ),
                ),
            ),
            Row(
                N_("Member"),
                (N_("Season"), N_("All seasons")),
                (),
                (),
                (N_("Announced before, and withdrawn"),),
                page="qunclub.season_calendar.index",
            ),
            Row(
                N_("Admin"),
                (N_("Seasons"), N_("Calendar")),
                (),
                (N_("Announce"),),
                (
                    N_(
                        "The season is announced: its formula is public and cannot change. It opens by itself."
                    ),
                ),
                page="qunclub.seasons_calendar.calendar",
                asks=True,
            ),
            Row(
                N_("Core member"),
                (N_("Season"), SEASON, N_("On leave you keep the seat.")),
                (N_("Reason"),),
                (N_("Take leave this season"),),
                (N_("You are on leave this season. Your seat waits for you."),),
            ),
        ),
    ),
    Chapter(
        N_("While it runs"),
        N_(
            "It opens by itself in the first minute of its first day. Points come by themselves; those given "
            "by hand need a reason. Whoever is near one of the lines gets a letter once a week."
        ),
        (
            Row(N_("Member"), (N_("Season"),), (), (), (N_("On the way up"),), page="qunclub.seasons.index"),
            Row(
                N_("Admin"),
                (N_("Points"), N_("Give points")),
                (N_("Number of the member"), N_("Points"), N_("What it is for")),
                (N_("Give points"),),
                (N_("%(name)s has %(points)s points more."),),
                page="qunclub.points_admin.give",
            ),
            Row(
                N_("Instructor"),
                (N_("Season"), N_("Nominate a member")),
                (N_("Member number"), N_("Reason")),
                (N_("Nominate"),),
                (N_("Thank you. The admins read it when they decide the season."),),
            ),
            Row(
                N_("Admin"),
                (N_("Seasons"), SEASON),
                (),
                (N_("Keep a dry run"),),
                (N_("The dry run is kept. From now on this page shows what differs from it."),),
            ),
            Row(
                N_("Admin"),
                (N_("Seasons"), N_("Letters")),
                (),
                (),
                (N_("close to the line of promotion"),),
                page="qunclub.seasons_notices.show",
            ),
        ),
    ),
    Chapter(
        N_("Freeze the standings"),
        N_(
            "Every admin gets a mail when the season has ended. The standings are copied with a fingerprint; "
            "points that come later count in the season that runs then."
        ),
        (
            Row(
                N_("Admin"),
                (N_("Seasons"), SEASON),
                (),
                (N_("Freeze the standings"),),
                (N_("The standings are frozen. Look at every outcome once more, then publish."),),
                asks=True,
            ),
        ),
    ),
    Chapter(
        N_("Look at every outcome"),
        N_(
            "Each has its reason. An exception needs one too, changes one other member at most, and is public "
            "with the result. Where the formula asks for two admins, one of them proposes."
        ),
        (
            Row(
                N_("Admin"),
                (N_("Seasons"), SEASON),
                (),
                (),
                (N_("Against the last dry run"), N_("Nominations by instructors"), N_("Outcomes as frozen")),
            ),
            Row(
                N_("Admin"),
                (),
                (N_("Member number"), N_("What happens"), N_("Reason")),
                (N_("Make an exception …"), N_("Make the exception")),
                (N_("The exception is made. It stands with its reason on the page of the result."),),
            ),
            Row(
                N_("Admin"),
                (N_("Seasons"), SEASON),
                (),
                (N_("Propose this result"),),
                (N_("The result is proposed. Another admin looks at it and publishes it."),),
            ),
        ),
    ),
    Chapter(
        N_("A second admin publishes"),
        N_(
            "It happens all at once, and once: decisions, seats in the core group, letters. Whoever is "
            "concerned reads their own decision and why. Where the formula asks for one admin only, that one "
            "publishes."
        ),
        (
            Row(
                N_("Second admin"),
                (N_("Seasons"), SEASON),
                (),
                (N_("Publish the result"),),
                (N_("The season is published: %(up)s rose, %(stay)s stay, %(down)s left."),),
                asks=True,
            ),
            Row(
                N_("Member"),
                (N_("Season"), N_("See the result, and what it says about you")),
                (),
                (),
                (N_("What it means for you"),),
            ),
        ),
    ),
    Chapter(
        N_("If it was a mistake: take the result back"),
        N_(
            "As long as the season is not put away and nobody's seat changed since. Everybody sits where they "
            "sat when it was frozen; then look again, and publish."
        ),
        (
            Row(
                N_("Second admin"),
                (N_("Seasons"), SEASON),
                (N_("Reason"),),
                (N_("Take the result back …"), N_("Take the result back")),
                (N_("The result is taken back. Everybody sits where they sat when the season was frozen."),),
            ),
        ),
    ),
    Chapter(
        N_("Seats between two results"),
        N_(
            "A seat that is given back is offered to the next by the last result, one after the other, each "
            "with days to answer."
        ),
        (
            Row(
                N_("Core member"),
                (N_("Core"), N_("Give the seat back")),
                (),
                (N_("Give the seat back …"), N_("Give the seat back")),
                (N_("Your seat is given back. Thank you for everything you carried."),),
            ),
            Row(
                N_("Admin"),
                (N_("Seasons"), N_("Seats between two results")),
                (),
                (),
                (N_("until %(until)s"),),
                page="qunclub.core_offers_admin.index",
            ),
            Row(
                N_("Next member"),
                (N_("Answer until %(until)s"),),
                (),
                (N_("Take the seat"),),
                (N_("Welcome to the core group. The seat is yours."),),
            ),
        ),
    ),
    Chapter(
        N_("Appeals and corrections"),
        N_(
            "An admin who did not publish decides, with a reason that the member reads. An upheld appeal is "
            "carried out at once by a second decision; nobody else loses a seat by it."
        ),
        (
            Row(
                N_("Member"),
                (
                    N_("Season"),
                    N_("See the result, and what it says about you"),
                    N_("Something was overlooked? Appeal until %(until)s"),
                ),
                (N_("What was overlooked"),),
                (N_("Appeal"),),
                (N_("Your appeal has arrived. An admin looks at your result again and writes to you."),),
            ),
            Row(
                N_("Admin"),
                (N_("Seasons"), SEASON, N_("Appeals")),
                (N_("Answer"), N_("Why one seat more, if none is free")),
                (N_("Decide …"), N_("Uphold: give a seat")),
                (N_("The result is corrected, and the member has a letter."),),
            ),
            Row(
                N_("Member"),
                (N_("Season"), N_("See the result, and what it says about you")),
                (),
                (),
                (N_("Corrected after your appeal:"),),
            ),
        ),
    ),
    Chapter(
        N_("Put it away"),
        N_("When the days to appeal are over and none waits. From then on nothing of the season can change."),
        (
            Row(
                N_("Admin"),
                (N_("Seasons"), SEASON),
                (),
                (N_("Put away"),),
                (N_("The season is put away. Its result stays readable."),),
            ),
            Row(N_("Member"), (N_("Season"), N_("All seasons"), SEASON), (), (), (N_("How it was decided"),)),
        ),
    ),
)
