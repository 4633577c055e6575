"""The pages of the door: standing at one, forcing, who came, photos, the card for the wallet, hosts of groups."""

from __future__ import annotations

import io

import pytest
import segno
from PIL import Image
from sqlalchemy import select

from qunclub import groups
from qunclub.groups.models import Group, Seat
from qunclub.kernel import Actor, Invalid
from qunclub.passes import codes, tickets
from qunclub.passes.models import EntryTicket
from qunclub.passes.models_door import TicketCheck
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

SYSTEM = Actor.system("test")
AGENT = {"User-Agent": "Mozilla/5.0 (Linux; Android 14) Chrome/126"}


@pytest.fixture
def two(make):
    """(account of the owner, ticket) in the groups of two lines."""
    found = []
    for name in ("One", "Two"):
        account, member = make.person(name=f"Of {name}", nickname=f"Nick {name}")
        line = make.group_line(slug=name.lower(), name=name, name_pattern="Group " + name + " {index}")
        make.pass_(make.plan(line=line), member)
        found.append((account, member))
    return found


@pytest.fixture
def signed(app, site_db, two):
    """The signed codes of both."""
    secret = app.extensions["qunclub"].secret
    with site_db.session() as session:
        rows = session.scalars(select(EntryTicket).order_by(EntryTicket.id)).all()
        return [tickets.sign(row.code, secret) for row in rows]


@pytest.fixture
def group_ids(site_db, two):
    with site_db.session() as session:
        return list(session.scalars(select(Group.id).order_by(Group.id)))


@pytest.fixture
def host(make, client):
    account, member = make.person(name="Host", nickname="Hosty", roles=("host",))
    in_language(sign_in(client, account), "en")
    return member


def photo_of(text, **drawn):
    """A picture of *text* as a QR code, as a phone takes it: JPEG, a little turned."""
    buffer = io.BytesIO()
    segno.make(text, micro=False).save(buffer, kind="png", scale=8, border=4)
    picture = Image.open(buffer).convert("L").rotate(drawn.get("turned", 7), fillcolor=255, expand=True)
    out = io.BytesIO()
    picture.convert("RGB").save(out, "JPEG", quality=70)
    return out.getvalue()


def checks(site_db):
    with site_db.session() as session:
        return [
            (row.outcome, row.way) for row in session.scalars(select(TicketCheck).order_by(TicketCheck.id))
        ]


def test_a_host_stands_at_a_door_and_sees_who_came(client, host, signed, group_ids, site_db):
    page = text_of(client.get("/door"))
    assert "The door at which you stand" in page and "Who came" not in page
    assert client.get("/door/log").status_code == 404
    page = text_of(post(client, "/door/at", {"group": group_ids[0]}, follow_redirects=True))
    assert "You stand at the door of Group One 1." in page and "Nobody has shown a ticket" in page
    post(client, f"/t/{signed[0]}", {"way": "camera"}, headers=AGENT)
    page = text_of(client.get(f"/t/{signed[1]}"))
    assert "This ticket is for Group Two 1" in page and "Nick Two" not in page and "Admit, once" not in page
    page = text_of(post(client, f"/t/{signed[1]}", follow_redirects=True))
    assert "Not admitted: the ticket is for Group Two 1." in page
    assert post(client, "/door", {"code": "000000000000"}).status_code == 422
    assert post(client, "/door", {"code": signed[0]}).status_code == 303
    page = text_of(client.get("/door/log"))
    for wanted in (
        "Nick One",
        "Hosty",
        "camera",
        "Android",
        "Entered by ticket",
        "A ticket of another group",
    ):
        assert wanted in page, wanted
    assert "Nick Two" not in page
    assert checks(site_db) == [
        ("admitted", "camera"), ("other_group", "scan"), ("unknown", "typed"), ("used", "typed"),
    ]  # fmt: skip
    rows = text_of(client.get("/door/log.csv")).splitlines()
    assert rows[0].lstrip("\ufeff").startswith("check,at") and len(rows) == 5
    assert "Nick One" in rows[-1] and not any("Nick Two" in row for row in rows)
    page = text_of(post(client, "/door/at", {"group": ""}, follow_redirects=True))
    assert "You stand at no door in particular." in page


def test_a_door_of_others_cannot_be_chosen(client, host, signed, group_ids, site_db, now):
    with site_db.uow() as session:
        groups.add_host(
            session, group_id=group_ids[0], who=str(_number(session, host)), now=now, actor=SYSTEM
        )
    assert post(client, "/door/at", {"group": group_ids[1]}).status_code == 404
    page = text_of(client.get("/door"))
    assert "Group One 1" in page and "The door at which you stand" not in page, "there is nothing to choose"
    assert "This ticket is for Group Two 1" in text_of(client.get(f"/t/{signed[1]}"))


