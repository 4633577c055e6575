"""Group work on its pages: asking, joining, writing together, handing in, being judged, shown and mended."""

from __future__ import annotations

import io

import pytest
from sqlalchemy import select

from qunclub.courses.models import Course
from qunclub.homework.models import Assignment, Criterion, Submission
from qunclub.homework.models_teams import Team, TeamMember
from tests.homework.pictures import picture
from tests.support.pages import in_language, post, text_of
from tests.support.statements import count_statements


@pytest.fixture
def together(site_db, work):
    """Make the homework group work for two or three."""
    with site_db.uow() as session:
        row = session.get_one(Assignment, work.id)
        row.team_min, row.team_max = 2, 3


@pytest.fixture
def fellow(make, work):
    """``fellow(name)``: (account, member) with a pass that opens the course."""

    def made(name):
        account, member = make.person(name=name, number=True)
        plan = make.plan(slug=f"plan-{name.lower()}", courses=[Course(id=work.course_id)])
        make.pass_(plan, member)
        return account, member

    return made


@pytest.fixture
def pair(visit, fellow, work, together, site_db):
    """Ann and Bob in a team, each with a browser: (ann, bob, team id, their members)."""
    (one, ann_member), (two, bob_member) = fellow("Ann"), fellow("Bob")
    ann, bob = visit(one), visit(two)
    assert post(ann, f"/homework/{work.id}/team").status_code == 303
    with site_db.session() as session:
        team_id = session.scalars(select(Team.id)).one()
    assert post(ann, f"/homework/teams/{team_id}/invite", {"number": bob_member.number}).status_code == 303
    assert post(bob, f"/homework/teams/{team_id}/accept").status_code == 303
    return ann, bob, team_id, (ann_member, bob_member)


def test_asking_and_saying_yes(visit, fellow, make, work, together, site_db):
    (one, _), (two, bob_member) = fellow("Ann"), fellow("Bob")
    ann, bob, path = visit(one), visit(two), f"/homework/{work.id}"
    page = text_of(ann.get(path))
    assert "Start a team and ask others in" in page and "2 to 3 members" in page
    assert 'name="body_md"' not in page
    assert "小组作业" in text_of(in_language(visit(one, "zh"), "zh").get(path))
    assert "group work" in text_of(ann.get("/homework"))
    post(ann, path + "/team")
    with site_db.session() as session:
        team_id = session.scalars(select(Team.id)).one()
    page = text_of(ann.get(path))
    assert "To hand in you need at least 2 members; 1 said yes so far." in page and 'name="body_md"' in page
    # Who has no pass is not found, and neither is whoever does not exist; what was typed stays.
    post(ann, path + "/draft", {"body_md": "OUR DRAFT", "draft_version": "0"})
    stranger = make.person(name="Eve", number=True)[1]
    for number in (stranger.number, 987654, "x", ""):
        refused = post(ann, f"/homework/teams/{team_id}/invite", {"number": number})
        assert refused.status_code == 422
        assert "Nobody with this number has opened the course." in text_of(refused)
        assert f'value="{number}"' in text_of(refused)
        assert "OUR DRAFT" in text_of(refused) and 'name="draft_version" type="hidden" value="1"' in text_of(
            refused
        )
    # Others' teams are nobody's business.
    for action in ("invite", "leave"):
        assert post(bob, f"/homework/teams/{team_id}/{action}", {"number": 1}).status_code == 404
    assert post(bob, f"/homework/teams/{team_id}/accept").status_code == 404
    post(ann, f"/homework/teams/{team_id}/invite", {"number": bob_member.number})
    assert "asked" in text_of(ann.get(path))
    assert "Ann asks you into a team for 旧页改造." in text_of(bob.get("/homework"))
    assert "Ann asks you into a team." in text_of(bob.get(path))
    too_few = post(ann, path, {"body_md": "Ours."})
    assert too_few.status_code == 409
    post(bob, f"/homework/teams/{team_id}/accept")
    assert "asks you" not in text_of(bob.get("/homework"))
    assert text_of(bob.get(path)).count("in the team") >= 2
    post(bob, f"/homework/teams/{team_id}/leave")
    assert "Start a team" in text_of(bob.get(path))
    post(ann, f"/homework/teams/{team_id}/invite", {"number": bob_member.number})
    post(bob, f"/homework/teams/{team_id}/decline")
    assert "asks you into" not in text_of(bob.get(path))


