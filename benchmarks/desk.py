"""The admins' desk with few and with many orders."""

from __future__ import annotations

import datetime as dt

from benchmarks import desk_data
from benchmarks.growth import GrowthPage, Subject
from tests.support.databases import Db

PAGES = (
    GrowthPage("orders, newest", "/admin/orders"),
    GrowthPage("orders, oldest", "/admin/orders?sort=oldest"),
    GrowthPage("orders, a page in the middle", "/admin/orders?after={n}"),
    GrowthPage("filter: paid", "/admin/orders?state=paid"),
    GrowthPage("filter: needs attention", "/admin/orders?state=needs_attention"),
    GrowthPage("filter: plan", "/admin/orders?plan={plan}"),
    GrowthPage("filter: paid with Alipay", "/admin/orders?method=alipay"),
    GrowthPage("filter: purchases", "/admin/orders?kind=purchase"),
    GrowthPage("filter: gifts", "/admin/orders?kind=gift"),
    GrowthPage("filter: renewals", "/admin/orders?kind=renewal"),
    GrowthPage("filter: by transfer", "/admin/orders?pay_by=transfer"),
    GrowthPage("filter: by gateway", "/admin/orders?pay_by=gateway"),
    GrowthPage("filter: disputed", "/admin/orders?disputed=1"),
    GrowthPage("filter: coupon", "/admin/orders?coupon=SPRING"),
    GrowthPage("filter: days", "/admin/orders?since={since}&until={until}"),
    GrowthPage("filter: proof waits", "/admin/orders?show=proof"),
    GrowthPage("filter: refund failed", "/admin/orders?show=refund_failed"),
    GrowthPage("filters: plan, state, method", "/admin/orders?plan={plan}&state=paid&method=bank"),
    GrowthPage("filters: coupon, state, gift", "/admin/orders?coupon=SPRING&state=paid&kind=gift"),
    GrowthPage("search: code", "/admin/orders?q=C{pad}"),
    GrowthPage("search: receipt or number", "/admin/orders?q={n}"),
    GrowthPage("search: e-mail", "/admin/orders?q=member{member}@example.com"),
    GrowthPage("search: name", "/admin/orders?q=Member%20{member}"),
    GrowthPage("search: payment", "/admin/orders?q=pi_{n}"),
    GrowthPage("search: claim code", "/admin/orders?q=GG{gift}"),
    GrowthPage("search: nothing such", "/admin/orders?q=nobody"),
    GrowthPage("an order", "/admin/orders/C{pad}"),
    GrowthPage("takings, this month", "/admin/takings?range=month"),
    GrowthPage("takings, a year by month", "/admin/takings?range=year&by=month"),
    GrowthPage("takings, picture", "/admin/takings/chart.svg?range=days&currency=CNY"),
    GrowthPage("reconciliation", "/admin/reconciliation"),
    GrowthPage("coupons", "/admin/coupons"),
    GrowthPage("memberships", "/admin/memberships"),
    GrowthPage("disputes", "/admin/disputes"),
    GrowthPage("transfers", "/admin/transfers"),
    GrowthPage("fapiao", "/admin/fapiao"),
    GrowthPage("notifications", "/admin/gateway"),
    GrowthPage("notifications, open", "/admin/gateway?show=open"),
    GrowthPage("front page", "/admin/"),
)


def words(orders: int, now: dt.datetime) -> dict[str, object]:
    """What fills the paths in a club of so many orders: one that was paid in the ordinary way, and a gift."""
    half, every = orders // 2, max(orders // desk_data.BACKLOG, 6)
    plain = (n for n in range(half, orders) if n % 7 and n % 10 < 7 and n % 16 > 4 and n % every > 5)
    gifts = (n for n in range(half, orders) if n % 10 == 7 and n % 16 > 4 and n % every > 5)
    middle, gift = next(plain), next(gifts)
    day = now.date() - dt.timedelta(days=60)
    return {
        "n": middle,
        "pad": f"{middle:09d}",
        "member": f"{(middle - 1) % max(orders // desk_data.ORDERS_EACH, 1) + 1:09d}",
        "gift": f"{gift:09d}",
        "plan": 1,
        "since": day,
        "until": day + dt.timedelta(days=40),
    }


def fill(database: Db, orders: int, _reader: int, now: dt.datetime) -> None:
    """Write so many orders."""
    desk_data.fill(database, orders=orders, now=now)


ORDERS = Subject(
    name="The desk",
    things="orders",
    roles=("admin",),
    pages=PAGES,
    sizes=lambda scale: (scale.desk_few, scale.desk_many),
    fill=fill,
    words=words,
    note=f"Both clubs are {desk_data.DAYS} days old, have the same backlog ({desk_data.BACKLOG} of each kind) and full "
    "pages.",
)
