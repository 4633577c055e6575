"""The pages of the path: what they say, who may see them, what they cost."""

import datetime as dt

import pytest
from sqlalchemy import select

from qunclub import levels
from qunclub.home.export import export
from qunclub.home.leaving import leave
from qunclub.jobs import dispatch, sweep
from qunclub.kernel import Actor
from qunclub.levels import rules
from qunclub.levels.models import LadderDraft, MemberLevel
from qunclub.web.state import club
from tests.support.pages import post, text_of
from tests.support.statements import count_statements

ADMIN = Actor.system("test")
DAY = dt.timedelta(days=1)


@pytest.fixture
def admin(make):
    return make.account(roles=("admin",))


@pytest.fixture
def me(make):
    return make.person(name="Climber", number=True)


@pytest.fixture
def swept(app, clock):
    """``swept(days)``: the job worker, some days later."""

    def go(days=0):
        clock.advance(days=days)
        with app.app_context():
            sweep(club())

    return go


def draft_form(**changes):
    """The form of the rules as it is shown, with *changes*."""
    values = {"version": 0, "recent_days": 90, "grace_days": 30, "stay_days": 60}
    for level in rules.EDITABLE:
        for name in rules.NUMBERS:
            values[f"{level}_{name}"] = getattr(rules.DEFAULT.rungs[level].conditions, name)
    return {**values, **changes}


def test_everybody_reads_the_rules_in_both_languages(visit):
    page = text_of(visit().get("/levels"))
    assert "The path upward" in page and "Opinion leader" in page and "200 points of all time" in page
    assert "意见领袖" in text_of(visit(None, "zh").get("/levels"))
    assert visit().get("/levels/versions/1").status_code == 200
    assert visit().get("/levels/versions/2").status_code == 404


def test_who_may_open_what(visit, make, me, admin):
    assert visit().get("/me/path").status_code == 303
    assert visit(make.account()).get("/me/path").status_code == 403
    for path in ("", "/draft", "/draft/preview", f"/members/{me[1].number}"):
        assert visit(me[0]).get("/admin/levels" + path).status_code == 403
        assert visit(admin).get("/admin/levels" + path).status_code in (200, 302, 303)
    assert post(visit(me[0]), f"/admin/levels/members/{me[1].number}/follow").status_code == 403
    assert visit(admin).get("/admin/levels/members/999").status_code == 404


def test_my_path_says_where_i_stand_and_what_is_missing(visit, make, me, swept):
    client = visit(me[0])
    assert "You were not looked at yet" in text_of(client.get("/me/path"))
    make.earn(me[1], 30)
    swept()
    page = text_of(client.get("/me/path"))
    assert "Points of all time: 30 of 200" in page and "Homework accepted: 0 of 2" in page
    assert "A pass that is open: you hold none" in page and "No step yet" in page
    assert "总积分：30，需要 200" in text_of(visit(me[0], "zh").get("/me/path"))
    assert "/me/path" in text_of(client.get("/me"))


def test_kinds_are_typed_by_what_they_are_called(visit, admin, site_db):
    client = visit(admin, "zh")
    page = text_of(client.get("/admin/levels/draft"))
    assert "积分种类： 持通行证加入" in page and "answer_best" not in page
    typed = draft_form(
        contributor_kinds="最佳回答 20，granted 5", contributor_recent_kinds="Lesson completed 3"
    )
    assert post(client, "/admin/levels/draft", typed).status_code == 303
    with site_db.session() as session:
        asked = session.scalars(select(LadderDraft.rules)).one()["rungs"]["contributor"]["conditions"]
    assert asked["kinds"] == {"answer_best": 20, "granted": 5}
    assert asked["recent_kinds"] == {"lesson_completed": 3}
    again = client.get("/admin/levels/draft").text
    assert 'value="最佳回答 20, 手工加分（贡献） 5"' in again and 'value="学完一课 3"' in again
    twice = draft_form(contributor_kinds="最佳回答 20，answer_best 5", version=1)
    assert "如：最佳回答 20" in text_of(post(client, "/admin/levels/draft", twice))


def test_rules_are_drafted_counted_and_put_in_force(visit, make, me, admin, swept, site_db):
    make.earn(me[1], 30)
    swept()
    client = visit(admin)
    wrong = post(client, "/admin/levels/draft", draft_form(contributor_kinds="nonsense", grace_days=12))
    assert (
        wrong.status_code == 422
        and "nonsense" in text_of(wrong)
        and "such as: Best answer to a question 20" in text_of(wrong)
    )
    strange = post(client, "/admin/levels/draft", draft_form(contributor_kinds="nothing 3"))
    assert "nothing is no kind of points" in text_of(strange)
    easy = draft_form(
        contributor_points=20, contributor_works=0, contributor_days=0, contributor_more_files="y",
        contributor_duties="Say hello to\nwhoever is new.",
    )  # fmt: skip
    assert post(client, "/admin/levels/draft", easy).location.endswith("/draft/preview")
    assert post(client, "/admin/levels/draft", easy).status_code == 409
    assert "0 of 1 members were looked at" in text_of(client.get("/admin/levels/draft/preview"))
    swept()
    page = text_of(client.get("/admin/levels/draft/preview"))
    assert "All 1 members were looked at" in page
    refused = post(client, "/admin/levels/draft/preview", {"version": 1, "reason": ""})
    assert refused.status_code == 422
    done = post(client, "/admin/levels/draft/preview", {"version": 1, "reason": "Simpler."})
    assert done.location.endswith("/admin/levels")
    swept()
    page = text_of(client.get("/admin/levels"))
    assert "Participant → Contributor" in page and "version 2" in page and "Simpler." not in page
    mine = text_of(visit(me[0]).get("/me/path"))
    assert "You stand here" in mine and "The conditions were met." in mine and "whoever is new" in mine
    assert "Simpler." in text_of(visit().get("/levels/versions/2"))
    # The badge beside the name, and in the directory.
    for path in (f"/members/{me[1].number}", "/members"):
        assert "Contributor" in text_of(visit(me[0]).get(path))
    with site_db.session() as session:
        assert levels.rights_of(session, me[1].id) == {"more_files"}