def test_the_way_of_a_teams_work(visit, pair, fellow, teacher, make, work, site_db):
    ann, bob, _team_id, _members = pair
    path = f"/homework/{work.id}"
    eve = visit(fellow("Eve")[0])
    post(ann, path + "/draft", {"body_md": "From Ann.", "draft_version": "0"})
    assert "From Ann." in text_of(bob.get(path))
    assert "From Ann." not in text_of(eve.get(path))
    behind = post(bob, path + "/draft", {"body_md": "From Bob.", "draft_version": "0"})
    assert behind.status_code == 409
    page = text_of(behind)
    assert "Somebody of your team saved something else." in page
    assert "From Ann." in page and "From Bob." in page
    files = [(io.BytesIO(picture()), "a.png")]
    assert post(bob, path, {"body_md": "From both.", "files": files}).status_code == 303
    for browser in (ann, bob):
        page = text_of(browser.get(path))
        assert "From both." in page and "waiting for its review" in page
        assert "who is in it stands" in page
        assert browser.get(path + "/receipt/1").status_code == 200
        assert browser.get("/homework/files/1").status_code == 200
    for address in (path + "/receipt/1", "/homework/files/1"):
        assert eve.get(address).status_code == 404
    assert post(eve, "/homework/1/take-back").status_code == 404
    # Any of them takes it back and hands in the next one.
    assert post(ann, "/homework/1/take-back").status_code == 303
    assert post(ann, path, {"body_md": "From both, better."}).status_code == 303
    assert bob.get(path + "/compare?old=1&new=2").status_code == 200
    desk = visit(teacher[0])
    assert "Ann No. " in text_of(desk.get("/desk")) and ", Bob No. " in text_of(desk.get("/desk"))
    post(desk, "/desk/1/claim")
    page = text_of(desk.get("/desk/1"))
    assert "Ann" in page and "Bob" in page
    with site_db.session() as session:
        scores = {f"score-{one}": "10" for one in session.scalars(select(Criterion.id))}
        version = session.scalars(select(Submission.version)).one()
    judged = post(desk, "/desk/1", {**scores, "verdict": "feature", "version": version})
    assert judged.status_code == 303, text_of(judged)
    for browser in (ann, bob):
        page = text_of(browser.get(path))
        assert "100 of 100" in page and "hidden as soon as one takes it back" in page
        assert (
            "One of you appeals for the whole team" in page
            and browser.get(path + "/appeal").status_code == 200
        )
    assert eve.get(path + "/appeal").status_code == 404
    # One of them does it for all: the other reads that, and has an appeal of their own still.
    assert post(ann, path + "/appeal", {"reason": "Read page two."}).status_code == 303
    page = text_of(bob.get(path))
    assert "Read page two." in page and "Opened by another of your team" in page
    assert "Opened by another" not in text_of(ann.get(path))
    assert post(bob, path + "/appeal", {"reason": "And page three."}).status_code == 409
    post(ann, "/homework/1/consent", {"agree": "yes"})
    assert "still to answer: Bob" in text_of(ann.get(path))
    assert visit().get("/showcase/1").status_code == 404
    assert post(eve, "/homework/1/consent", {"agree": "yes"}).status_code == 404
    post(bob, "/showcase/mine/1", {"sentence": "We did it."})
    shown = text_of(visit().get("/showcase/1"))
    assert "Ann、Bob" in shown and "We did it." in shown
    assert "Ann、Bob" in text_of(visit().get("/showcase"))
    assert post(ann, "/showcase/1/like").status_code == 403
    post(ann, "/homework/1/consent", {"agree": "no"})
    assert visit().get("/showcase/1").status_code == 404


