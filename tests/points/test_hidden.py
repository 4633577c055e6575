"""Who is not shown on a ranking: the suspended, those who left, and who does not wish to be."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from qunclub import points
from qunclub.members.models import Member
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

WAYS = {
    "suspended": lambda now: {"suspended_at": now},
    "left": lambda now: {"user_key": "erased:1"},
    "hidden": lambda now: {"hidden_on_boards": True},
}


def hide(session, now, *members, way="hidden"):
    for member in members:
        session.execute(update(Member).where(Member.id == member.id).values(**WAYS[way](now)))
    session.expire_all()


def shown(board):
    return [(row.place, row.number) for row in board.rows]


@pytest.fixture
def window(session, make):
    make.ranking([90, 80, 70, 60, 50])
    found = points.window_by_key(session, points.ALL_TIME)
    assert found is not None
    return found.id


@pytest.mark.parametrize("way", WAYS)
def test_others_do_not_see_them_and_every_place_stays(session, now, window, way):
    rows = points.board(session, window).rows
    second = session.get_one(Member, rows[1].member_id)
    hide(session, now, second, way=way)
    assert shown(points.board(session, window)) == [(1, 1), (3, 3), (4, 4), (5, 5)]
    assert shown(points.board(session, window, viewer=second.id))[1] == (2, 2)
    assert points.rank_of(session, window, 80) == 2 and points.total(session, window) == 5


def test_whoever_is_hidden_finds_themselves(session, now, window):
    rows = points.board(session, window).rows
    third = session.get_one(Member, rows[2].member_id)
    hide(session, now, third, session.get_one(Member, rows[1].member_id))
    mine = points.standing(session, window, third.id)
    assert mine is not None
    board = points.around(session, window, mine, above=1, limit=2)
    assert shown(board) == [(1, 1), (3, 3)] and board.has_next and not board.has_prev


def test_pages_are_full_and_lead_through_all_also_where_many_are_hidden(session, make, now):
    members = make.ranking([500 - n for n in range(60)])
    hide(session, now, *members[3:20], *members[33:35])
    window = points.window_by_key(session, points.ALL_TIME)
    assert window is not None
    visible = [n for n in range(1, 61) if not (4 <= n <= 20 or 34 <= n <= 35)]
    found, after = [], None
    for _page in range(20):
        board = points.board(session, window.id, limit=5, after=after)
        found += shown(board)
        if not board.has_next:
            break
        after = board.further
    assert found == [(n, n) for n in visible]
    last = points.board(session, window.id, after=after).rows[0]
    assert len(points.board(session, window.id, limit=5, before=last.cursor).rows) == 5


def test_the_page_and_the_wish_in_the_profile(client, make, site_db, now):
    account, me = make.person(number=500, nickname="Shy")
    other, _ = make.person(number=501, nickname="Loud")
    make.ranking([90, 70])
    make.earn(me, 80)
    in_language(sign_in(client, account), "en")
    given = {"nickname": "Shy", "city": "", "bio": "", "locale": "en", "hidden_on_boards": "y"}
    assert post(client, "/me/profile", given).status_code == 303
    assert "checked" in text_of(client.get("/me")).split("hidden_on_boards", 1)[1][:200]
    page = text_of(client.get("/ranking"))
    assert "only you see yourself here" in page and "my place among 3" in page
    in_language(sign_in(client, other), "en")
    with count_statements(site_db.engine) as seen:
        page = text_of(client.get("/ranking"))
    assert "Shy" not in page and "Ranked 2" in page and seen.count <= 9
