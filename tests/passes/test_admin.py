"""Plans, tiers and passes on the admin's desk."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from qunclub import passes
from qunclub.kernel import Actor, store
from qunclub.members.models import Tier
from qunclub.passes.models import Pass, Plan, PlanCourse, PriceStep
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

DAY = dt.timedelta(days=1)
FORM = {
    "title": "Member",
    "slug": "member",
    "summary": "One course.",
    "description_md": "**Everything**",
    "price": "199.00",
    "currency": "cny",
    "tier_id": "",
    "group_line_id": "",
    "stock": "10",
    "validity_days": "",
    "sale_starts_at": "2026-05-01T09:00",
    "sale_ends_at": "",
    "position": "1",
    "state": "on_sale",
}


@pytest.fixture
def admin(make, client):
    account, member = make.person(name="Boss", roles=("admin",))
    in_language(sign_in(client, account), "en")
    return member


def the_plan(site_db):
    with site_db.session() as session:
        return session.scalars(select(Plan)).one()


def test_an_admin_makes_and_changes_a_plan(client, admin, make, site_db):
    course, line, tier = make.course(), make.group_line(), make.tier()
    assert client.get("/admin/plans/new").status_code == 200
    more = {"course_ids": [str(course.id)], "group_line_id": str(line.id), "tier_id": str(tier.id)}
    assert post(client, "/admin/plans/new", {**FORM, **more}).status_code == 303
    plan = the_plan(site_db)
    assert (plan.price, plan.currency, plan.stock, plan.validity_days) == (19_900, "CNY", 10, None)
    assert plan.sale_starts_at == dt.datetime(2026, 5, 1, 1, 0, tzinfo=dt.UTC)
    assert (plan.group_line_id, plan.tier_id) == (line.id, tier.id)
    assert "<strong>" in plan.description_html
    with site_db.session() as session:
        assert session.scalars(select(PlanCourse.course_id)).all() == [course.id]

    path = f"/admin/plans/{plan.id}"
    page = text_of(client.get(path))
    assert 'value="199.00"' in page and 'value="2026-05-01T09:00"' in page and "checked" in page
    change = {**FORM, **more, "price": "299", "version": "1"}
    assert post(client, path, change).status_code == 303
    assert the_plan(site_db).price == 29_900
    stale = post(client, path, {**change, "price": "1"})
    assert stale.status_code == 409 and "Nothing was overwritten" in text_of(stale)
    with site_db.session() as session:
        acts = session.scalars(select(store.AuditEntry).where(store.AuditEntry.action == "plan.update")).all()
        assert [act.details for act in acts] == [{"before": {"price": 19900}, "after": {"price": 29900}}]
    assert "Member" in text_of(client.get("/admin/plans?q=Mem&state=on_sale"))
    assert "No plan found" in text_of(client.get("/admin/plans?q=nothing"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"price": "a lot"}, "Write the amount as a number"),
        ({"price": "1.999"}, "Write the amount as a number"),
        ({"slug": "No Good"}, "Use small letters"),
        ({"sale_ends_at": "2026-04-01T09:00"}, "has to end after it begins"),
        ({"stock": "-1"}, "Number must be"),
    ],
)
def test_what_cannot_be_kept_is_said_on_its_field(client, admin, change, words):
    answer = post(client, "/admin/plans/new", {**FORM, **change})
    assert answer.status_code == 422
    assert words in text_of(answer) and "One course." in text_of(answer)


def test_a_sold_plan_keeps_its_group_line_and_its_stock(client, admin, make, site_db, now):
    line, other = make.group_line(), make.group_line()
    plan = make.plan(line=line, stock=5, slug="member")
    make.pass_(plan)
    with site_db.uow() as session:
        passes.sell(session, plan_id=plan.id, quantity=3, now=now, held=False)
    path = f"/admin/plans/{plan.id}"
    answer = post(client, path, {**FORM, "version": "1", "group_line_id": str(other.id)})
    assert answer.status_code == 422 and "Members hold this pass" in text_of(answer)
    answer = post(client, path, {**FORM, "version": "1", "group_line_id": str(line.id), "stock": "2"})
    assert answer.status_code == 422 and "3 are sold or held already" in text_of(answer)


def test_an_admin_keeps_tiers(client, admin, site_db):
    assert "No tier yet" in text_of(client.get("/admin/plans/tiers"))
    tier = {"code": "diehard", "name": "Diehard", "rank": "20", "benefits": "First reviews"}
    assert post(client, "/admin/plans/tiers/new", tier).status_code == 303
    with site_db.session() as session:
        ident = session.scalars(select(Tier.id)).one()
    assert "Diehard" in text_of(client.get(f"/admin/plans/tiers/{ident}"))
    assert post(client, f"/admin/plans/tiers/{ident}", {**tier, "name": "Iron"}).status_code == 303
    assert "Iron" in text_of(client.get("/admin/plans/tiers"))
    assert post(client, "/admin/plans/tiers/new", {**tier, "code": "Not Good"}).status_code == 422


def test_an_admin_finds_exports_and_revokes_passes(client, admin, make, site_db, now):
    low, high = make.tier(code="low", name="Low", rank=1), make.tier(code="high", name="High", rank=2)
    kept, lost = make.course(title="Kept course"), make.course(title="Lost course")
    _account, member = make.person(name="Zhang San")
    line = make.group_line(name="One", name_pattern="One {index}", capacities=[1])
    held = make.pass_(make.plan(line=line, tier=high, courses=[kept, lost]), member)
    make.pass_(make.plan(tier=low, courses=[kept]), member)
    make.seat(line)
    page = text_of(client.get("/admin/passes?q=Zhang"))
    assert page.count("Zhang San</a>") == 2
    assert "Zhang San" in text_of(client.get(f"/admin/passes?q={member.number or 1}&state=active"))
    assert "No pass found" in text_of(client.get("/admin/passes?q=Nobody"))
    assert "Zhang San" in text_of(client.get("/admin/passes/export.csv"))

    path = f"/admin/passes/{held.id}/revoke"
    page = text_of(client.get(path))
    assert "Lost course closes" in page and "Kept course closes" not in page
    assert "The seat in One 1 ends" in page and "the first of 1 who waits" in page
    assert "from High to Low" in page
    assert post(client, path, {"reason": ""}).status_code == 422
    assert post(client, path, {"reason": "Refunded by hand"}).status_code == 303
    with site_db.session() as session:
        assert session.get_one(Pass, held.id).state == "revoked"
    assert client.get(path).status_code == 409


def test_an_admin_gives_a_pass_once(client, admin, make, site_db):
    plan = make.plan()
    account, _member = make.person()
    assert client.get("/admin/passes/give").status_code == 200
    form = {"member": account.email, "plan_id": str(plan.id), "reason": "Speaker", "key": "abc"}
    assert post(client, "/admin/passes/give", {**form, "member": "nobody@example.com"}).status_code == 422
    for _ in range(2):
        assert post(client, "/admin/passes/give", form).status_code == 303
    with site_db.session() as session:
        assert session.scalars(select(Pass.source)).all() == ["gift:abc"]


@pytest.mark.parametrize(
    "path", ["/admin/plans", "/admin/plans/new", "/admin/plans/tiers", "/admin/passes", "/admin/passes/give"]
)
def test_members_do_not_reach_the_admins_pages(client, make, path):
    assert client.get(path).status_code == 303
    sign_in(client, make.account(number=True))
    assert client.get(path).status_code == 403


def test_the_list_of_passes_costs_the_same_with_many(client, admin, make, site_db):
    def cost():
        with count_statements(site_db.engine) as sent:
            client.get("/admin/passes")
        return sent.count

    make.pass_()
    cost()
    before = cost()
    for _ in range(10):
        make.pass_()
    assert cost() == before


MORE = {
    **FORM,
    "sale_starts_at": "",
    "validity": "days",
    "validity_days": "365",
    "grace_days": "3",
    "per_member": "2",
    "gift_max": "30",
    "refund_days": "7",
    "refund_progress": "30",
    "asks": ["name", "address"],
    "hidden": "y",
    "steps-0-price": "99.00",
    "steps-0-until_at": "2026-05-01T09:00",
    "steps-0-until_sold": "5",
    "steps-1-price": "",
    "steps-1-until_at": "",
    "steps-1-until_sold": "",
    "steps-2-price": "149",
    "steps-2-until_at": "2026-06-01T09:00",
    "steps-2-until_sold": "",
}


def test_an_admin_says_everything_about_a_sale(client, admin, make, site_db):
    base = make.plan(slug="base")
    form = {**MORE, "upgrades_from": [str(base.id)]}
    answer = post(client, "/admin/plans/new", form)
    assert answer.status_code == 303
    with site_db.session() as session:
        plan = session.scalars(select(Plan).where(Plan.slug == "member")).one()
        assert (plan.validity_days, plan.grace_days, plan.per_member, plan.gift_max) == (365, 3, 2, 30)
        assert (plan.refund_days, plan.refund_progress, plan.asks, plan.hidden) == (
            7,
            30,
            "name,address",
            True,
        )
        steps = session.scalars(select(PriceStep).order_by(PriceStep.position)).all()
        assert [(step.price, step.until_sold) for step in steps] == [(9_900, 5), (14_900, None)]
        assert steps[0].until_at == dt.datetime(2026, 5, 1, 1, 0, tzinfo=dt.UTC)
    path = f"/admin/plans/{plan.id}"
    assert answer.location.endswith(path), "where its link is"
    page = text_of(client.get(path))
    assert (
        f"/passes/member?key={plan.link_key}" in page and 'value="99.00"' in page and 'value="149.00"' in page
    )
    assert post(client, f"{path}/link", {}).status_code == 303
    assert plan.link_key not in text_of(client.get(path))
    change = {
        **form,
        "version": "1",
        "hidden": "",
        "steps-0-price": "",
        "steps-0-until_at": "",
        "steps-0-until_sold": "",
    }
    del change["hidden"]
    assert post(client, path, change).status_code == 303
    with site_db.session() as session:
        assert session.scalars(select(PriceStep.price)).all() == [14_900]
        act = session.scalars(select(store.AuditEntry).where(store.AuditEntry.action == "plan.update")).one()
        assert set(act.details["before"]) == {"hidden", "steps"}
    words = text_of(client.get("/admin/plans"))
    assert "CN¥149.00" in words and "then CN¥199.00" in words and "365 days" in words


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"steps-0-price": "cheap"}, "Early price: Write the amount as a number"),
        ({"steps-2-until_at": "2026-04-30T09:00"}, "until: It has to end later than the one above."),
        ({"steps-2-until_at": ""}, "until: Say until when it holds"),
        ({"steps-2-until_sold": "5"}, "or until so many are sold: It has to be more"),
        ({"validity_days": ""}, "Say for how many days."),
        ({"validity": "until", "valid_until": ""}, "Say until which date."),
        ({"validity": "month"}, "cannot be given away"),
        ({"validity": "month", "gift_max": "0", "price": "0"}, "has to cost something"),
        ({"validity": "often"}, "Not a valid choice"),
        ({"refund_progress": "101"}, "Number must be between 0 and 100"),
        ({"gift_max": "5000"}, "Number must be between 0 and 1000"),
        ({"asks": ["blood"]}, "Choose from what is offered."),
    ],
)
def test_a_sale_that_cannot_be_kept_says_why_and_keeps_what_was_typed(client, admin, change, words):
    answer = post(client, "/admin/plans/new", {**MORE, **change})
    page = text_of(answer)
    assert answer.status_code == 422 and words in page
    assert "One course." in page and 'value="149"' in page


def test_rows_of_early_prices_come_and_go_without_javascript(client, admin, site_db):
    page = text_of(post(client, "/admin/plans/new", {**MORE, "title": "", "add_step": "1"}))
    assert 'name="steps-3-price"' in page and 'value="149"' in page and "Something here" not in page
    page = text_of(post(client, "/admin/plans/new", {**MORE, "remove_step": "steps-0"}))
    assert 'value="149"' in page and 'value="99.00"' not in page
    part = text_of(post(client, "/admin/plans/steps", {**MORE, "remove_step": "steps-2"}, htmx=True))
    assert "<html" not in part and 'value="99.00"' in part and 'value="149"' not in part
    part = text_of(post(client, "/admin/plans/steps", {**MORE, "remove_step": "steps-9"}, htmx=True))
    assert part.count('name="remove_step"') == 3
    with site_db.session() as session:
        assert session.scalars(select(Plan)).all() == []


def test_a_membership_is_made(client, admin, site_db):
    form = {**FORM, "validity": "year", "price": "500", "currency": "jpy"}
    assert post(client, "/admin/plans/new", form).status_code == 303
    plan = the_plan(site_db)
    assert (plan.interval, plan.price, plan.currency, plan.validity_days) == ("year", 500, "JPY", None)
    assert 'value="year"' in text_of(client.get(f"/admin/plans/{plan.id}"))
    assert "按年续费" in text_of(in_language(client, "zh").get("/admin/plans"))


def test_the_list_of_passes_says_how_each_stands(client, admin, make, site_db, now):
    actor = Actor.system("test")
    monthly, days = make.plan(interval="month", price=100), make.plan(validity_days=9)
    _account, member = make.person(name="Zhang San")
    with site_db.uow() as session:
        passes.issue(
            session, member_id=member.id, plan_id=monthly.id, source="order:1:1", now=now - 30 * DAY, actor=actor,
            ends_at=now - DAY, grace_until=now + DAY, renews=True,
        )  # fmt: skip
        held = passes.issue(
            session, member_id=member.id, plan_id=days.id, source="order:2:1", now=now, actor=actor
        )
        passes.extend(session, pass_id=held.id, source="order:3:1", now=now, actor=actor)
        closed = passes.issue(
            session, member_id=member.id, plan_id=days.id, source="order:4:1", now=now, actor=actor
        )
        passes.suspend(session, pass_ids=[closed.id], reason="Dispute", now=now, actor=actor)
    page = text_of(client.get("/admin/passes"))
    assert "late: open until" in page and "extended 1 time" in page and "the payment is disputed" in page
    assert 'href="/admin/passes/export.csv"' in page
    page = text_of(client.get("/admin/passes?state=suspended"))
    assert page.count("Zhang San</a>") == 1
    assert client.get("/admin/passes?q=99999999999999999999").status_code == 200
    lines = text_of(client.get("/admin/passes/export.csv")).splitlines()
    assert lines[0].endswith("renews,grace_until,extended")
    assert sorted(line.rsplit(",", 1)[1] for line in lines[1:]) == ["0", "0", "1"]
    assert client.get(f"/admin/passes/{closed.id}/revoke").status_code == 200
