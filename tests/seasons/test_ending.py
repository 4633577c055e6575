"""Ending a season before its day: what counts, who reads why, and what cannot be."""

from __future__ import annotations

import datetime as dt

import pytest

from qunclub import points, seasons
from qunclub.kernel import Actor, Conflict, Invalid
from qunclub.seasons.models import Season
from tests.support.pages import in_language, post, sign_in, text_of

ADMIN = Actor("test:admin", "Admin", roles=frozenset({"admin"}))


def test_points_after_the_early_end_do_not_count_in_it(session, make):
    one, two = make.ranking([0, 0])
    season = make.season(seats=1, eliminate=0)
    middle = season.starts_at + dt.timedelta(days=10)
    make.earn(one, 10, at=season.starts_at + dt.timedelta(days=1))
    make.earn(two, 50, at=season.starts_at + dt.timedelta(days=20))
    assert season.window_id is not None
    seasons.end_early(session, season_id=season.id, reason="The hall burnt down.", actor=ADMIN, now=middle)
    assert season.ends_at == middle
    standing = points.standing(session, season.window_id, two.id)
    assert standing is None or standing.points == 0
    for step in (seasons.freeze, seasons.publish):
        step(session, season_id=season.id, actor=ADMIN, now=middle)
    assert [member.number for member in seasons.core_members(session)] == [one.number]
    # What was earned later counts for the season that follows.
    following = make.season(starts_at=middle)
    assert following.window_id is not None
    later = points.standing(session, following.window_id, two.id)
    assert later is not None and later.points == 50


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
def test_a_reason_is_needed(session, make, reason):
    season = make.season()
    with pytest.raises(Invalid) as caught:
        seasons.end_early(
            session,
            season_id=season.id,
            reason=reason,
            actor=ADMIN,
            now=season.starts_at + dt.timedelta(days=1),
        )
    assert caught.value.field == "reason"


@pytest.mark.parametrize("days", [-1, 0, 400])
def test_only_a_running_season_ends_early(session, make, days):
    season = make.season()
    with pytest.raises(Conflict):
        seasons.end_early(
            session,
            season_id=season.id,
            reason="Because.",
            actor=ADMIN,
            now=season.starts_at + dt.timedelta(days=days),
        )


def test_an_admin_ends_a_season_and_everybody_reads_why(client, make, site_db, clock):
    with site_db.uow() as work:
        season = seasons.create_season(
            work, slug="spring", name="Spring", starts_at=clock() - dt.timedelta(days=3),
            ends_at=clock() + dt.timedelta(days=30), seats=2, eliminate=0, protection=1, min_points=1,
            group_id=None, actor=ADMIN, now=clock(),
        )  # fmt: skip
        seasons.open_season(work, season_id=season.id, actor=ADMIN, now=clock())
    path = f"/admin/seasons/{season.id}"
    host = make.account(number=600, roles=("host",))
    assert post(sign_in(client, host), f"{path}/end", {"reason": "No."}).status_code == 403
    admin = in_language(sign_in(client, make.account(number=601, roles=("admin",))), "en")
    assert "End the season now" in text_of(admin.get(path))
    refused = post(admin, f"{path}/end", {"reason": ""})
    assert refused.status_code == 422
    assert post(admin, f"{path}/end", {"reason": "The club moves house."}).status_code == 303
    with site_db.session() as work:
        ended = work.get(Season, season.id)
        assert ended is not None and ended.ends_at == clock()
    assert "The club moves house." in text_of(admin.get("/season"))
    assert "Freeze the standings" in text_of(admin.get(path))
    assert "提前结束：The club moves house." in text_of(in_language(client, "zh").get("/season"))
