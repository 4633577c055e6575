"""The groups' pages: rules before paying, the way in after the covenant, the admin's desk."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from qunclub import groups
from qunclub.groups.models import Group, GroupLine, Seat
from qunclub.kernel import Actor, outbox
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

SYSTEM = Actor.system("test")


@pytest.fixture
def line(make):
    return make.group_line(
        slug="foundation",
        name="Foundation",
        name_pattern="Foundation {index}",
        capacities=[2, 3],
        posting_note="Questions at half past eight.",
        covenant_md="Be kind to each other.",
    )


@pytest.fixture
def member(make, client, line, site_db, now):
    """Somebody with a seat in Foundation 1, signed in."""
    account, row = make.person(name="Hua", number=True, nickname="Xiaohe", city="Hangzhou")
    make.seat(line, row)
    with site_db.uow() as session:
        group = session.scalars(select(Group).where(Group.index == 1)).one()
        groups.set_entry(
            session,
            group_id=group.id,
            entry_url="https://chat.example.com/join",
            entry_note="Say your number.",
            actor=SYSTEM,
            now=now,
        )
    sign_in(client, account)
    return row


@pytest.fixture
def admin(make, client):
    account, row = make.person(name="Boss", roles=("admin",))
    sign_in(client, account)
    return row


def test_a_visitor_reads_the_rules_before_paying(client, line):
    in_language(client, "en")
    page = text_of(client.get("/groups"))
    assert "Foundation" in page and "A pyramid" in page and "5 seats left" in page
    page = text_of(client.get("/groups/foundation"))
    for words in (
        "Questions at half past eight.",
        "Be kind to each other.",
        "number-nickname-city",
        "5 seats left",
    ):
        assert words in page
    assert "I have read it and accept" not in page
    assert "还剩 5 个席位" in text_of(in_language(client, "zh").get("/groups/foundation"))
    assert client.get("/groups/nothing").status_code == 404


def test_no_groups_says_what_to_do(client):
    assert "No groups yet" in text_of(in_language(client, "en").get("/groups"))


def test_the_way_in_opens_after_the_covenant(client, line, member):
    in_language(client, "en")
    page = text_of(client.get("/groups/foundation-1"))
    assert "chat.example.com" not in page and "Read the covenant below" in page
    assert client.get("/groups/foundation-1/entry.svg").status_code == 404

    answer = post(client, "/groups/foundation-1/covenant", {"version": 1})
    assert answer.status_code == 303
    page = text_of(client.get("/groups/foundation-1"))
    assert "https://chat.example.com/join" in page and "Say your number." in page
    assert f"{member.number}-Xiaohe-Hangzhou" in page
    assert "Muted by default" in page
    picture = client.get("/groups/foundation-1/entry.svg")
    assert picture.mimetype == "image/svg+xml" and picture.data.startswith(b"<svg")
    assert "no-store" in picture.headers["Cache-Control"]


def test_a_new_version_closes_the_way_in_again(client, line, member, site_db, now):
    in_language(client, "en")
    post(client, "/groups/foundation-1/covenant", {"version": 1})
    with site_db.uow() as session:
        groups.publish_covenant(session, line_id=line.id, body_md="Be kinder.", actor=SYSTEM, now=now)
    assert "chat.example.com" not in text_of(client.get("/groups/foundation-1"))
    answer = post(client, "/groups/foundation-1/covenant", {"version": 1}, follow_redirects=True)
    page = text_of(answer)
    assert answer.status_code == 200 and "newer version" in page and "Be kinder." in page
    page = text_of(client.get("/groups/foundation/covenant/2"))
    assert "Be kind to each other." in page and "Be kinder." in page and "<del>" in page
    assert client.get("/groups/foundation/covenant/3").status_code == 404


def test_strangers_and_other_groups_see_no_way_in(client, line, member, make):
    post(client, "/groups/foundation-1/covenant", {"version": 1})
    for _ in range(2):
        make.seat(line)
    assert "chat.example.com" not in text_of(client.get("/groups/foundation-2"))
    other, _row = make.person(number=True)
    sign_in(client, other)
    assert "chat.example.com" not in text_of(client.get("/groups/foundation-1"))
    assert client.get("/groups/foundation-1/entry.svg").status_code == 404
    assert post(client, "/groups/foundation-1/covenant", {"version": 1}).status_code == 403


def test_my_group_stands_first(client, line, member):
    page = text_of(in_language(client, "en").get("/groups"))
    assert "My groups" in page and f"{member.number}-Xiaohe-Hangzhou" in page
    assert client.get("/groups/foundation").location.endswith("/groups/foundation-1")


def test_who_waits_sees_the_place(client, make):
    line = make.group_line(slug="full", capacities=[1])
    make.seat(line)
    make.seat(line)
    account, row = make.person(number=True)
    make.seat(line, row)
    sign_in(client, account)
    page = text_of(in_language(client, "en").get("/groups/full"))
    assert "You are on the waiting list" in page and '<p class="qc-big">2</p>' in page
    assert '<p class="qc-big">2</p>' in text_of(client.get("/groups"))


def test_the_list_costs_the_same_with_many_lines(client, make, site_db, line):
    def cost():
        with count_statements(site_db.engine) as sent:
            client.get("/groups")
        return sent.count

    cost()
    before = cost()
    for _ in range(8):
        make.group_line(covenant_md="Rules")
    assert cost() == before


FORM = {
    "name": "New line",
    "slug": "new-line",
    "kind": "learner",
    "capacities": "2000x6, 1500, 1000",
    "allocation": "first",
    "open_at_once": "1",
    "offer_hours": "0",
    "posting": "staff",
    "posting_note": "Quiet.",
    "nickname_rule": "{number}-{nickname}",
    "covenant_md": "Be kind.",
}


def test_an_admin_makes_a_line(client, admin, site_db):
    assert client.get("/admin/groups/new").status_code == 200
    answer = post(client, "/admin/groups/new", FORM)
    assert answer.status_code == 303
    page = text_of(in_language(client, "en").get(answer.location))
    assert "2000x6, 1500, 1000" in page and "14,500" in page and "Be kind." in page
    with site_db.session() as session:
        assert session.scalars(select(GroupLine)).one().capacities == [2000] * 6 + [1500, 1000]
    assert "New line" in text_of(client.get("/admin/groups"))


def test_what_cannot_be_kept_is_said_on_its_field(client, admin, site_db):
    in_language(client, "en")
    answer = post(client, "/admin/groups/new", {**FORM, "capacities": "many"})
    assert answer.status_code == 422
    page = text_of(answer)
    assert "Write the seats of each group like" in page and "Quiet." in page
    answer = post(client, "/admin/groups/new", {**FORM, "slug": "No Good"})
    assert answer.status_code == 422 and "Use small letters" in text_of(answer)


def test_an_admin_changes_a_line_and_a_stale_save_is_refused(client, admin, line, site_db):
    in_language(client, "en")
    path = f"/admin/groups/{line.id}/edit"
    page = text_of(client.get(path))
    assert 'value="2, 3"' in page
    change = {**FORM, "slug": "foundation", "name": "Renamed", "capacities": "9", "version": "1"}
    assert post(client, path, change).status_code == 303
    stale = post(client, path, {**change, "name": "Mine"})
    assert stale.status_code == 409
    assert "Somebody else saved" in text_of(stale) and 'value="Mine"' in text_of(stale)
    assert post(client, path, {**change, "name": "Mine", "version": "2"}).status_code == 303
    with site_db.session() as session:
        assert session.get_one(GroupLine, line.id).name == "Mine"


def test_a_lines_page_leads_to_its_hours_and_to_what_members_see(client, admin, line):
    in_language(client, "en")
    page = text_of(client.get(f"/admin/groups/{line.id}"))
    for path in (f"/desk/quiet/lines/{line.id}", "/groups/foundation"):
        assert f'href="{path}"' in page and client.get(path).status_code == 200


def test_a_line_of_members_is_offered_as_no_file(client, admin, line, site_db):
    in_language(client, "en")
    path = f"/admin/template/line/{line.id}.json"
    assert path in text_of(client.get(f"/admin/groups/{line.id}")) and client.get(path).status_code == 200
    with site_db.uow() as session:
        session.get_one(GroupLine, line.id).kind = "spin_off"
    assert path not in text_of(client.get(f"/admin/groups/{line.id}")) and client.get(path).status_code == 404


def test_an_admin_publishes_a_covenant_and_says_the_way_in(client, admin, line, site_db):
    in_language(client, "en")
    path = f"/admin/groups/{line.id}/covenant"
    assert "Be kind to each other." in text_of(client.get(path))
    assert post(client, path, {"body_md": "Be kinder."}).status_code == 303
    assert "version 2" in text_of(client.get(f"/admin/groups/{line.id}"))
    fragment = post(client, "/admin/groups/preview", {"body_md": "**bold**"}, htmx=True)
    assert "<strong>bold</strong>" in text_of(fragment)
    with site_db.session() as session:
        group_id = session.scalars(select(Group.id)).first()
    path = f"/desk/chats/{group_id}/way-in"
    assert path in text_of(client.get(f"/admin/groups/{line.id}"))
    assert client.get(path).status_code == 200
    assert post(client, path, {"kind": "other", "entry_url": "ftp://x"}).status_code == 422
    assert post(client, path, {"kind": "other", "entry_url": "https://chat.example.com"}).status_code == 303


def test_an_admin_finds_and_removes_a_member(client, admin, line, make, site_db):
    in_language(client, "en")
    account, row = make.person(name="Zhang San", number=True)
    seat = make.seat(line, row)
    base = f"/admin/groups/{line.id}/seats"
    assert "Zhang San" in text_of(client.get(f"{base}?q=Zhang&state=admitted"))
    assert "Zhang San" in text_of(client.get(f"{base}?q={row.number}"))
    assert "No seat found" in text_of(client.get(f"{base}?q=Nobody"))
    assert "No seat found" in text_of(client.get(f"{base}?q={'9' * 40}"))
    table = text_of(client.get(f"{base}.csv"))
    assert table.splitlines()[0].startswith("\ufeffseat,state") and "Zhang San" in table

    path = f"/admin/groups/seats/{seat.id}/remove"
    page = text_of(client.get(path))
    assert "The pass and the courses it opens" in page
    assert post(client, path, {"reason": ""}).status_code == 422
    assert post(client, path, {"reason": "Advertising"}).status_code == 303
    late = post(client, path, {"reason": "Spamming too"})
    assert late.status_code == 409 and "Spamming too" in text_of(late), "what was typed stays"
    assert "This seat has ended already." in text_of(late)
    late = post(
        client, f"/admin/groups/seats/{seat.id}/priority", {"priority": "3", "reason": "An old friend"}
    )
    assert late.status_code == 409 and "An old friend" in text_of(late)
    assert "Only who waits has a place on the list." in text_of(late)
    with site_db.session() as session:
        assert session.get_one(Seat, seat.id).state == "removed"
        mails = session.scalars(select(outbox.OutboxMessage)).all()
        assert [mail.payload["to"] for mail in mails] == [account.email]


ADMIN = [
    "/admin/groups",
    "/admin/groups/new",
    "/admin/groups/1",
    "/admin/groups/1/edit",
    "/admin/groups/1/seats",
]


@pytest.mark.parametrize("path", ADMIN)
def test_members_do_not_reach_the_admins_pages(client, member, path):
    assert client.get(path).status_code == 403


def test_strangers_are_sent_to_sign_in(client):
    assert client.get("/admin/groups").status_code == 303


def test_the_mails_speak_the_members_language(app, client, make, site_db, now):
    from qunclub import jobs

    line = make.group_line(slug="one", name="One", capacities=[1])
    first, second = make.member(number=True, locale="en"), make.member(number=True, locale="zh")
    seat = make.seat(line, first)
    make.seat(line, second)
    with site_db.uow() as session:
        groups.remove_member(session, seat_id=seat.id, reason="Advertising", actor=SYSTEM, now=now)
    with app.app_context():
        sent = []
        state = app.extensions["qunclub"]
        state.mailer = type("Kept", (), {"send": lambda self, message: sent.append(message)})()
        assert jobs.dispatch(state) == 2
    by_address = {message.to: message for message in sent}
    assert (
        "Advertising" in by_address[first.email].body
        and "no longer in One 1" in by_address[first.email].subject
    )
    assert "有你的席位了" in by_address[second.email].subject
    assert "/groups/one-1" in by_address[second.email].body
