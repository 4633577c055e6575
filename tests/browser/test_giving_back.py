"""Giving back in a real browser: at the desk and by the buyer, on a phone and at a desk, in both languages."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

from qunclub import orders
from qunclub.kernel import Actor
from qunclub.orders import services_claims
from tests.browser import look

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PASSWORD = "turn-the-page"


@pytest.fixture
def club(make, site_db) -> dict[str, Any]:
    make.account(name="Ada", roles=("admin",), email="ada@example.com", password=PASSWORD)
    _, lin = make.person(name="Lin", email="lin@example.com", password=PASSWORD, number=True)
    course = make.course(title="写作课")
    for _ in range(4):
        make.lesson(course, title="第一课")
    plan = make.plan(
        slug="master",
        title="大师通行证",
        line=make.group_line(name="学习群", capacities=(2,)),
        courses=[course],
        tier=make.tier(name="铁杆"),
        refund_days=7,
        refund_progress=25,
        gift_max=9,
    )
    own = make.paid_order(plan, lin)
    gift = make.paid_order(plan, quantity=4, gift=True)
    guest = make.member()
    odd = make.order(plan)
    with site_db.uow() as session:
        code = services_claims.codes_of(session, gift.id)[0]
        actor = Actor("guest", "Guest", member_id=guest.id)
        services_claims.redeem(session, code=code.code, member_id=guest.id, now=make.now, actor=actor)
        orders.record_payment(
            session,
            order_code=odd.code,
            provider="stripe",
            ref="pi_odd",
            method="alipay",
            amount=500,
            currency="CNY",
            now=make.now,
            actor=Actor.system("stripe"),
        )
    return {"own": own.code, "gift": gift.code, "odd": odd.code}


def signed_in(page_factory, who: str, width: int, language: str) -> Page:
    page: Page = page_factory(width, locale="zh-CN" if language == "zh" else "en-US")
    page.goto("/account/sign-in")
    page.fill("input[name=email]", f"{who}@example.com")
    page.fill("input[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    return page


def fine(page: Page, language: str) -> None:
    wrong = look.barriers(page) + look.too_wide(page)
    if language == "zh":
        wrong += look.english_left(page)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("width", "language"), [(360, "zh"), (1280, "en")])
def test_at_the_desk(club, live, page_factory, width, language):
    page = signed_in(page_factory, "ada", width, language)
    page.goto(f"/admin/orders/{club['odd']}")
    fine(page, language)
    page.goto(f"/admin/orders/{club['gift']}/refund")
    fine(page, language)
    page.set_viewport_size({"width": width, "height": 800})
    page.check("input[name=what][value=codes]")
    page.check("input[name=codes] >> nth=1")
    page.fill("input[name=reason]", "2026")
    page.click("main form[method=get] button[type=submit]")
    assert "199.00" in page.inner_text("main")
    fine(page, language)
    page.click("main form[method=post] button[type=submit]")
    page.wait_for_url("**/refunds/*")
    fine(page, language)
    page.goto(f"/admin/orders/{club['gift']}/refund?what=whole&reason=2026")
    assert "597.00" in page.inner_text("main")
    fine(page, language)


@pytest.mark.parametrize(("width", "language"), [(360, "zh"), (1280, "en")])
def test_by_the_buyer(club, live, page_factory, width, language):
    page = signed_in(page_factory, "lin", width, language)
    page.goto(f"/orders/{club['own']}")
    fine(page, language)
    page.click(f"a[href='/orders/{club['own']}/refund']")
    assert "写作课" in page.inner_text("main")
    fine(page, language)
    page.click("main form[method=post] button[type=submit]")
    page.wait_for_load_state()
    assert "写作课" in page.inner_text("main")
    assert page.locator("main form[method=post]").count() == 0
    fine(page, language)
