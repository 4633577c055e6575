"""The board's pages: what they say, who finds them, what is refused and how; polling that costs one statement."""

from __future__ import annotations

import datetime as dt
import io
import re

import pytest
from sqlalchemy import select

from app import db as site
from qunclub import board, groups, jobs
from qunclub.board.models import BoardPicture, BoardPost
from qunclub.kernel import Actor
from qunclub.notices.models import Notice
from qunclub.web.state import club
from tests.homework.pictures import picture
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

BOARD = "/groups/ring-1/board"


@pytest.fixture
def line(make):
    return make.group_line(
        slug="ring", name="Ring", name_pattern="Ring {index}", posting="all", capacities=[50]
    )


@pytest.fixture
def who(app, make, line):
    """Signed-in people by name: ``who("Ada")``, with a seat unless told otherwise."""
    known = {}

    def person(name, *, roles=(), seat=True):
        if name not in known:
            account, row = make.person(name=name, number=True, roles=roles)
            if seat:
                make.seat(line, row)
            known[name] = in_language(sign_in(app.test_client(), account), "en"), row
        return known[name]

    return person


@pytest.fixture
def ada(who):
    return who("Ada")[0]


@pytest.fixture
def bo(who):
    return who("Bo")[0]


@pytest.fixture
def host(who):
    return who("Hank", roles=("host",), seat=False)[0]


def write(client, text="Hello **all**", path=BOARD, **more):
    return post(client, path, {"body_md": text, **more})


def test_an_empty_board_says_what_it_is_for(ada):
    page = text_of(ada.get(BOARD))
    assert "Nothing here yet" in page and "Put it on the board" in page
    assert "Ring 1" in text_of(ada.get("/board"))


def test_a_post_and_what_others_have_not_read(ada, bo):
    assert write(ada).status_code == 303
    page = text_of(bo.get(BOARD))
    assert "<strong>all</strong>" in page and "Ada" in page and "#1" in page and "Mark as read" in page
    assert "1 unread" in text_of(bo.get("/board"))
    assert post(bo, f"{BOARD}/seen", {"upto": 1}).status_code == 303
    assert "unread" not in text_of(bo.get("/board")).split("<main")[1].split("</main")[0]
    assert post(bo, f"{BOARD}/seen", {"upto": 1}, htmx=True).status_code == 204


def test_nothing_typed_is_lost(ada, bo):
    answer = write(ada, "")
    assert answer.status_code == 422 and "Write something" in text_of(answer)
    answer = write(ada, "@all come here")
    assert answer.status_code == 422 and "Only hosts call everybody" in text_of(answer)
    assert "@all come here</textarea>" in text_of(answer)
    write(ada)
    answer = write(bo, " ", f"{BOARD}/1")
    assert answer.status_code == 422 and "Write something" in text_of(answer)


def test_strangers_find_nothing(app, who, ada, make, line):
    data = {"body_md": "With a picture", "pictures": (io.BytesIO(picture()), "a.png")}
    assert post(ada, BOARD, data, content_type="multipart/form-data").status_code == 303
    with app.app_context():
        ident = site.session.scalar(select(BoardPicture.id))
    stranger = who("Eve", seat=False)[0]
    paths = (
        "",
        "?after=5",
        "/news",
        "/1",
        "/1/news",
        f"/pictures/{ident}",
        "/people?q=a",
        "/1/edit",
        "/1/hide",
        "/1/receipts",
        "/1/history",
    )
    for path in paths:
        assert stranger.get(BOARD + path).status_code == 404, path
        assert app.test_client().get(BOARD + path).status_code == 303, path
    for path in ("", "/seen", "/1", "/1/edit", "/1/delete", "/1/received", "/1/hide", "/1/show", "/1/pin"):
        assert post(stranger, BOARD + path, {"body_md": "x", "reason": "x", "upto": 1}).status_code == 404, (
            path
        )
        assert post(app.test_client(), BOARD + path).status_code == 303, path
    assert "No board yet" in text_of(stranger.get("/board"))
    assert ada.get("/groups/nowhere/board").status_code == 404
    # The line's own address is no group's.
    assert ada.get("/groups/ring/board").status_code == 404


def test_members_do_not_do_what_hosts_or_authors_do(ada, bo):
    write(ada)
    for path in ("/1/hide", "/1/receipts", "/1/history", "/1/edit"):
        assert bo.get(BOARD + path).status_code == 403, path
    for path in ("/1/edit", "/1/delete", "/1/hide", "/1/show", "/1/pin"):
        assert (
            post(bo, BOARD + path, {"body_md": "x", "reason": "x", "on": "1", "version": "1"}).status_code
            == 403
        ), path
    page = text_of(bo.get(BOARD))
    assert "Take back" not in page and "History" not in page and "This is an announcement" not in page


