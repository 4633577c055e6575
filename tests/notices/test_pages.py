"""The bell, the list, the choices, and the link in a mail that ends such mails."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from qunclub import groups, jobs, notices
from qunclub.kernel import Actor
from qunclub.members.models import Member
from qunclub.notices import queries
from qunclub.notices.models import Notice
from qunclub.web.state import club
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

SYSTEM = Actor.system("test")


@pytest.fixture
def member(make, client):
    account, row = make.person(name="Hua", number=True, nickname="Xiaohe")
    in_language(sign_in(client, account), "en")
    return row


@pytest.fixture
def other(make):
    return make.member(name="Ada", number=True)


def tell(db, now, member, *, n=1, **more):
    with db.uow() as session:
        for place in range(n):
            notices.notify(
                session,
                members=[member.id],
                **{
                    "kind": "mention",
                    "source": f"board:{place}",
                    "facts": {"group": "Foundation 1"},
                    "endpoint": "qunclub.groups.index",
                    "now": now,
                    **more,
                },
            )


class Letters:
    """A mailer that remembers."""

    def __init__(self):
        self.sent = []

    def send(self, message):
        self.sent.append(message)


@pytest.fixture
def letters(app):
    app.extensions["qunclub"].mailer = found = Letters()
    return found


def dispatch(app):
    with app.app_context():
        return jobs.dispatch(club())


def test_the_bell_counts(client, member, other, site_db, now):
    assert "unread" not in text_of(client.get("/groups"))
    tell(site_db, now, member, n=2, by=other.id)
    page = text_of(client.get("/groups"))
    assert "Notices: 2 unread" in page
    page = text_of(client.get("/notices"))
    assert page.count("Ada mentioned you in Foundation 1.") == 2 and "Mark all as read" in page
    assert "Ada 在 Foundation 1 提到了你" in text_of(in_language(client, "zh").get("/notices"))


@pytest.mark.parametrize("path", ["/desk/away", "/admin/seasons"])
def test_the_bell_is_on_pages_with_a_me_of_their_own(client, make, site_db, now, path):
    account, row = make.person(name="Boss", number=True, roles=("admin",))
    in_language(sign_in(client, account), "en")
    tell(site_db, now, row)
    assert "Notices: 1 unread" in text_of(client.get(path))


def test_a_list_costs_the_same_however_long_and_the_bell_nothing(client, app, member, site_db, now):
    client.get("/notices")
    with count_statements(site_db.engine):
        pass
    from app import db as site

    with app.app_context():
        engine = site.engine
    tell(site_db, now, member)
    with count_statements(engine) as few:
        client.get("/notices")
    tell(site_db, now, member, n=60)
    with count_statements(engine) as many:
        client.get("/notices")
    assert many.count == few.count <= 3, many


def test_opening_one_marks_it_and_leads_there(client, make, member, site_db, now):
    tell(site_db, now, member, n=2)
    with site_db.session() as session:
        ident = session.scalars(select(Notice.id).order_by(Notice.id)).first()
    answer = post(client, f"/notices/{ident}/open")
    assert answer.status_code == 303 and answer.headers["Location"] == "/groups"
    assert "Notices: 1 unread" in text_of(client.get("/groups"))
    # Another's is nobody's business.
    account, _row = make.person(name="Eve", number=True)
    assert post(sign_in(client, account), f"/notices/{ident}/open").status_code == 404


def test_all_are_read_up_to_what_was_on_the_page(client, member, site_db, now):
    tell(site_db, now, member, n=3)
    with site_db.session() as session:
        ids = session.scalars(select(Notice.id).order_by(Notice.id)).all()
    post(client, "/notices/read", {"upto": ids[1]})
    assert "Notices: 1 unread" in text_of(client.get("/groups"))


def test_a_page_that_is_no_more_leads_to_the_list(client, member, site_db, now):
    tell(site_db, now, member, endpoint="qunclub.gone.away")
    with site_db.session() as session:
        ident = session.scalar(select(Notice.id))
    assert post(client, f"/notices/{ident}/open").headers["Location"] == "/notices"


def test_nothing_yet(client, member):
    assert "Nothing yet" in text_of(client.get("/notices"))


def test_choices(client, member, site_db, now):
    page = text_of(client.get("/notices/choices"))
    assert "Somebody mentions me" in page and 'name="removal"' not in page and "Removal from a group" in page
    assert post(client, "/notices/choices", {"mention": "none", "reply": "all"}).status_code == 303
    with site_db.session() as session:
        ways = queries.ways(session, member.id)
    assert ways["mention"] == "none" and ways["reply"] == "all" and ways["announcement"] == "all"
    answer = post(client, "/notices/choices", {"removal": "none"})
    assert answer.status_code == 422 and "always told" in text_of(answer)
    assert post(client, "/notices/choices", {"mention": "shout"}).status_code == 422


def test_strangers_sign_in_first(client):
    for path in ("/notices", "/notices/choices"):
        assert client.get(path).status_code == 303
    assert post(client, "/notices/read").status_code == 303


def test_the_mail_and_the_link_that_ends_it(app, client, member, other, site_db, now, letters):
    tell(site_db, now, member, by=other.id)
    dispatch(app)
    (letter,) = letters.sent
    assert letter.to == member.email and "Ada" in letter.subject
    headers = dict(letter.headers)
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    (link,) = re.findall(r"/notices/off/[\w.-]+", headers["List-Unsubscribe"])
    assert link in letter.body
    stranger = in_language(app.test_client(), "en")
    # Looking changes nothing: mail scanners follow links.
    assert "No more such mails" in text_of(stranger.get(link))
    with site_db.session() as session:
        assert queries.ways(session, member.id)["mention"] == "all"
    # One click, as a mail program sends it: no cookie, no token of ours.
    answer = app.test_client().post(link, data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    tell(site_db, now, member, source="later")
    dispatch(app)
    assert len(letters.sent) == 1
    with site_db.session() as session:
        assert session.scalar(select(Member.notices_unread).where(Member.id == member.id)) == 2
    assert stranger.get(link[:-1] + ("A" if link[-1] != "A" else "B")).status_code == 404


def test_what_was_read_or_silenced_meanwhile_is_not_mailed(app, client, member, other, site_db, now, letters):
    tell(site_db, now, member, n=2)
    tell(site_db, now, other)
    with site_db.uow() as session:
        notices.mark_read(session, member_id=member.id, upto=10**6, now=now)
        notices.choose(session, member_id=other.id, ways={"mention": "app"})
    dispatch(app)
    assert letters.sent == []


def test_what_is_always_told_has_no_link_to_end_it(app, client, member, site_db, now, letters):
    tell(site_db, now, member, kind="money", facts={"title": "The pass"}, endpoint="")
    dispatch(app)
    assert letters.sent[0].headers == () and "/notices/off/" not in letters.sent[0].body


PRIZE = {"name": "Hua", "contest": "Slides", "slug": "slides", "entry": "Blue", "place": 1, "prize": "A pen"}


def test_a_letter_that_may_be_silenced_ends_with_how(app, client, make, site_db, now, letters):
    """Mails of the rooms, not only those of the bell: a line for people, headers for mail programs."""
    member = make.member(email="hua@x.example")
    for place in range(2):
        with site_db.uow() as session:
            notices.letter(
                session, member=member.id, template="contest_prize", context=PRIZE, key=f"prize:{place}",
                locale="en" if place else "zh", now=now,
            )  # fmt: skip
        dispatch(app)
        if not place:
            (first,) = letters.sent
            assert "想收到哪些消息、怎么收" in first.body and "比赛" in first.body
    letter = letters.sent[1]
    headers = dict(letter.headers)
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    (link,) = re.findall(r"/notices/off/[\w.-]+", headers["List-Unsubscribe"])
    end = letter.body[letter.body.index("You get this mail for: Prizes in contests. No more such mails:") :]
    assert link in end and "/notices/choices" in end and "Choose what you are told, and how:" in end
    stranger = app.test_client()
    assert stranger.get(link).status_code == 200
    assert stranger.post(link, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    with site_db.session() as session:
        assert queries.ways(session, member.id)["contest"] == "app"
    with site_db.uow() as session:
        notices.letter(
            session, member=member.id, template="contest_prize", context=PRIZE, key="prize:3", now=now
        )
    dispatch(app)
    assert len(letters.sent) == 2


def test_letters_about_money_and_to_strangers_end_with_no_such_link(app, make, site_db, now, letters):
    member = make.member(email="hua@x.example")
    said = {"name": "Hua", "line": "Class", "slug": "class"}
    with site_db.uow() as session:
        notices.letter(session, member=member.id, template="seat_offer_over", context=said, key="1", now=now)
        notices.letter(
            session, member=None, to="s@x.example", locale="en", template="contest_prize", context=PRIZE,
            key="2", now=now,
        )  # fmt: skip
    dispatch(app)
    assert len(letters.sent) == 2
    for one in letters.sent:
        assert one.headers == () and "/notices/off/" not in one.body


def test_a_new_covenant_is_told_to_the_whole_line(app, make, site_db, now, letters, monkeypatch):
    from qunclub.groups import services_covenant
    from qunclub.notices import services

    monkeypatch.setattr(services, "BATCH", 2)
    line = make.group_line(capacities=[5], covenant_md="Be kind.")
    seats = [make.seat(line) for _ in range(5)]
    with site_db.uow() as session:
        groups.publish_covenant(session, line_id=line.id, body_md="Be kinder.", actor=SYSTEM, now=now)
        while services_covenant.tell_next(session, now=now, limit=2) is not None:
            pass
    for _step in range(3):
        dispatch(app)
    with site_db.session() as session:
        told = session.scalars(select(Notice.member_id).where(Notice.kind == "covenant")).all()
    assert sorted(told) == sorted(seat.member_id for seat in seats)
    assert len(letters.sent) == 5


def test_what_waits_for_an_admin_is_listed_for_admins_only(client, make, site_db):
    account, row = make.person(name="Bo", number=True)
    in_language(sign_in(client, account), "en")
    assert "What waits for an admin" not in text_of(client.get("/notices/choices"))
    with site_db.uow() as session:
        session.get_one(Member, row.id).roles = ["admin"]
    assert "What waits for an admin" in text_of(client.get("/notices/choices"))


@pytest.mark.parametrize("mark", [22 * "群", "²" * 24, "x" * 32, "x"])
def test_a_link_that_is_none_of_ours_is_no_fault(client, mark):
    for path in (f"/notices/off/7.mention.{mark}", f"/notices/off/{mark}"):
        assert (client.get(path).status_code, client.post(path).status_code) == (404, 404)
