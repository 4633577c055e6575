"""Pages of allocation: at the desk, for admins; who may, what they say, and how much they ask of the database."""

import datetime as dt

import pytest
from sqlalchemy import select

from qunclub.home import export as own_data
from qunclub.homework import jobs_allocation
from qunclub.homework.models import Submission
from qunclub.homework.models_allocation import AllocationPerson, AllocationPlan, InstructorAway
from qunclub.members.models import Member
from tests.support.pages import post, text_of
from tests.support.statements import count_statements


@pytest.fixture
def other(make):
    """(account, member) of another instructor."""
    return make.person(name="Other", roles=("instructor",))


@pytest.fixture
def boss(make):
    """(account, member) of an admin, who is an instructor too."""
    return make.person(name="Boss", roles=("admin",))


def allocated(site_db):
    with site_db.session() as session:
        return list(session.scalars(select(Submission.allocated_to).order_by(Submission.id)))


def test_the_desk_keeps_it_for_the_one_and_another_takes_it_over(
    visit, make, site_db, teacher, other, work, author
):
    make.allocation(course_id=work.course_id, mode="named", people={teacher[1].id: set()})
    row = make.submission(work, member=author[1])
    mine, theirs = visit(teacher[0]), visit(other[0])
    assert "for you" in text_of(mine.get("/desk")) and "Take over" not in text_of(mine.get("/desk"))
    assert f"/desk/{row.id}" in text_of(mine.get("/desk?for_me=1"))
    assert "With these filters" in text_of(theirs.get("/desk?for_me=1"))
    page = text_of(theirs.get("/desk"))
    assert "for Teacher" in page and "Take over" in page and f"/desk/{row.id}/claim" not in page
    page = text_of(theirs.get(f"/desk/{row.id}"))
    assert "Meant for Teacher" in page and "Take over" in page and f"/desk/{row.id}/claim" not in page
    assert post(theirs, f"/desk/{row.id}/claim").status_code == 409
    assert post(theirs, "/desk/next").location == "/desk"
    assert post(visit(author[0]), f"/desk/{row.id}/take-over").status_code == 403
    assert post(theirs, f"/desk/{row.id}/take-over").location == f"/desk/{row.id}"
    assert "You have taken it over" in text_of(theirs.get(f"/desk/{row.id}"))
    assert post(mine, f"/desk/{row.id}/take-over").status_code == 409
    assert allocated(site_db) == [other[1].id]


def test_after_the_promised_time_anybody_claims_it(visit, make, teacher, other, work, author, now):
    make.allocation(course_id=work.course_id, mode="named", people={teacher[1].id: set()})
    row = make.submission(work, member=author[1], at=now - dt.timedelta(days=4))
    page = text_of(visit(other[0]).get(f"/desk/{row.id}"))
    assert "Take over" not in page and f"/desk/{row.id}/claim" in page
    assert post(visit(other[0]), "/desk/next").location == f"/desk/{row.id}"


def test_the_queue_asks_no_more_for_allocated_works(visit, make, site_db, teacher, work):
    client = visit(teacher[0])
    make.allocation(course_id=work.course_id)
    counts = []
    for many in (1, 9):
        for _n in range(many):
            make.submission(work)
        client.get("/desk")
        with count_statements(site_db.engine) as seen:
            client.get("/desk?for_me=1")
        counts.append(seen.count)
    assert counts[0] == counts[1]


def test_an_instructor_says_when_they_are_away(visit, make, site_db, teacher, other, boss, work, author, now):
    make.allocation(course_id=work.course_id, mode="named", people={teacher[1].id: set(), other[1].id: set()})
    make.submission(work, member=author[1])
    client = visit(teacher[0])
    assert "Everybody is there" in text_of(client.get("/desk/away")) and "/desk/away" in text_of(
        client.get("/desk")
    )
    days = {
        "member_id": str(teacher[1].id),
        "starts_on": "2026-04-15",
        "ends_on": "2026-04-20",
        "reason": "By the sea",
    }
    wrong = post(client, "/desk/away", {**days, "ends_on": "2026-04-01"})
    assert (
        wrong.status_code == 422
        and "By the sea" in text_of(wrong)
        and "not before the first" in text_of(wrong)
    )
    assert post(client, "/desk/away", {**days, "member_id": str(other[1].id)}).status_code == 422
    assert post(client, "/desk/away", days).location == "/desk/away"
    page = text_of(client.get("/desk/away"))
    assert "By the sea" in page and "away now" in page and allocated(site_db) == [other[1].id]
    with site_db.session() as session:
        row = session.scalars(select(InstructorAway)).one()
        assert row.starts_at < now < row.ends_at
        data = own_data.export(session, teacher[1].id, now=now)
        assert data["away"][0]["reason"] == "By the sea"
        theirs = own_data.export(session, author[1].id, now=now)
        assert "allocated_to" not in theirs["submissions"][0]
    assert post(visit(other[0]), f"/desk/away/{row.id}/end").status_code == 403
    assert "请假" in text_of(visit(boss[0], "zh").get("/desk/away"))
    assert post(visit(boss[0]), f"/desk/away/{row.id}/end").location == "/desk/away"
    assert post(visit(boss[0]), "/desk/away", {**days, "reason": ""}).status_code == 303
    assert visit(author[0]).get("/desk/away").status_code == 403