def test_a_suspended_member_is_turned_away(ada, who, app, site_db, now):
    from qunclub import members

    row = who("Ada")[1]
    with site_db.uow() as session:
        members.suspend(session, member_id=row.id, reason="x", actor=Actor.system("t"), now=now)
    assert ada.get(BOARD).status_code == 403 and write(ada).status_code == 403


def test_the_covenant_comes_first(make, app, site_db, now):
    line = make.group_line(slug="kind", posting="all", covenant_md="Be kind.", capacities=[5])
    account, row = make.person(name="Cy", number=True)
    make.seat(line, row)
    client = in_language(sign_in(app.test_client(), account), "en")
    page = text_of(client.get("/groups/kind-1/board"))
    assert "Accept the covenant on the group" in page and "Put it on the board" not in page
    assert write(client, path="/groups/kind-1/board").status_code == 403
    with site_db.uow() as session:
        groups.accept_covenant(session, member_id=row.id, line_id=line.id, version=1, now=now)
    assert write(client, path="/groups/kind-1/board").status_code == 303


def test_a_hidden_post_is_not_read_where_one_reports(ada, bo, host, site_db):
    write(ada, "Buy here.")
    with site_db.session() as session:
        path = f"/report/post/{session.scalar(select(BoardPost.id))}"
    assert "Buy here." in text_of(bo.get(path))
    post(host, f"{BOARD}/1/hide", {"reason": "A shop."})
    for client in (bo, host):
        answer = client.get(path)
        assert answer.status_code == 404 and "Buy here." not in text_of(answer)
    assert post(bo, path, {"category": "spam", "reason": "x"}).status_code == 404


def test_refused_words_stay_in_the_form(ada, bo, who, line, site_db, now):
    from qunclub import house

    write(ada, "Mine")
    version = {"version": 1}
    hank = Actor("test:host", "Hank", roles=frozenset({"host"}), member_id=who("Hank", roles=("host",))[1].id)
    with site_db.uow() as session:
        house.set_schedule(
            session,
            line_id=line.id,
            group_id=None,
            windows=(),
            slow_seconds=600,
            version=0,
            actor=hank,
            now=now,
        )
    refused = write(ada, "Long and dear words")
    assert refused.status_code == 403
    assert "Slow mode" in text_of(refused) and "Long and dear words" in text_of(refused)
    with site_db.uow() as session:
        group = session.scalar(select(groups.models.Group.id))
        house.mute(
            session,
            group_id=group,
            role="member",
            reason="Quiet.",
            starts_at=now,
            until=None,
            actor=hank,
            now=now,
        )
    for path in (BOARD, f"{BOARD}/1", f"{BOARD}/1/edit"):
        refused = write(ada, "Long and dear words", path, **version)
        assert refused.status_code == 403, path
        assert "The group is muted" in text_of(refused) or "Your role is muted" in text_of(refused), path
        assert "Long and dear words" in text_of(refused), path
    post(who("Hank")[0], f"{BOARD}/1/hide", {"reason": "Off the topic."})
    with site_db.uow() as session:
        [mute] = session.scalars(select(house.models.Mute.id))
        house.lift(session, mute_id=mute, actor=hank, now=now)
    for path in (f"{BOARD}/1", f"{BOARD}/1/edit"):
        client = bo if path.endswith("1") else ada
        refused = write(client, "Long and dear words", path, **version)
        assert refused.status_code == 409 and "Long and dear words" in text_of(refused), path


def test_an_announcement_is_told_and_noted(app, host, ada, bo, who):
    answer = write(host, "At eight.", announcement="y")
    assert answer.status_code == 422 and "Give the announcement a title" in text_of(answer)
    assert write(host, "At eight.", announcement="y", title="Tomorrow").status_code == 303
    with app.app_context():
        while jobs.dispatch(club()):
            pass
        told = site.session.scalars(select(Notice.member_id)).all()
    assert sorted(told) == sorted(who(name)[1].id for name in ("Ada", "Bo"))
    assert "New announcement in Ring 1: Tomorrow" in text_of(ada.get("/notices"))
    assert post(ada, f"{BOARD}/1/received").status_code == 303
    page = text_of(ada.get(f"{BOARD}/1"))
    assert "You have taken note" in page and "have taken note</a>" not in page
    assert "1 of 2 have taken note" in text_of(host.get(f"{BOARD}?show=announcements"))
    assert "Ada" in text_of(host.get(f"{BOARD}/1/receipts")).split("<main")[1]
    page = text_of(host.get(f"{BOARD}/1/receipts?show=missing")).split("<main")[1]
    assert "Bo" in page and "Ada" not in page
    post(bo, f"{BOARD}/1/received")
    assert "Everybody has taken note" in text_of(host.get(f"{BOARD}/1/receipts?show=missing"))
    write(ada)
    assert host.get(f"{BOARD}/2/receipts").status_code == 404
    assert "#2" not in text_of(ada.get(f"{BOARD}?show=announcements"))


