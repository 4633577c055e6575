"""What the catalogue, a plan's page and one's own page say of prices, terms, renewals, gifts and hidden plans."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select, update

from qunclub import passes
from qunclub.kernel import Actor
from qunclub.passes.models import Plan
from qunclub.passes.rules_plans import StepDraft
from tests.support.pages import in_language, sign_in, text_of
from tests.support.statements import count_statements

SYSTEM = Actor.system("test")
DAY = dt.timedelta(days=1)


def page(client, path, language="en"):
    answer = in_language(client, language).get(path)
    assert answer.status_code == 200, path
    return text_of(answer)


@pytest.fixture
def early(make, now):
    steps = (StepDraft(29_900, now + 9 * DAY, 12), StepDraft(34_900, now + 20 * DAY))
    return make.plan(slug="early", title="Camp", price=39_900, steps=steps, validity_days=365)


def test_an_early_price_says_until_when_it_holds_and_what_comes_then(client, early, site_db, now):
    words = page(client, "/passes")
    assert "CN¥299.00" in words and "12 more, then CN¥349.00" in words and "at this price until" in words
    words = page(client, "/passes/early")
    assert "CN¥299.00" in words and "12 more passes" in words and "After that it costs CN¥349.00." in words
    words = page(client, "/passes", "zh")
    assert "¥299.00" in words and "再售 12 张前享此价" in words and "之后 ¥349.00" in words
    with site_db.uow() as session:
        passes.sell(session, plan_id=early.id, quantity=12, now=now, held=False)
    words = page(client, "/passes")
    assert "CN¥349.00" in words and "then CN¥399.00" in words and "299" not in words


def test_a_kept_page_follows_the_price_when_a_date_passes(make, app, client, now, site_db):
    """Strangers are told the same from a kept page; a step that ends makes it another page."""
    made = make.plan(title="Camp", price=39_900, steps=(StepDraft(29_900, now + DAY),))
    agent = in_language(client, "en")
    assert "CN¥299.00" in text_of(agent.get("/passes")) and "CN¥299.00" in text_of(agent.get("/"))
    with site_db.uow() as session:
        session.get_one(Plan, made.id)
        session.execute(update(passes.PriceStep).values(until_at=now - DAY))
    for path in ("/passes", "/"):
        words = text_of(agent.get(path))
        assert "CN¥399.00" in words and "CN¥299.00" not in words


def test_a_membership_says_that_it_renews_until_one_cancels(client, make):
    make.plan(slug="monthly", interval="month", price=9_900, grace_days=5)
    assert "each month, until you cancel" in page(client, "/passes")
    assert "each month, until you cancel" in page(client, "/")
    words = page(client, "/passes/monthly")
    assert "Become a member" in words and "Charged again each time until you cancel" in words
    assert "open for 5 days" in words and "nothing is charged again" not in words
    words = page(client, "/passes/monthly", "zh")
    assert "成为会员" in words and "再保留 5 天" in words


def test_terms_are_stated_before_anybody_buys(client, make, now):
    make.plan(
        slug="terms",
        valid_until=now + 200 * DAY,
        per_member=2,
        gift_max=30,
        refund_days=7,
        refund_progress=30,
    )
    words = page(client, "/passes/terms")
    for part in (
        "valid until", "At most 2 per member.", "up to 30 codes", "within 7 days", "30%", "It ends by itself",
        "/passes/terms/order?gift=1",
    ):  # fmt: skip
        assert part in words, part
    words = page(client, "/passes/terms", "zh")
    assert "每人限购 2 张" in words and "买来赠送" in words
    make.plan(slug="plain")
    words = page(client, "/passes/plain")
    assert (
        "give away" not in words
        and "per member" not in words
        and "no promise to take this pass back" in words
    )


def test_a_hidden_plan_shows_itself_to_who_has_its_link(app, client, make, site_db):
    plan = make.plan(slug="secret", title="Friends", hidden=True)
    assert "Friends" not in page(client, "/passes") and "Friends" not in page(client, "/")
    for path in (
        "/passes/secret",
        "/passes/secret?key=",
        "/passes/secret?key=wrong",
        "/passes/secret?key=%00%E4",
    ):
        assert client.get(path).status_code == 404
    words = page(client, f"/passes/secret?key={plan.link_key}")
    assert "Friends" in words and f"/passes/secret/order?key={plan.link_key}" in words
    assert "only who has the link" in words
    assert client.get("/passes/secret").status_code == 200, "the link is remembered"
    assert app.test_client().get("/passes/secret").status_code == 404, "by this visitor only"
    with site_db.uow() as session:
        session.get_one(Plan, plan.id).link_key = "another"
    assert client.get("/passes/secret").status_code == 404


def test_holders_and_admins_see_a_hidden_plan(client, make):
    plan = make.plan(slug="secret", hidden=True)
    account, member = make.person()
    sign_in(client, account)
    assert client.get("/passes/secret").status_code == 404
    make.pass_(plan, member)
    assert client.get("/passes/secret").status_code == 200


def test_admins_see_a_hidden_plan(client, make):
    make.plan(slug="secret", hidden=True)
    sign_in(client, make.account(roles=("admin",)))
    assert client.get("/passes/secret").status_code == 200


def test_a_locked_course_does_not_name_hidden_plans(session, make, now):
    course = make.course()
    make.plan(slug="secret", hidden=True, courses=[course])
    make.plan(slug="over", valid_until=now, courses=[course])
    make.plan(slug="open", courses=[course])
    access = passes.course_access(session, actor=None, course_ids=[course.id], now=now)
    assert access[course.id].plan_slugs == ("open",)


@pytest.fixture
def holder(client, make):
    account, member = make.person()
    sign_in(client, account)
    return member


def test_who_holds_it_extends_it(client, make, early, holder, now):
    make.pass_(early, holder)
    words = page(client, "/passes/early")
    assert "You hold this pass" in words and "Extend this pass" in words and "Buy this pass" not in words
    assert 'href="/passes/early/order"' in words
    words = page(client, "/me")
    assert "until" in words and 'href="/passes/early/order"' in words and "Extend" in words
    assert "延长" in page(client, "/me", "zh")


def test_who_holds_it_for_life_is_not_sold_another(client, make, holder):
    plan = make.plan(slug="life", gift_max=3)
    make.pass_(plan, holder)
    words = page(client, "/passes/life")
    assert "It is valid for life." in words and "Extend" not in words and "Buy this pass" not in words
    assert "Buy it to give away" in words


def test_a_renewing_pass_says_when_and_where_it_is_managed(client, make, holder, now, site_db):
    plan = make.plan(slug="monthly", interval="month", price=9_900)
    with site_db.uow() as session:
        held = passes.issue(
            session, member_id=holder.id, plan_id=plan.id, source="order:1:1", now=now - 30 * DAY, actor=SYSTEM,
            ends_at=now + DAY, grace_until=now + 8 * DAY, renews=True,
        )  # fmt: skip
    for path in ("/passes/monthly", "/me"):
        words = page(client, path)
        assert "enews on" in words and "/memberships" in words and "Extend" not in words
    with site_db.uow() as session:
        passes.set_renewal(
            session, pass_id=held.id, ends_at=now - DAY, grace_until=now + 6 * DAY, renews=True, now=now
        )
    assert "Its renewal is late" in page(client, "/passes/monthly")
    assert "the renewal is late; open until" in page(client, "/me")
    assert "Welcome" in text_of(client.get(f"/welcome/{held.id}"))


def test_a_suspended_pass_says_why(client, make, holder, now, site_db):
    course = make.course(slug="deep", state="published")
    plan = make.plan(slug="camp", courses=[course])
    held = make.pass_(plan, holder)
    with site_db.uow() as session:
        passes.suspend(session, pass_ids=[held.id], reason="Dispute", now=now, actor=SYSTEM)
    words = page(client, "/passes/camp")
    assert (
        "Your pass is suspended" in words
        and "Buy this pass" not in words
        and "You hold this pass" not in words
    )
    words = page(client, "/me")
    assert "suspended while the bank" in words and "已冻结" in page(client, "/me", "zh")
    words = page(client, "/courses/deep")
    assert "Your pass is suspended" in words and "disputed at the bank" in words
    words = page(client, "/")
    assert "Your pass is suspended" in words and "你的通行证已冻结" in page(client, "/", "zh")


def test_an_upgrade_is_offered_to_who_holds_what_it_starts_from(client, make, holder):
    base = make.plan(slug="base", title="Base")
    make.plan(slug="plus", title="Plus", price=99_900, upgrades_from=(base.id,))
    assert "Who holds Base upgrades for the difference." in page(client, "/passes/plus")
    assert "Upgrade to" not in page(client, "/passes/base")
    make.pass_(base, holder)
    words = page(client, "/passes/plus")
    assert (
        "You hold Base" in words and "Upgrade for the difference" in words and "/passes/plus/order" in words
    )
    assert "Upgrade to Plus for the difference" in page(client, "/passes/base")
    assert "你持有「Base」" in page(client, "/passes/plus", "zh")


def test_a_plan_page_costs_the_same_however_much_it_says(client, make, holder, site_db, now):
    def cost(path):
        client.get(path)
        with count_statements(site_db.engine) as sent:
            client.get(path)
        return sent.count

    plan, base = make.plan(slug="one"), make.plan()
    make.pass_(plan, holder)
    before = cost("/passes/one"), cost("/passes"), cost("/me")
    for at in range(6):
        more = make.plan(
            steps=[StepDraft(100 + at, now + (one + 1) * DAY) for one in range(4)],
            upgrades_from=(plan.id, base.id), validity_days=9, gift_max=2,
        )  # fmt: skip
        make.pass_(more, holder)
    assert (cost("/passes/one"), cost("/passes"), cost("/me")) == before


def test_the_key_is_never_in_the_audit_log(session, make, now):
    from qunclub.kernel import store
    from qunclub.passes import services_plans

    plan = make.plan(hidden=True)
    old = plan.link_key
    services_plans.new_link(session, plan_id=plan.id, actor=SYSTEM, now=now)
    assert plan.link_key and plan.link_key != old
    acts = session.scalars(select(store.AuditEntry).order_by(store.AuditEntry.id)).all()
    assert [act.action for act in acts][-1] == "plan.link"
    assert all(key not in str(act.details) for act in acts for key in (old, plan.link_key))