def test_a_host_of_one_group_opens_no_ticket_and_no_chat_of_another(
    client, host, signed, group_ids, site_db, make, now
):
    with site_db.uow() as session:
        groups.add_host(
            session, group_id=group_ids[0], who=str(_number(session, host)), now=now, actor=SYSTEM
        )
        mine, others = session.scalars(select(EntryTicket.id).order_by(EntryTicket.id))
        for group in session.scalars(select(Group)):
            group.entry_url = "https://qm.qq.com/x"
    for tail, found in (("", 200), (".svg", 200), ("/card", 200)):
        assert client.get(f"/me/ticket/{mine}{tail}").status_code == found
        assert client.get(f"/me/ticket/{others}{tail}").status_code == 404
    assert client.get("/groups/one-1/entry.svg").status_code == 200
    assert client.get("/groups/two-1/entry.svg").status_code == 404


def _number(session, member):
    from qunclub.members.models import Member

    row = session.get_one(Member, member.id)
    if row.number is None:
        row.number = 4242
        session.flush()
    return row.number


def test_a_forced_entry_asks_for_a_reason(client, host, signed, group_ids):
    post(client, f"/t/{signed[0]}")
    page = text_of(client.get(f"/t/{signed[0]}"))
    assert "Let them in all the same" in page and "by Hosty" in page
    answer = post(client, f"/t/{signed[0]}/force", {"reason": ""})
    assert answer.status_code == 422 and "Why you let them in" in text_of(answer)
    page = text_of(
        post(client, f"/t/{signed[0]}/force", {"reason": "Went out for a call"}, follow_redirects=True)
    )
    assert "Let in: Nick One." in page
    post(client, "/door/at", {"group": group_ids[0]})
    assert "Went out for a call" in text_of(client.get("/door/log"))


def test_who_was_removed_is_not_let_in_by_a_host(client, app, make, host, signed, site_db, now):
    with site_db.uow() as session:
        seat = session.scalars(select(Seat).order_by(Seat.id)).first()
        groups.remove_member(session, seat_id=seat.id, reason="Spam", actor=SYSTEM, now=now)
    assert "Let them in all the same" not in text_of(client.get(f"/t/{signed[0]}"))
    assert post(client, f"/t/{signed[0]}/force", {"reason": "A friend"}).status_code == 409
    admin = in_language(sign_in(app.test_client(), make.account(roles=("admin",))), "en")
    assert "Let them in all the same" in text_of(admin.get(f"/t/{signed[0]}"))
    assert post(admin, f"/t/{signed[0]}/force", {"reason": "Their coat"}).status_code == 303


def test_the_door_is_for_hosts(client, two, signed):
    sign_in(client, two[0][0])
    for path in ("/door/log", "/door/log.csv"):
        assert client.get(path).status_code == 403
    for path in ("/door/at", "/door/read", "/door/photo", f"/t/{signed[0]}/force"):
        assert post(client, path).status_code == 403


def test_the_door_costs_the_same_with_many_checks(client, host, signed, group_ids, site_db):
    post(client, "/door/at", {"group": group_ids[0]})
    post(client, f"/t/{signed[0]}")
    client.get("/door")
    with count_statements(site_db.engine) as few:
        client.get("/door")
        client.get("/door/log")
    for _ in range(12):
        post(client, f"/t/{signed[0]}")
    with count_statements(site_db.engine) as many:
        client.get("/door")
        client.get("/door/log")
    assert many.count == few.count, many


# ---- reading pictures ----


def test_a_frame_of_the_camera_leads_to_the_ticket(client, host, signed, site_db):
    frame = {"frame": (io.BytesIO(photo_of(f"https://club.example/t/{signed[0]}")), "frame.jpg")}
    answer = post(client, "/door/read", frame)
    assert answer.json == {"page": f"/t/{signed[0]}?way=camera"}
    assert post(client, "/door/read", {"text": signed[0]}).json == answer.json, (
        "what the browser itself has read"
    )
    wrong = photo_of("hello")
    assert post(client, "/door/read", {"frame": (io.BytesIO(wrong), "f.jpg")}).status_code == 404
    again = {"frame": (io.BytesIO(wrong), "f.jpg"), "again": "yes"}
    assert post(client, "/door/read", again).status_code == 404
    blank = io.BytesIO()
    Image.new("L", (300, 300), 200).save(blank, "JPEG")
    assert post(client, "/door/read", {"frame": (io.BytesIO(blank.getvalue()), "f.jpg")}).status_code == 204
    assert post(client, "/door/read", {"frame": (io.BytesIO(b"nonsense"), "f.jpg")}).status_code == 204
    assert post(client, "/door/read").status_code == 204
    assert post(client, "/door/read", {"frame": (io.BytesIO(b"x" * 500_000), "f.jpg")}).status_code == 413
    assert checks(site_db) == [("unknown", "camera")], "a code that stays before the camera is one try"