def test_a_draft_is_thrown_away(visit, admin, site_db):
    client = visit(admin)
    post(client, "/admin/levels/draft", draft_form())
    assert post(client, "/admin/levels/draft/discard", {"version": 7}).location.endswith("/draft/preview")
    assert post(client, "/admin/levels/draft/discard", {"version": 1}).location.endswith("/admin/levels")
    with site_db.session() as session:
        assert session.scalar(select(LadderDraft.id)) is None


def test_a_level_by_hand_and_its_end(visit, make, me, admin, swept, now):
    swept()
    client, path = visit(admin), f"/admin/levels/members/{me[1].number}"
    until = (now + 30 * DAY).date().isoformat()
    no_reason = post(client, path, {"level": "contributor", "until": until, "reason": ""})
    assert no_reason.status_code == 422 and until in text_of(no_reason)
    gone = post(client, path, {"level": "contributor", "until": "2020-01-01", "reason": "x"})
    assert gone.status_code == 422 and "still to come" in text_of(gone)
    never = post(client, path, {"level": "contributor", "until": "2199-12-31", "reason": "For good"})
    assert never.status_code == 422 and "within five years" in text_of(never) and "For good" in never.text
    assert (
        post(client, path, {"level": "contributor", "until": until, "reason": "Ten meetups."}).status_code
        == 303
    )
    mine = text_of(visit(me[0]).get("/me/path"))
    assert "set by hand until" in mine and "Ten meetups." in mine
    assert "Ten meetups." in text_of(client.get(path))
    assert post(client, path + "/follow", {"reason": "Over."}).status_code == 303
    swept()
    assert "Until" in text_of(visit(me[0]).get("/me/path")) and "you can keep your level" in text_of(
        visit(me[0]).get("/me/path")
    )
    assert f"/admin/levels/members/{me[1].number}" in text_of(client.get("/admin/levels"))
    assert client.get(f"/admin/levels?number={me[1].number}").location.endswith(path)


def test_the_letter_says_what_is_missing(app, visit, make, me, admin, swept, now):
    mailbox = []
    app.extensions["qunclub"].mailer = type("Box", (), {"send": lambda self, mail: mailbox.append(mail)})()
    swept()
    path = f"/admin/levels/members/{me[1].number}"
    until = (now + 5 * DAY).date().isoformat()
    post(visit(admin), path, {"level": "contributor", "until": until, "reason": "A start."})
    swept(10)
    with app.app_context():
        dispatch(club())
    told = [mail for mail in mailbox if mail.to == me[0].email]
    assert len(told) == 1 and "0" in told[0].body and "200" in told[0].body and "/me/path" in told[0].body


def test_pages_cost_the_same_for_many(visit, make, me, admin, swept, site_db, now):
    counted = []
    for many in (1, 15):
        for _ in range(many):
            one = make.member(number=True)
            with site_db.uow() as session:
                levels.set_by_hand(
                    session, number=one.number, level="contributor", until=now + DAY, reason="x", now=now,
                    actor=ADMIN,
                )  # fmt: skip
        sent = []
        for account, path in (
            (me[0], "/me/path"),
            (me[0], "/members"),
            (admin, "/admin/levels"),
            (None, "/levels"),
        ):
            client = visit(account)
            client.get(path)
            with count_statements(site_db.engine) as seen:
                assert client.get(path).status_code == 200
            sent.append(seen.count)
        counted.append(sent)
    assert counted[0] == counted[1]
    assert counted[0][0] <= 14 and counted[0][2] <= 14, counted


def test_rights_that_homework_honours(app, make, me, site_db, now):
    from qunclub.homework.views import limits_of
    from qunclub.homework.views_appeals import terms_now

    def terms():
        with app.test_request_context():
            most = limits_of(me[1].id)
            return most.max_files, most.max_bytes, terms_now(club().session(), me[1].id, now).tokens

    before = terms()
    with site_db.uow() as session:
        levels.set_by_hand(
            session, number=me[1].number, level="opinion_leader", until=now + DAY, reason="x", now=now,
            actor=ADMIN,
        )  # fmt: skip
    assert terms() == (before[0] * 2, before[1] * 2, before[2] + 1)
    with app.test_request_context():
        assert limits_of(None).max_files == before[0]


def test_ones_data_and_leaving(visit, make, me, swept, site_db, now):
    make.earn(me[1], 30)
    with site_db.uow() as session:
        levels.set_by_hand(
            session, number=me[1].number, level="contributor", until=now + DAY, reason="A gift.", now=now,
            actor=ADMIN,
        )  # fmt: skip
    with site_db.session() as session:
        told = export(session, me[1].id, now=now)
    assert told["level"][0]["level"] == "contributor" and told["level_history"][0]["reason"] == "A gift."
    assert told["nominations"] == []
    actor = make.actor(me[1])
    with site_db.uow() as session:
        leave(session, actor=actor, member_id=me[1].id, now=now)
    with site_db.session() as session:
        assert session.get_one(MemberLevel, me[1].id).level == "participant"