def test_pictures_are_private_and_written_anew(app, ada, bo):
    sent = picture("JPEG", exif=b"Exif\0\0secret place")
    data = {"body_md": "", "pictures": [(io.BytesIO(sent), "../a.php.jpg"), (io.BytesIO(picture()), "b.png")]}
    assert post(ada, BOARD, data, content_type="multipart/form-data").status_code == 303
    page = text_of(bo.get(BOARD))
    first, _second = re.findall(r'<img src="(/groups/ring-1/board/pictures/\d+)"', page)
    answer = bo.get(first)
    assert answer.status_code == 200 and answer.mimetype == "image/jpeg" and b"secret" not in answer.data
    assert (
        "no-store" in answer.headers["Cache-Control"]
        and "sandbox" in answer.headers["Content-Security-Policy"]
    )
    for wrong, said in (
        ({"pictures": (io.BytesIO(b"<svg onload=x>"), "x.png")}, "is not a picture"),
        ({"pictures": (io.BytesIO(b""), "x.png")}, "is empty"),
        ({"pictures": [(io.BytesIO(picture()), f"{n}.png") for n in range(7)]}, "at most 6"),
    ):
        answer = post(ada, BOARD, {"body_md": "kept words", **wrong}, content_type="multipart/form-data")
        assert (
            answer.status_code == 422
            and said in text_of(answer)
            and "kept words</textarea>" in text_of(answer)
        )


def test_a_refused_post_leaves_no_bytes_behind(app, ada):
    data = {"body_md": "@all", "pictures": (io.BytesIO(picture()), "a.png")}
    assert post(ada, BOARD, data, content_type="multipart/form-data").status_code == 422
    with app.app_context():
        folder = club().settings.instance_path / "files" / "board"
    assert not folder.exists() or not list(folder.iterdir())


def test_a_mention_is_shown_by_name(ada, bo, who):
    number = who("Bo")[1].number
    write(ada, f"Thank you @{number}, `@{number}`")
    page = text_of(ada.get(BOARD))
    assert f'<a class="qc-at" href="/members/{number}">@Bo</a>' in page and f"<code>@{number}</code>" in page
    assert "Ada mentioned you in Ring 1." in text_of(bo.get("/notices"))
    assert ada.get(f"{BOARD}/people?q=B").json == {"people": [{"number": number, "name": "Bo"}]}


def test_an_answer_and_its_address(ada, bo, app):
    write(ada)
    answer = write(bo, "An answer", f"{BOARD}/1")
    assert answer.headers["Location"].endswith("/board/1?after=1#n2")
    page = text_of(ada.get(f"{BOARD}/1"))
    assert "An answer" in page and "1 answer" in page
    assert "1 answer" in text_of(ada.get(BOARD)) and "An answer" not in text_of(ada.get(BOARD))
    assert ada.get(f"{BOARD}/2").headers["Location"].endswith("/board/1?after=1")
    with app.app_context():
        ident = site.session.scalar(select(Notice.id))
    assert post(ada, f"/notices/{ident}/open").headers["Location"].endswith("/board/1?after=1")


def test_one_changes_and_takes_back_ones_own(ada, bo, host):
    write(ada, "Frist")
    assert "Frist</textarea>" in text_of(ada.get(f"{BOARD}/1/edit"))
    assert write(ada, "First", f"{BOARD}/1/edit", version="1").status_code == 303
    answer = write(ada, "Mine", f"{BOARD}/1/edit", version="1")
    assert answer.status_code == 409 and "Mine</textarea>" in text_of(answer) and "First" in text_of(answer)
    assert write(ada, " ", f"{BOARD}/1/edit", version="2").status_code == 422
    assert "changed on" in text_of(bo.get(BOARD))
    assert "Frist" in text_of(host.get(f"{BOARD}/1/history")) and "Frist" not in text_of(bo.get(f"{BOARD}/1"))
    assert post(ada, f"{BOARD}/1/delete").status_code == 303
    assert "Its author has taken this back." in text_of(bo.get(BOARD))
    assert (
        "First" in text_of(host.get(f"{BOARD}/1/history")) and ada.get(f"{BOARD}/1/edit").status_code == 404
    )


