"""The catalogue: what it costs, what is inside, which rules hold, before anybody pays."""

from __future__ import annotations

import datetime as dt

import pytest

from qunclub import passes
from qunclub.kernel import Actor
from tests.support.pages import in_language, sign_in, text_of
from tests.support.statements import count_statements


@pytest.fixture
def plan(make, site_db):
    course = make.course(title="From zero to one page", slug="one-page", state="published")
    line = make.group_line(
        slug="foundation", name="Foundation", capacities=[3], posting_note="Quiet.", covenant_md="Be kind."
    )
    tier = make.tier(code="ordinary", name="Ordinary")
    with site_db.uow() as session:
        passes.save_tier(
            session,
            code="ordinary",
            name="Ordinary",
            rank=1,
            benefits="Three reviews\nA seat",
            actor=Actor.system("test"),
            now=make.now,
        )
    return make.plan(
        slug="member",
        title="Member",
        summary="One course and a group.",
        description_md="## Refunds\n\nSeven days.",
        price=19_900,
        line=line,
        tier=tier,
        courses=[course],
        stock=10,
    )


def test_a_visitor_sees_everything_before_paying(client, plan):
    page = text_of(in_language(client, "en").get("/passes"))
    for words in (
        "Member",
        "CN¥199.00",
        "From zero to one page",
        "A seat in Foundation",
        "10 passes left",
        "3 seats",
    ):
        assert words in page
    assert "A pyramid" in page and "Be kind." in page and "for life" in page
    page = text_of(client.get("/passes/member"))
    for words in ("/courses/one-page", "Three reviews", "Seven days.", "Quiet.", "Be kind.", "Buy this pass"):
        assert words in page
    assert 'href="/passes/member/order"' in page
    assert 'property="og:title" content="Member"' in page


def test_the_same_in_chinese(client, plan):
    page = text_of(in_language(client, "zh").get("/passes/member"))
    for words in ("¥199.00", "还剩 10 张", "还剩 3 个席位", "购买通行证", "群公约", "终身会员编号"):
        assert words in page


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"state": "closed"}, "no longer on sale"),
        ({"stock": 0}, "Sold out"),
        ({"sale_starts_at": dt.timedelta(days=1)}, "The sale has not begun yet"),
        ({"sale_ends_at": dt.timedelta(days=-1)}, "The sale has ended"),
    ],
)
def test_what_cannot_be_bought_says_why(client, make, now, change, words):
    values = {key: now + value if isinstance(value, dt.timedelta) else value for key, value in change.items()}
    make.plan(slug="gone", **values)
    page = text_of(in_language(client, "en").get("/passes/gone"))
    assert words in page and "Buy this pass" not in page


def test_the_stock_left_is_the_kept_counter(client, plan, site_db, now):
    with site_db.uow() as session:
        passes.hold(session, plan_id=plan.id, quantity=2, now=now)
        passes.sell(session, plan_id=plan.id, quantity=1, now=now)
    assert "8 passes left" in text_of(in_language(client, "en").get("/passes"))


def test_a_full_line_is_said_before_paying(client, make):
    line = make.group_line(capacities=[1])
    make.seat(line), make.seat(line)
    make.plan(slug="full", line=line)
    page = text_of(in_language(client, "en").get("/passes/full"))
    assert "1 member is waiting" in page and "place on the waiting list" in page and "Buy this pass" in page


def test_drafts_are_for_admins(client, make):
    make.plan(slug="secret", state="draft")
    assert client.get("/passes/secret").status_code == 404
    assert "secret" not in text_of(client.get("/passes"))
    sign_in(client, make.account(roles=("admin",)))
    assert client.get("/passes/secret").status_code == 200


def test_an_empty_shelf_says_what_to_do(client):
    assert "Nothing is on sale" in text_of(in_language(client, "en").get("/passes"))
    assert client.get("/passes/nothing").status_code == 404


def test_who_holds_it_is_led_to_the_welcome(client, make, plan):
    account, member = make.person()
    held = make.pass_(plan, member)
    sign_in(client, account)
    assert f"/welcome/{held.id}" in text_of(client.get("/passes/member"))


def test_the_catalogue_costs_the_same_with_many_plans(client, make, site_db, plan):
    def cost():
        with count_statements(site_db.engine) as sent:
            assert client.get("/passes").status_code == 200
        return sent.count

    cost()
    before = cost()
    for _ in range(10):
        make.plan(line=make.group_line(covenant_md="Rules"), courses=[make.course(state="published")])
    assert cost() == before <= 6
