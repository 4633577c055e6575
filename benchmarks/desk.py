"""The admins' desk with few and with many orders: whether any of its pages grows slower with the club."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

from flask.testing import FlaskClient

from app import create_app, db
from benchmarks import desk_data
from benchmarks.scale import Scale
from tests.factories import Make
from tests.support.databases import Db, fresh
from tests.support.pages import sign_in

GROWTH_AIM = 1.2


@dataclass(frozen=True, slots=True)
class DeskPage:
    """One page of the desk; ``{n}`` in its path is the number of an order somewhere in the middle."""

    label: str
    path: str


PAGES = (
    DeskPage("orders, newest", "/admin/orders"),
    DeskPage("orders, oldest", "/admin/orders?sort=oldest"),
    DeskPage("orders, a page in the middle", "/admin/orders?after={n}"),
    DeskPage("filter: paid", "/admin/orders?state=paid"),
    DeskPage("filter: needs attention", "/admin/orders?state=needs_attention"),
    DeskPage("filter: plan", "/admin/orders?plan={plan}"),
    DeskPage("filter: paid with Alipay", "/admin/orders?method=alipay"),
    DeskPage("filter: purchases", "/admin/orders?kind=purchase"),
    DeskPage("filter: gifts", "/admin/orders?kind=gift"),
    DeskPage("filter: renewals", "/admin/orders?kind=renewal"),
    DeskPage("filter: by transfer", "/admin/orders?pay_by=transfer"),
    DeskPage("filter: by gateway", "/admin/orders?pay_by=gateway"),
    DeskPage("filter: disputed", "/admin/orders?disputed=1"),
    DeskPage("filter: coupon", "/admin/orders?coupon=SPRING"),
    DeskPage("filter: days", "/admin/orders?since={since}&until={until}"),
    DeskPage("filter: proof waits", "/admin/orders?show=proof"),
    DeskPage("filter: refund failed", "/admin/orders?show=refund_failed"),
    DeskPage("filters: plan, state, method", "/admin/orders?plan={plan}&state=paid&method=bank"),
    DeskPage("filters: coupon, state, gift", "/admin/orders?coupon=SPRING&state=paid&kind=gift"),
    DeskPage("search: code", "/admin/orders?q=C{pad}"),
    DeskPage("search: receipt or number", "/admin/orders?q={n}"),
    DeskPage("search: e-mail", "/admin/orders?q=member{member}@example.com"),
    DeskPage("search: name", "/admin/orders?q=Member%20{member}"),
    DeskPage("search: payment", "/admin/orders?q=pi_{n}"),
    DeskPage("search: claim code", "/admin/orders?q=GG{gift}"),
    DeskPage("search: nothing such", "/admin/orders?q=nobody"),
    DeskPage("an order", "/admin/orders/C{pad}"),
    DeskPage("takings, this month", "/admin/takings?range=month"),
    DeskPage("takings, a year by month", "/admin/takings?range=year&by=month"),
    DeskPage("takings, picture", "/admin/takings/chart.svg?range=days&currency=CNY"),
    DeskPage("reconciliation", "/admin/reconciliation"),
    DeskPage("coupons", "/admin/coupons"),
    DeskPage("memberships", "/admin/memberships"),
    DeskPage("disputes", "/admin/disputes"),
    DeskPage("transfers", "/admin/transfers"),
    DeskPage("fapiao", "/admin/fapiao"),
    DeskPage("notifications", "/admin/gateway"),
    DeskPage("notifications, open", "/admin/gateway?show=open"),
    DeskPage("front page", "/admin/"),
)


@dataclass
class Times:
    """Seconds that one page took, turn by turn."""

    few: list[float] = field(default_factory=list)
    many: list[float] = field(default_factory=list)

    @property
    def growth(self) -> float:
        """How many times as long it takes with many orders."""
        return min(self.many) / min(self.few)


@dataclass
class Desk:
    """The pages on one database."""

    database: str
    few: int
    many: int
    built: float
    rounds: int
    pages: dict[str, Times]


def measure(folder: Path, scale: Scale, now: dt.datetime, say: Callable[[str], None]) -> list[Desk]:
    """The desk on each database; the few and the many take turns, so that a busy moment weighs on both."""
    logging.getLogger("qunclub").setLevel(logging.ERROR)
    return [_on(kind, folder, scale, now, say) for kind in scale.databases]


def _on(kind: str, folder: Path, scale: Scale, now: dt.datetime, say: Callable[[str], None]) -> Desk:
    with ExitStack() as stack:
        started = perf_counter()
        clients = []
        for orders in (scale.desk_few, scale.desk_many):
            database = stack.enter_context(fresh("postgres" if kind == "postgres" else "sqlite", folder))
            admin = Make(database, now).account(name="Ada", roles=("admin",))
            desk_data.fill(database, orders=orders, days=desk_data.DAYS, now=now)
            client = stack.enter_context(_opened(database, folder / f"desk-{kind}-{orders}"))
            clients.append((sign_in(client, admin), orders))
        built = perf_counter() - started
        say(f"desk on {kind}: built in {built:.0f} s")
        found = {page.label: Times() for page in PAGES}
        for turn in range(scale.desk_rounds + 1):
            for page in PAGES:
                for place, (client, orders) in enumerate(clients):
                    taken = _ask(client, page, orders, now)
                    if turn:  # the first one warms up
                        (found[page.label].many if place else found[page.label].few).append(taken)
        say(f"desk on {kind}: {len(PAGES)} pages, {scale.desk_rounds} rounds")
        return Desk(kind, scale.desk_few, scale.desk_many, built, scale.desk_rounds, found)


@contextmanager
def _opened(database: Db, instance: Path) -> Iterator[FlaskClient]:
    app = create_app(
        {
            "TESTING": True,
            "QUNCLUB_DATABASE_URL": database.url,
            "QUNCLUB_INSTANCE": str(instance),
            "QUNCLUB_RATE_LIMITS": "no",
            "QUNCLUB_LOG_LEVEL": "ERROR",
        }
    )
    try:
        yield app.test_client()
    finally:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


def path_of(page: DeskPage, orders: int, now: dt.datetime) -> str:
    """The address of *page* in a club of so many orders."""
    # One that was paid in the ordinary way, and a gift.
    half, every = orders // 2, max(orders // desk_data.BACKLOG, 6)
    plain = (n for n in range(half, orders) if n % 7 and n % 10 < 7 and n % 16 > 4 and n % every > 5)
    gifts = (n for n in range(half, orders) if n % 10 == 7 and n % 16 > 4 and n % every > 5)
    middle, gift = next(plain), next(gifts)
    day = now.date() - dt.timedelta(days=60)
    return page.path.format(
        n=middle,
        pad=f"{middle:09d}",
        member=f"{(middle - 1) % max(orders // desk_data.ORDERS_EACH, 1) + 1:09d}",
        gift=f"{gift:09d}",
        plan=1,
        since=day,
        until=day + dt.timedelta(days=40),
    )


def _ask(client: FlaskClient, page: DeskPage, orders: int, now: dt.datetime) -> float:
    path = path_of(page, orders, now)
    started = perf_counter()
    answer = client.get(path)
    taken = perf_counter() - started
    if answer.status_code != 200:
        raise RuntimeError(f"{path} answered {answer.status_code}")
    return taken


def report(desks: list[Desk]) -> list[str]:
    """The table of the results page."""
    first = desks[0]
    lines = [
        f"Each page of the desk with {first.few:,} and with {first.many:,} orders, in milliseconds: the quickest of "
        f"{first.rounds} turns each, in which other work on the machine weighs least. Both clubs are "
        f"{desk_data.DAYS} days old, have the same backlog ({desk_data.BACKLOG} of each kind) and full pages. Aim: at "
        f"most {GROWTH_AIM} times as long.",
        "",
        "| page |" + "".join(f" {desk.database} few | many | ratio |" for desk in desks),
        "|---|" + "---:|---:|---:|" * len(desks),
    ]
    for label in first.pages:
        cells = ""
        for desk in desks:
            times = desk.pages[label]
            missed = "" if times.growth <= GROWTH_AIM else " (above the aim)"
            few, many = min(times.few) * 1000, min(times.many) * 1000
            cells += f" {few:.1f} | {many:.1f} | **{times.growth:.2f}**{missed} |"
        lines.append(f"| {label} |{cells}")
    return lines
