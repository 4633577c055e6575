"""The pages about moving, merging and splitting: what they say, to whom, and what is refused."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from sqlalchemy import select, update

from qunclub import board
from qunclub.groups import entry, jobs, services_split
from qunclub.groups.models import Group, GroupLine, Seat
from qunclub.groups.models_hosts import GroupHost
from qunclub.groups.models_moving import MoveRequest
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements


@pytest.fixture
def class_(make, site_db):
    """Two groups; the first holds Hua and Ming, the second Lan; and an admin."""
    line = make.group_line(
        slug="class",
        name="Class",
        name_pattern="Class {index}",
        capacities=[4, 4],
        open_at_once=2,
        allocation="even",
    )
    accounts = {}
    for name in ("Hua", "Lan", "Ming"):
        accounts[name], member = make.person(
            name=name, number=True, city="Wuhan" if name == "Ming" else "Xian"
        )
        make.seat(line, member)
    accounts["Boss"], _boss = make.person(name="Boss", roles=("admin",))
    with site_db.session() as session:
        ids = session.scalars(select(Group.id).where(Group.line_id == line.id).order_by(Group.index)).all()
        seats = session.scalars(select(Seat.id).where(Seat.line_id == line.id).order_by(Seat.id)).all()
    return line, accounts, ids, dict(zip(("Hua", "Lan", "Ming"), seats, strict=True))


def let_them(site_db, line, how):
    with site_db.uow() as session:
        session.get_one(GroupLine, line.id).moving = how


def english(client, account):
    sign_in(client, account)
    in_language(client, "en")


def test_an_admin_moves_somebody(class_, client, site_db):
    line, accounts, (_one, other), seats = class_
    english(client, accounts["Hua"])
    assert client.get(f"/desk/moves/seats/{seats['Hua']}").status_code == 403
    english(client, accounts["Boss"])
    assert f"/desk/moves/seats/{seats['Hua']}" in text_of(client.get(f"/admin/groups/{line.id}/seats"))
    page = text_of(client.get(f"/desk/moves/seats/{seats['Hua']}"))
    assert "Class 2 · 3 of 4 seats are free" in page and "one and the same" in page
    wrong = post(client, f"/desk/moves/seats/{seats['Hua']}", {"to": str(other)})
    assert wrong.status_code == 422
    done = post(
        client,
        f"/desk/moves/seats/{seats['Hua']}",
        {"to": str(other), "reason": "Near"},
        follow_redirects=True,
    )
    assert "Hua is moved and told why." in text_of(done)
    assert "Moves of this seat" in text_of(client.get(f"/desk/moves/seats/{seats['Hua']}"))
    english(client, accounts["Hua"])
    with count_statements(site_db.engine) as seen:
        page = text_of(client.get("/groups/class-2"))
    assert "You came here from Class 1" in page and "Near" in page and seen.count < 40, seen
    in_language(client, "zh")
    assert "从 Class 1 换到这里" in text_of(client.get("/groups/class-2"))


def test_courses_that_close_with_a_move_are_named_before(class_, client, site_db, monkeypatch):
    line, accounts, (one, _other), seats = class_
    monkeypatch.setattr(
        entry, "OPENED_BY", [lambda _session, group_id: ["Charts"] if group_id == one else []]
    )
    let_them(site_db, line, "free")
    said = "If neither the pass nor the other group opens them, they close: Charts."
    english(client, accounts["Hua"])
    assert said in text_of(client.get(f"/groups/seats/{seats['Hua']}/move"))
    english(client, accounts["Boss"])
    for path in (
        f"/desk/moves/seats/{seats['Hua']}",
        *(f"/admin/groups/groups/{one}/{do}" for do in ("merge", "split")),
    ):
        assert said in text_of(client.get(path)), path
    assert said not in text_of(client.get(f"/desk/moves/seats/{seats['Lan']}"))


def test_a_member_asks_and_a_host_answers(class_, client, site_db, make, now):
    line, accounts, (one, other), seats = class_
    path = f"/groups/seats/{seats['Hua']}/move"
    english(client, accounts["Hua"])
    assert "members do not choose their group" in text_of(client.get(path))
    assert post(client, path, {"to": str(other), "words": "x"}).status_code == 409
    let_them(site_db, line, "ask")
    assert path in text_of(client.get("/groups/class-1"))
    wrong = post(client, path, {"to": str(other), "words": ""})
    assert wrong.status_code == 422 and "Say why" in text_of(wrong)
    done = post(client, path, {"to": str(other), "words": "My brother"}, follow_redirects=True)
    assert "You wish to move to Class 2" in text_of(done)
    english(client, accounts["Ming"])
    assert client.get(path).status_code == 404
    host, row = make.person(name="Doorman", roles=("host",))
    english(client, host)
    assert "My brother" in text_of(client.get("/desk/moves"))
    with site_db.uow() as session:
        session.add(GroupHost(group_id=one, member_id=row.id, since=now))
        request = session.scalars(select(MoveRequest.id)).one()
    assert "Nobody wishes to move" in text_of(client.get("/desk/moves"))
    assert client.get(f"/desk/moves/{request}").status_code == 403
    with site_db.uow() as session:
        session.add(GroupHost(group_id=other, member_id=row.id, since=now))
    assert post(client, f"/desk/moves/{request}", {"decline": "1"}).status_code == 422
    done = post(client, f"/desk/moves/{request}", {"grant": "1"}, follow_redirects=True)
    assert "They are moved and told." in text_of(done)
    assert post(client, f"/desk/moves/{request}", {"grant": "1"}).status_code == 409
    english(client, accounts["Hua"])
    assert "You wished to move." in text_of(client.get("/groups/class-2"))


def test_a_member_stays_after_all_or_moves_where_it_is_free(class_, client, site_db):
    line, accounts, (_one, other), seats = class_
    path = f"/groups/seats/{seats['Hua']}/move"
    let_them(site_db, line, "ask")
    english(client, accounts["Hua"])
    post(client, path, {"to": str(other), "words": "Please"})
    assert "You stay where you are." in text_of(post(client, f"{path}/withdraw", {}, follow_redirects=True))
    let_them(site_db, line, "free")
    assert "You move at once" in text_of(client.get(path))
    assert "You have moved." in text_of(post(client, path, {"to": str(other)}, follow_redirects=True))
    with site_db.session() as session:
        assert session.get_one(Seat, seats["Hua"]).group_id == other


def test_a_merge_is_looked_at_then_done_and_the_old_address_leads_on(class_, client, site_db, make, now):
    _line, accounts, (one, other), _seats = class_
    english(client, accounts["Hua"])
    assert client.get(f"/admin/groups/groups/{other}/merge").status_code == 403
    english(client, accounts["Boss"])
    page = text_of(client.get(f"/admin/groups/groups/{other}/merge"))
    assert "1 seat goes over" in page and "Lan" in page and "3 of them together" in page
    small = post(
        client, f"/admin/groups/groups/{other}/merge", {"into": str(one), "reason": "Quiet", "capacity": "2"}
    )
    assert small.status_code == 422 and "at least 3" in text_of(small) and "Quiet" in text_of(small)
    done = post(
        client,
        f"/admin/groups/groups/{other}/merge",
        {"into": str(one), "reason": "Quiet"},
        follow_redirects=True,
    )
    assert "Moved and told: 1." in text_of(done) and "merged into Class 1" in text_of(done)
    assert "closed already" in text_of(client.get(f"/admin/groups/groups/{other}/merge"))
    english(client, accounts["Lan"])
    page = text_of(client.get("/groups/class-2", follow_redirects=True))
    assert "Class 2 was merged into Class 1." in page and "/groups/class-2/board" in page
    assert client.get("/groups/class-2/board").status_code == 200
    refused = post(client, "/groups/class-2/board", {"body_md": "Anybody there?"})
    assert "merged into another" in text_of(refused)
    english(client, accounts["Hua"])
    assert client.get("/groups/class-2/board").status_code == 200
    with site_db.session() as session:
        ident = session.get_one(Seat, _seats["Lan"]).member_id
        assert [one.name for one in board.my_boards(session, ident)] == ["Class 1"]


def test_a_split_is_looked_at_announced_called_off_and_done(class_, client, site_db, clock, app):
    _line, accounts, (one, _other), seats = class_
    path = f"/admin/groups/groups/{one}/split"
    english(client, accounts["Hua"])
    assert client.get(path).status_code == 403
    english(client, accounts["Boss"])
    page = text_of(client.get(path))
    assert "Wuhan 1" in page and "Look who would go" in page
    typed = {
        "way": "city",
        "key": "Wuhan",
        "numbers": "",
        "capacity": "4",
        "days": "3",
        "reason": "Too loud",
        "seed": "S",
    }
    wrong = post(client, path, {**typed, "key": "Oslo"})
    assert wrong.status_code == 422 and "nobody goes" in text_of(wrong) and "Too loud" in text_of(wrong)
    page = text_of(post(client, path, typed))
    assert "Go into the new group" in page and "Ming" in page and "Announce it" in page
    seal = page.split('name="seal"')[1].split('value="')[1].split('"')[0]
    stale = post(client, path, {**typed, "seal": "old", "announce": "1"})
    assert stale.status_code == 409 and "Somebody came or left" in text_of(stale)
    page = text_of(post(client, path, {**typed, "seal": seal, "announce": "1"}, follow_redirects=True))
    assert "Announced for" in page and "1 member goes into a new group." in page
    english(client, accounts["Ming"])
    assert "You go to the new group" in text_of(client.get("/groups/class-1"))
    english(client, accounts["Hua"])
    assert "You stay here." in text_of(client.get("/groups/class-1"))
    english(client, accounts["Boss"])
    assert "Call it off first" in text_of(
        post(client, f"/admin/groups/groups/{one}/merge", {"into": str(_other), "reason": "x"})
    )
    off = post(client, f"{path}/1/off", {"reason": "You wished it"}, follow_redirects=True)
    assert "Called off" in text_of(off)
    post(client, path, {**typed, "seal": seal, "announce": "1"})
    clock.now += dt.timedelta(days=3)
    with app.app_context():
        assert jobs.split_due(app.extensions["qunclub"]) == 1
        assert jobs.split_due(app.extensions["qunclub"]) == 0
    with site_db.session() as session:
        seat = session.get_one(Seat, seats["Ming"])
        assert seat.group_id is not None and session.get_one(Group, seat.group_id).name == "Class 3"
        assert services_split.due(session, clock.now) is None


def test_the_navigation_counts_the_wishes_that_one_may_answer(class_, client, site_db, make, now):
    _line, accounts, (one, other), seats = class_
    host_account, _host = make.person(name="Host", roles=("host",))
    some_account, some = make.person(name="Some", roles=("host",))
    with site_db.uow() as session:
        for name, state in (("Hua", "open"), ("Ming", "open"), ("Lan", "declined")):
            seat = session.get_one(Seat, seats[name])
            here = seat.group_id
            session.add(
                MoveRequest(
                    seat_id=seat.id, member_id=seat.member_id, from_id=here,
                    to_id=other if here == one else one, words="", state=state, asked_at=now,
                )
            )  # fmt: skip
        session.add(GroupHost(group_id=one, member_id=some.id, since=now))

    def counted(account):
        english(client, account)
        client.get("/desk/moves")
        with count_statements(site_db.engine) as seen:
            page = text_of(client.get("/desk/moves"))
        found = re.search(
            r'href="/desk/moves"[^>]*>.*?Moves(?: <span class="qc-count">(\d+)</span>)?</a>', page
        )
        assert found is not None
        return int(found[1] or 0), seen.count

    assert counted(accounts["Boss"])[0] == counted(host_account)[0] == 2
    assert counted(some_account)[0] == 0, "a host of one group answers none between two"
    with site_db.uow() as session:
        session.add(GroupHost(group_id=other, member_id=some.id, since=now))
    two, before = counted(some_account)
    with site_db.uow() as session:
        session.execute(update(MoveRequest).values(state="open"))
    three, after = counted(some_account)
    assert (two, three) == (2, 3) and before == after