def test_admins_say_how_a_course_allocates(visit, make, site_db, teacher, other, boss, work):
    client, url = visit(boss[0]), f"/admin/homework/allocation/course/{work.course_id}"
    assert visit(teacher[0]).get(url).status_code == 403
    assert client.get("/admin/homework/allocation/course/999").status_code == 404
    assert "whoever takes it" in text_of(client.get("/admin/homework/allocation"))
    page = text_of(client.get(url))
    assert "Teacher" in page and "Responsible for groups" in page
    answer = post(client, url, {"mode": "named", "version": "0"})
    assert answer.status_code == 422 and "at least one instructor" in text_of(answer)
    assert (
        post(client, url, {"mode": "named", "people": str(teacher[1].id), "version": "0"}).status_code == 303
    )
    make.submission(work)
    assert allocated(site_db) == [teacher[1].id]
    stale = post(client, url, {"mode": "evenly", "version": "0"})
    assert stale.status_code == 422 and "meanwhile" in text_of(stale)
    seat = make.seat(make.group_line(capacities=[5]))
    pair = {"pair_member": str(other[1].id), "pair_group": str(seat.group_id)}
    own = f"/admin/homework/{work.id}/allocation"
    assert "as its course" in text_of(client.get(own)) and own in text_of(
        client.get(f"/admin/homework/{work.id}")
    )
    assert post(client, own, {"mode": "group", "version": "0"}).status_code == 422
    assert post(client, own, {"mode": "group", "version": "0", **pair}).status_code == 303
    with site_db.session() as session:
        people = session.execute(select(AllocationPerson.member_id, AllocationPerson.group_id)).all()
        assert (other[1].id, seat.group_id) in [tuple(one) for one in people]
    page = text_of(client.get("/admin/homework/allocation"))
    assert "responsible for the author" in page and "1 instructor" in page
    assert post(client, own, {"mode": "", "version": "1"}).status_code == 303
    with site_db.session() as session:
        assert len(session.scalars(select(AllocationPlan)).all()) == 1


def test_admins_give_works_to_others(visit, make, site_db, teacher, other, boss, work):
    make.allocation(course_id=work.course_id, mode="named", people={teacher[1].id: set()})
    for _n in range(3):
        make.submission(work)
    client, url = visit(boss[0]), "/admin/homework/allocation"
    assert "Teacher: 3 open works" in text_of(client.get(url))
    who = {"source": str(teacher[1].id), "target": str(other[1].id)}
    assert post(visit(teacher[0]), url, who).status_code == 403
    assert post(client, url, {**who, "target": who["source"]}).status_code == 422
    assert post(client, url, who).location == url
    assert "3 works have another reviewer now" in text_of(client.get(url))
    assert allocated(site_db) == [other[1].id] * 3
    post(client, url, {"source": who["target"], "target": "evenly"})
    assert set(allocated(site_db)) == {teacher[1].id, boss[1].id}
    post(client, url, {"source": who["source"], "target": "free"})
    assert None in allocated(site_db)


def test_the_workload_page(visit, make, site_db, teacher, boss, work):
    client, url = visit(boss[0]), "/admin/homework/workload"
    assert visit(teacher[0]).get(url).status_code == 403
    assert url in text_of(client.get("/admin/homework")) and url in text_of(client.get("/desk"))
    assert url not in text_of(visit(teacher[0]).get("/desk"))
    make.allocation(course_id=work.course_id)
    counts = []
    for many in (1, 8):
        for _n in range(many):
            make.submission(work)
            make.person(name=f"Judge {make.next()}", roles=("instructor",))
        client.get(url)
        with count_statements(site_db.engine) as seen:
            page = text_of(client.get(url))
        counts.append(seen.count)
    assert counts[0] == counts[1] and "Teacher" in page and "longest since" in page
    assert "待点评" in text_of(visit(boss[0], "zh").get(f"{url}?period=all"))
    lines = text_of(client.get("/admin/homework/workload.csv?period=season")).splitlines()
    assert lines[0].startswith("\ufeffInstructor") and len(lines) == 12


def test_the_sweep_gives_on_what_a_former_instructor_had(visit, make, app, site_db, teacher, other, work):
    make.allocation(course_id=work.course_id, mode="named", people={teacher[1].id: set(), other[1].id: set()})
    make.submission(work)
    assert allocated(site_db) == [teacher[1].id]
    with site_db.uow() as session:
        session.get_one(Member, teacher[1].id).roles = []
    with app.app_context():
        assert jobs_allocation.sweep(app.extensions["qunclub"]) == 1
        assert jobs_allocation.sweep(app.extensions["qunclub"]) == 0
    assert allocated(site_db) == [other[1].id]
