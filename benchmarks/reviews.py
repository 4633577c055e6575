"""The review desk, the admins' record of work and the showcase, with few and with many submissions."""

from __future__ import annotations

import datetime as dt

from benchmarks import reviews_data
from benchmarks.growth import GrowthPage, Subject
from qunclub.kernel.pages import mark

PAGES = (
    GrowthPage("queue", "/desk"),
    GrowthPage("queue, a page in the middle", "/desk?after={mark}"),
    GrowthPage("filter: course", "/desk?course=2"),
    GrowthPage("filter: assignment", "/desk?assignment=2"),
    GrowthPage("filter: a large group", "/desk?group=1"),
    GrowthPage("filter: a small group", "/desk?group=3"),
    GrowthPage("filter: held by me", "/desk?mine=1"),
    GrowthPage("filter: late", "/desk?late=1"),
    GrowthPage("filter: returned", "/desk?state=returned"),
    GrowthPage("filter: accepted", "/desk?state=accepted"),
    GrowthPage("filter: accepted, a page in the middle", "/desk?state=accepted&after={mark}"),
    GrowthPage("filter: accepted by me", "/desk?state=accepted&mine=1"),
    GrowthPage("filter: featured", "/desk?state=featured"),
    GrowthPage("filters: accepted, a small group", "/desk?state=accepted&group=3"),
    GrowthPage("filters: course, group, late", "/desk?course=2&group=1&late=1"),
    GrowthPage("filters: assignment, small group, returned", "/desk?assignment=2&group=3&state=returned"),
    GrowthPage("a work that waits", "/desk/{waiting}"),
    GrowthPage("a work that was judged", "/desk/{accepted}"),
    GrowthPage("appeals", "/desk/appeals"),
    GrowthPage("phrases", "/desk/phrases"),
    GrowthPage("admin: record", "/admin/homework/submissions"),
    GrowthPage("admin: record, a page in the middle", "/admin/homework/submissions?after={mark}"),
    GrowthPage("admin: record, waiting", "/admin/homework/submissions?state=waiting"),
    GrowthPage("admin: record, by number", "/admin/homework/submissions?q={number}"),
    GrowthPage("admin: record, by name", "/admin/homework/submissions?q=Member%20{pad}"),
    GrowthPage("admin: record, nobody of that name", "/admin/homework/submissions?q=nobody"),
    GrowthPage("admin: appeals", "/admin/homework/appeals"),
    GrowthPage("admin: homework", "/admin/homework"),
    GrowthPage("showcase", "/showcase"),
    GrowthPage("showcase: liked", "/showcase?sort=liked"),
    GrowthPage("showcase: course", "/showcase?course=2"),
    GrowthPage("my homework", "/homework"),
)


def words(submissions: int, now: dt.datetime) -> dict[str, object]:
    """What fills the paths in a club of so many submissions."""
    middle = submissions // 2
    states = reviews_data.state_of
    waiting = next(n for n in range(middle, submissions) if states(n) == "waiting" and n % 5)
    accepted = next(n for n in range(middle, submissions) if states(n) == "accepted" and n % 5)
    person = middle % reviews_data.people(submissions) + 1
    return {
        "waiting": waiting,
        "accepted": accepted,
        "mark": mark(now - dt.timedelta(days=reviews_data.DAYS // 2), 0),
        "number": 1000 + person,
        "pad": f"{person:09d}",
    }


SUBMISSIONS = Subject(
    name="The review desk",
    things="submissions",
    roles=("instructor", "admin"),
    pages=PAGES,
    sizes=lambda scale: (scale.reviews_few, scale.reviews_many),
    fill=reviews_data.fill,
    words=words,
    note=f"Four of ten wait. Both clubs have {reviews_data.ASSIGNMENTS} assignments, two groups that hold everybody, "
    f"one of {reviews_data.SMALL} members, and full pages.",
)
