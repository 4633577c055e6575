"""Before a season begins: leave that is asked for early, and an announcement that is withdrawn for a reason."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import func, select

from qunclub.kernel import Actor, Conflict, Invalid
from qunclub.kernel.outbox import OutboxMessage
from qunclub.kernel.store import AuditEntry
from qunclub.seasons import queries_calendar, services_calendar, services_leave
from qunclub.seasons.models import Season, SeasonLeave
from tests.support.pages import in_language, post, sign_in, text_of

ADMIN = Actor("test:admin", "Admin", roles=frozenset({"admin"}))
DAY = dt.timedelta(days=1)


@pytest.fixture
def planned(make, now):
    """One core member, and a season with leave that is announced and begins in two weeks."""
    account, member = make.person(number=1, name="Lin", email="lin@example.com")
    first = make.season(seats=1, eliminate=0, protection=0, days=5)
    make.earn(member, 9, at=first.starts_at)
    make.closed(first)
    coming = make.season(
        slug="coming", name="Coming", opened=False, starts_at=now + 14 * DAY, seats=1, eliminate=1, leaves=1
    )
    make.announced(coming)
    return account, member, coming


def ask(session, season, member, now):
    actor = Actor("test:member", member.name, member_id=member.id)
    return services_leave.ask_leave(
        session, season_id=season.id, member_id=member.id, reason="A child is born", actor=actor, now=now
    )


def test_leave_is_asked_for_as_soon_as_the_formula_is_public_and_holds(session, make, planned, now):
    _account, member, coming = planned
    draft = make.season(opened=False, starts_at=coming.ends_at, seats=1, eliminate=0, leaves=2)
    with pytest.raises(Conflict, match="middle of a season"):
        ask(session, draft, member, now)
    held = ask(session, coming, member, now)
    assert ask(session, coming, member, now) is held
    assert services_leave.leaves_left(session, coming, member.id) == 0
    services_calendar.open_due(session, season_id=coming.id, now=coming.starts_at)
    assert services_leave.on_leave(session, coming.id, member.id) is held
    services_leave.end_leave(
        session, season_id=coming.id, member_id=member.id, actor=ADMIN, now=coming.starts_at
    )
    assert services_leave.leaves_left(session, coming, member.id) == 1


def test_a_withdrawn_announcement_says_why_and_gives_leave_back(session, planned, now):
    _account, member, coming = planned
    given = {"season_id": coming.id, "actor": ADMIN, "now": now}
    ask(session, coming, member, now)
    for refused in (" ", "x" * 501):
        with pytest.raises(Invalid) as error:
            services_calendar.withdraw(session, reason=refused, **given)
        assert error.value.field == "reason" and coming.state == "announced"
    services_calendar.withdraw(session, reason="The hall  is  shut", **given)
    assert (coming.state, coming.withdrawn_note, coming.withdrawn_at) == ("draft", "The hall is shut", now)
    assert session.scalar(select(func.count()).select_from(SeasonLeave)) == 0
    letter = session.scalars(
        select(OutboxMessage).where(OutboxMessage.key.like("mail:season_withdrawn:%"))
    ).one()
    assert letter.payload["to"] == "lin@example.com"
    assert letter.payload["context"]["reason"] == "The hall is shut"
    acts = session.scalars(select(AuditEntry).where(AuditEntry.action == "season.withdraw")).one()
    assert acts.details == {"reason": "The hall is shut"}
    assert queries_calendar.withdrawn(session, now) == [coming]
    assert queries_calendar.withdrawn(session, coming.ends_at) == [], "nobody waits for it any more"
    services_calendar.announce(session, **given)
    assert (coming.withdrawn_at, coming.withdrawn_note) == (None, "")
    assert queries_calendar.withdrawn(session, now) == []


def test_everybody_reads_why_and_a_core_member_asks_for_leave_before_it_begins(
    client, make, planned, site_db
):
    account, _member, coming = planned
    in_language(client, "en")
    page = text_of(client.get("/season/coming"))
    assert "Will you be away then?" not in page
    in_language(sign_in(client, make.account(number=50)), "en")
    assert "Will you be away then?" not in text_of(client.get("/season/coming"))
    lin = in_language(sign_in(client, account), "en")
    assert "Will you be away then?" in text_of(lin.get("/season/coming"))
    assert "Take leave this season" in text_of(lin.get("/season/coming/leave"))
    assert post(lin, "/season/coming/leave", {"reason": "A child is born"}).status_code == 303
    page = text_of(lin.get("/season/coming"))
    assert "You are on leave this season; your seat waits for you." in page
    admin = in_language(sign_in(client, make.account(number=600, roles=("admin",))), "en")
    path = f"/admin/seasons/{coming.id}"
    assert "A child is born" in text_of(admin.get(path))
    refused = post(admin, f"{path}/withdraw", {"reason": ""})
    assert refused.status_code == 422 and "Withdraw the announcement" in text_of(refused)
    words = "x" * 501
    assert words in text_of(post(admin, f"{path}/withdraw", {"reason": words})), "what was typed stays"
    assert post(admin, f"{path}/withdraw", {"reason": "The <hall> is shut"}).status_code == 303
    assert "everybody reads why: The &lt;hall&gt; is shut" in admin.get(path).text
    everybody = text_of(admin.get("/seasons"))
    assert "Announced before, and withdrawn" in everybody and "&lt;hall&gt;" in admin.get("/seasons").text
    assert "预告过又撤回的" in text_of(in_language(client, "zh").get("/seasons"))
    assert client.get("/season/coming").status_code == 404
    with site_db.session() as session:
        assert session.get_one(Season, coming.id).state == "draft"