def test_hosts_pin_and_hide(ada, bo, host):
    write(ada, "Buy this")
    write(bo, "Hello")
    assert post(host, f"{BOARD}/1/pin", {"on": "1"}).status_code == 303
    page = text_of(bo.get(BOARD))
    assert page.index("Buy this") < page.index("Hello") and page.count("Buy this") == 1
    assert post(host, f"{BOARD}/1/hide", {"reason": ""}).status_code == 422
    assert post(host, f"{BOARD}/1/hide", {"reason": "Advertising"}).status_code == 303
    page = text_of(bo.get(BOARD))
    assert "A host has hidden this." in page and "Buy this" not in page and "Advertising" not in page
    assert "Advertising" in text_of(ada.get(f"{BOARD}/1"))
    assert "A host hid a post of yours in Ring 1. The reason: Advertising" in text_of(ada.get("/notices"))
    post(host, f"{BOARD}/1/show")
    assert "Buy this" in text_of(bo.get(BOARD))


# ---- asking for news ----


def engine_of(app):
    with app.app_context():
        return site.engine


def tag_of(page):
    (tag,) = re.findall(r"data-etag='?\"?(W/&#34;[^&]+&#34;)", page)
    return str(tag).replace("&#34;", '"')


def test_asking_in_vain_costs_one_statement_and_no_body(app, ada, bo):
    write(ada)
    tag = tag_of(text_of(bo.get(BOARD)))
    for path in ("/news", "/1/news"):
        with count_statements(engine_of(app)) as seen:
            answer = bo.get(BOARD + path, headers={"If-None-Match": tag})
        assert answer.status_code == 304 and not answer.data
        # Who is asking takes two, as on every page; the board takes one.
        assert seen.count == 3, seen
    write(ada, "Something new")
    answer = bo.get(f"{BOARD}/news", headers={"If-None-Match": tag})
    assert answer.status_code == 200 and "Something new" in text_of(answer) and "<html" not in text_of(answer)
    assert answer.headers["ETag"] != tag and answer.headers["X-Last"] == "2"
    # In another language it reads differently.
    assert in_language(bo, "zh").get(f"{BOARD}/news", headers={"If-None-Match": tag}).status_code == 200


def test_whoever_leads_a_spin_off_asks_in_vain_too(app, ada, who, line, site_db, now):
    from qunclub.groups.models import Group
    from qunclub.groups.models_hosts import GroupHost

    write(ada)
    with site_db.uow() as session:
        group = session.scalar(select(Group.id).where(Group.line_id == line.id))
        session.add(GroupHost(group_id=group, member_id=who("Ada")[1].id, since=now))
    tag = tag_of(text_of(ada.get(BOARD)))
    for path in ("/news", "/1/news"):
        answer = ada.get(BOARD + path, headers={"If-None-Match": tag})
        assert answer.status_code == 304, path


def test_pages_cost_the_same_with_many_posts(app, ada, bo, host, who, site_db, now):
    number = who("Bo")[1].number
    write(ada, f"@{number}")
    engine = engine_of(app)

    def cost():
        counts = []
        for client, path in ((bo, BOARD), (bo, f"{BOARD}/1"), (bo, "/board"), (host, "/board")):
            client.get(path)
            with count_statements(engine) as seen:
                assert client.get(path).status_code == 200
            counts.append(seen.count)
        return counts

    few = cost()
    row = who("Ada")[1]
    with site_db.uow() as session:
        actor = Actor(row.user_key, "Ada", member_id=row.id)
        for n in range(60):
            board.write(
                session,
                slug="ring-1",
                actor=actor,
                body_md=f"@{number}",
                answer_to=1 if n % 2 else None,
                now=now,
                zone=dt.UTC,
            )
    assert cost() == few, few
    assert max(few) <= 15, few
    page = text_of(bo.get(BOARD))
    (after,) = re.findall(r"board\?after=(\d+)", page)
    assert bo.get(f"{BOARD}?after={after}").status_code == 200


def test_in_chinese(ada, who):
    write(ada)
    page = text_of(in_language(ada, "zh").get(BOARD))
    assert "群板" in page and "发到群板" in page and "回答" in page


def test_too_many_posts_in_a_minute(make_app, make, line):
    app = make_app(QUNCLUB_RATE_LIMITS="yes")
    account, row = make.person(name="Fast", number=True)
    make.seat(line, row)
    client = sign_in(app.test_client(), account)
    answers = [write(client).status_code for _n in range(22)]
    assert answers[:20] == [303] * 20 and answers[-1] == 429
    with app.app_context():
        assert len(site.session.scalars(select(BoardPost.id)).all()) == 20


def test_the_group_leads_to_its_board(ada, host):
    assert f'href="{BOARD}"' in text_of(ada.get("/groups/ring-1"))
    assert f'href="{BOARD}"' in text_of(ada.get("/groups"))
    assert f'href="{BOARD}"' in text_of(host.get("/groups/ring-1"))
    assert f'href="{BOARD}"' in text_of(host.get("/board"))