def test_a_photo_is_read_without_scripts(client, host, signed, site_db):
    sent = {"photo": (io.BytesIO(photo_of(signed[0])), "ticket.jpg")}
    assert post(client, "/door/photo", sent).location.startswith(f"/t/{signed[0]}")
    for data, said in (
        (photo_of("https://elsewhere.example"), "twelve"),
        (b"no picture", "no picture the club can read"),
        (b"", "Photo of the QR code"),
    ):
        answer = post(client, "/door/photo", {"photo": (io.BytesIO(data), "ticket.jpg")})
        assert answer.status_code == 422
        assert said in text_of(answer) or said == "twelve", said
    assert checks(site_db) == [("unknown", "camera")]


@pytest.mark.parametrize("turned", [0, 33, 90, 180])
def test_a_code_is_read_however_the_phone_is_held(turned):
    assert (codes.read(photo_of("ABCD0123WXYZ.abcdefghijklmnopqrstuv", turned=turned)) or "").startswith(
        "ABCD0123WXYZ."
    )


def test_pictures_that_would_be_too_much_are_refused(monkeypatch):
    with pytest.raises(Invalid):
        codes.read(b"\xff\xd8" + b"x" * codes.MOST_BYTES)
    monkeypatch.setattr(codes, "MOST_PIXELS", 100)
    with pytest.raises(Invalid):
        codes.read(photo_of("x"))


# ---- the card for the wallet, hosts of a group ----


def test_the_ticket_as_a_card(client, two, site_db, signed):
    in_language(sign_in(client, two[0][0]), "en")
    with site_db.session() as session:
        ticket = session.scalars(select(EntryTicket).order_by(EntryTicket.id)).first()
        ident, code = ticket.id, tickets.spaced(ticket.code)
    assert f"/me/ticket/{ident}/card" in text_of(client.get(f"/me/ticket/{ident}"))
    page = text_of(client.get(f"/me/ticket/{ident}/card"))
    assert code in page and "Group One 1" in page and "85.6 × 54 mm" in page and "css/wallet" in page
    sign_in(client, two[1][0])
    assert client.get(f"/me/ticket/{ident}/card").status_code == 404


def test_an_admin_names_the_hosts_of_a_group(client, app, make, group_ids, site_db):
    admin = in_language(sign_in(client, make.account(roles=("admin",))), "en")
    path = f"/admin/groups/groups/{group_ids[0]}/hosts"
    _account, ho = make.person(name="Ho", nickname="Hoho", roles=("host",), email="ho@example.com")
    assert "No hosts of its own yet" in text_of(admin.get(path))
    answer = post(admin, path, {"who": "nobody@example.com"})
    assert answer.status_code == 422 and "nobody@example.com" in text_of(answer)
    page = text_of(post(admin, path, {"who": "HO@example.com"}, follow_redirects=True))
    assert "Hoho is a host of this group now." in page
    assert "This is the only group of Hoho" in text_of(admin.get(path))
    page = text_of(post(admin, f"{path}/{ho.id}/remove", follow_redirects=True))
    assert "Taken off the door" in page and "No hosts of its own yet" in page
    assert "stand at every door of the club, this one too" in page
    second = f"/admin/groups/groups/{group_ids[1]}/hosts"
    for one in (path, second):
        post(admin, one, {"who": "ho@example.com"})
    page = text_of(admin.get(path))
    assert "Hoho then no longer checks tickets of this group" in page and "only group" not in page
    page = text_of(post(admin, f"{path}/{ho.id}/remove", follow_redirects=True))
    assert "Taken off the door of this group." in page and "every door of the club, this" not in page
    assert admin.get("/admin/groups/groups/999/hosts").status_code == 404
    other = sign_in(app.test_client(), make.account(roles=("host",)))
    assert other.get(path).status_code == 403


def test_who_stood_at_the_door_of_a_merged_group_stands_at_the_others(client, host, make, site_db, now):
    line = make.group_line(
        slug="pair",
        name="Pair",
        name_pattern="Pair {index}",
        capacities=(3, 3),
        open_at_once=2,
        allocation="even",
    )
    with site_db.uow() as session:
        first, second = session.scalars(select(Group.id).where(Group.line_id == line.id).order_by(Group.id))
    assert "Pair 1" in text_of(client.get("/door"))
    for path in ("/desk/arrivals", "/desk/quiet"):
        assert "Pair 1" in text_of(client.get(path))
    post(client, "/door/at", {"group": str(first)})
    assert "You stand at the door of Pair 1." in text_of(client.get("/door"))
    with site_db.uow() as session:
        groups.merge(
            session, from_id=first, into_id=second, capacity=None, reason="Small", actor=SYSTEM, now=now
        )
    page = text_of(client.get("/door"))
    assert "Pair 2" in page and "Pair 1" not in page
    assert "Pair 2" in text_of(client.get("/door/log")) and "Pair 2" in text_of(client.get("/door/lists"))
    for path in ("/desk/arrivals", "/desk/quiet"):
        page = text_of(client.get(path))
        assert "Pair 2" in page and "Pair 1" not in page
