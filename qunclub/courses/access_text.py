"""Why something is locked and what opens it, in the visitor's words. Courses and homework say it the same way."""

from __future__ import annotations

from qunclub.kernel import Access
from qunclub.kernel.ports import Way
from qunclub.web import N_, _
from qunclub.web.render import format_date, money

REASONS: dict[str, tuple[str, str]] = {
    "sign_in": (
        N_("Sign in to go on"),
        N_(
            "If you hold a pass for this course, sign in and everything opens. If not, see which pass opens it."
        ),
    ),
    "no_pass": (
        N_("Opens with a pass"),
        N_("You do not hold a pass for this course yet. The free previews are open to everybody."),
    ),
    "no_way": (
        N_("Not open to you yet"),
        N_("Each of the ways below opens it; one is enough. The free previews are open to everybody."),
    ),
    "expired": (
        N_("Your pass has ended"),
        N_("Your progress and your homework are kept. A new pass opens the course again."),
    ),
    "revoked": (
        N_("Your pass was taken back"),
        N_("The pass that opened this course was refunded or revoked; your orders tell why."),
    ),
    "suspended": (N_("Your membership is suspended"), N_("Ask the admins of the club about it.")),
    "suspended_payment": (
        N_("Your pass is suspended"),
        N_(
            "The payment for it is disputed at the bank. Everything is kept, and opens again when the dispute ends in "
            "favour of the payment; write to the club if it is a mistake."
        ),
    ),
}
ELSE = N_("If one of the ways below is yours, sign in and everything opens.")


def why_locked(access: Access) -> tuple[str, str]:
    """A title and a sentence for a locked *access*."""
    if access.reason == "over":
        return (
            _("It was open during a season that has ended"),
            _(
                "The course was open during %(season)s. What you did in it is kept; no pass opens it now.",
                season=access.season,
            ),
        )
    if access.reason == "not_yet":
        if access.opens_at is None:
            return _("It opens with a season to come"), opens_when(access)
        return _("It opens on %(date)s", date=format_date(access.opens_at)), _(
            "You have what it takes. The course opens for you with the season %(season)s.",
            season=access.season,
        )
    title, sentence = REASONS.get(access.reason, REASONS["no_pass"])
    if access.reason == "sign_in" and any(one.kind != "pass" for one in access.ways):
        sentence = ELSE
    return _(title), _(sentence)


def opens_when(access: Access) -> str:
    """When a course opens that waits for its season; empty when it waits for none."""
    if not access.waits:
        return ""
    if access.opens_at is None:
        return _("It opens with a season whose beginning is not announced yet; the day will stand here.")
    return _(
        "It opens on %(date)s, with the season %(season)s.",
        date=format_date(access.opens_at),
        season=access.season,
    )


def way_in(way: Way) -> str:
    """One way into a locked course, such as ``a pass (¥199.00)`` or ``a seat in Group 1``."""
    if way.kind == "pass":
        if not way.price:
            return _("a free pass")
        price = money(way.price, way.currency)
        if way.interval == "month":
            return _("a pass (%(price)s a month)", price=price)
        if way.interval == "year":
            return _("a pass (%(price)s a year)", price=price)
        return _("a pass (%(price)s)", price=price)
    if way.kind == "tier":
        return _("tier %(name)s and above", name=way.name)
    if way.kind == "group":
        return _("a seat in %(name)s", name=way.name)
    return _("core members") if way.name == "core" else _("hosts of groups")


def ways_in(access: Access) -> list[tuple[Way, str]]:
    """The ways into a locked course with their words; of passes the cheapest, for the others are offered beside it."""
    cheapest = [one for one in access.ways if one.kind == "pass"][:1]
    return [(one, way_in(one)) for one in (*cheapest, *(one for one in access.ways if one.kind != "pass"))]


def in_short(access: Access) -> str:
    """The ways in and the day on one line, for a card; empty when neither helps."""
    ways = _(" or ").join(words for _way, words in ways_in(access))
    found = [_("Opens with %(ways)s.", ways=ways)] if ways else []
    if access.waits:
        found.append(opens_when(access))
    return " ".join(found)