def test_an_instructor_of_the_team_does_not_judge_it(visit, fellow, make, work, together, site_db):
    account, member = make.person(name="Tea", roles=("instructor",), number=True)
    ann_account, ann_member = fellow("Ann")
    tea, ann = visit(account), visit(ann_account)
    post(tea, f"/homework/{work.id}/team")
    post(tea, "/homework/teams/1/invite", {"number": ann_member.number})
    post(ann, "/homework/teams/1/accept")
    post(ann, f"/homework/{work.id}", {"body_md": "Ours."})
    assert "This is your own work." in text_of(tea.get("/desk/1"))
    assert post(tea, "/desk/1/claim").status_code == 403
    assert member.id


def test_an_admin_makes_it_group_work_and_mends_teams(visit, pair, fellow, make, work, site_db):
    _ann, bob, team_id, (ann_member, _bob) = pair
    admin = visit(make.account(name="Ada", roles=("admin",)))
    address = f"/admin/homework/{work.id}"
    page = text_of(admin.get(address))
    assert f"{address}/teams" in page
    with site_db.session() as session:
        row = session.scalars(select(Assignment)).one()
        values = {"title": row.title, "slug": row.slug, "brief_md": row.brief_md, "version": row.version}
    line = {"criteria-0-title": "Clear", "criteria-0-max_points": "10", "criteria-0-weight": "1"}
    values |= {**line, "late_policy": "accept"}
    refused = post(admin, address, {**values, "team_min": "", "team_max": ""})
    assert refused.status_code == 422
    assert "Whether it is group work cannot change any more" in text_of(refused)
    wrong = post(admin, address, {**values, "team_min": "4", "team_max": "3"})
    assert wrong.status_code == 422 and "not more than its most" in text_of(wrong)
    assert post(admin, address, {**values, "team_min": "1", "team_max": "4"}).status_code == 303
    post(bob, f"/homework/{work.id}", {"body_md": "Ours."})
    address += "/teams"
    page = text_of(admin.get(address))
    assert "Ann" in page and "Bob" in page and "has handed in" in page
    nobody = post(admin, address, {"team": team_id, "number": 999, "reason": "Never came", "take": "1"})
    assert nobody.status_code == 422 and "Nobody with this number is in the team." in text_of(nobody)
    assert 'value="Never came"' in text_of(nobody)
    with site_db.uow() as session:
        session.scalars(select(Submission)).one().state = "accepted"
    gone = {"team": team_id, "number": ann_member.number, "reason": "Never came", "take": "1"}
    earned = post(admin, address, gone)
    assert earned.status_code == 422 and "has earned for everybody" in text_of(earned)
    assert 'value="Never came"' in text_of(earned)
    with site_db.uow() as session:
        session.scalars(select(Submission)).one().state = "waiting"
    assert post(admin, address, gone).status_code == 303
    assert "Ann" not in text_of(admin.get(address))
    account, eve = fellow("Eve")
    assert (
        post(admin, address, {"team": team_id, "number": eve.number, "reason": "Was there"}).status_code
        == 303
    )
    browser = visit(account)
    assert "You are asked into a team" in text_of(
        browser.get(f"/homework/{work.id}")
    ) or "asks you" in text_of(browser.get(f"/homework/{work.id}"))
    post(browser, f"/homework/teams/{team_id}/accept")
    assert "Ours." in text_of(browser.get(f"/homework/{work.id}"))
    assert browser.get(address).status_code == 403


def test_the_page_costs_the_same_however_many_are_in_it(app, visit, pair, fellow, work, site_db):
    ann, _bob, team_id, _members = pair
    path = f"/homework/{work.id}"
    ann.get(path)
    with count_statements(site_db.engine) as two:
        ann.get(path)
    member = fellow("Eve")[1]
    with site_db.uow() as session:
        session.add(
            TeamMember(
                team_id=team_id, assignment_id=work.id, member_id=member.id, state="joined",
                invited_at=member.joined_at, joined_at=member.joined_at,
            )
        )  # fmt: skip
    with count_statements(site_db.engine) as three:
        ann.get(path)
    assert two.count == three.count
