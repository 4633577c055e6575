"""Whoever may decide appeals is told that they wait, and finds each with a form of its own."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import select

from qunclub.kernel import Actor
from qunclub.kernel.outbox import OutboxMessage
from qunclub.seasons import services_appeals
from qunclub.seasons.models_undo import SeasonJournal
from qunclub.web import mailing
from tests.support.pages import in_language, post, sign_in, text_of


def appeal(session, season, member):
    actor = Actor("test:member", member.name, member_id=member.id)
    services_appeals.open_appeal(
        session, season_id=season.id, member_id=member.id, reason="Two works were read late", actor=actor,
        now=season.ends_at + dt.timedelta(days=1),
    )  # fmt: skip


def test_every_admin_is_told_that_an_appeal_waits_but_whoever_it_is_about(session, make):
    people = make.ranking([0] * 3)
    season = make.season(seats=1, eliminate=0, appeal_days=14, days=5)
    for place, member in enumerate(people):
        member.email = f"m{place}@example.com"
        make.earn(member, 30 - place, at=season.starts_at)
    make.closed(season, steps=("freeze", "publish"))
    people[1].roles = ["admin"]
    ada = make.member(number=601, email="ada@example.com", roles=("admin",))
    bob = make.member(number=602, email="bob@example.com", roles=("admin",), locale="zh")
    make.member(number=603, email="gone@example.com", roles=("admin",), suspended_at=season.ends_at)
    make.member(number=604, email="host@example.com", roles=("host",))
    session.get_one(SeasonJournal, season.id).by_key = ada.user_key
    appeal(session, season, people[1])

    def told():
        rows = session.scalars(select(OutboxMessage).where(OutboxMessage.key.like("mail:season_appealed:%")))
        return {
            row.payload["to"]: (row.payload["context"]["number"], row.payload["context"]["published"])
            for row in rows
        }

    assert told() == {ada.email: (people[1].number, True), bob.email: (people[1].number, False)}
    appeal(session, season, people[2])
    assert set(told()) == {ada.email, bob.email, people[1].email}


def test_letters_about_an_appeal_say_who_decides(app):
    given = {"name": "Ada", "season": "Spring", "season_id": 7, "number": 12}
    sent: list[Any] = []
    state = app.extensions["qunclub"]
    state.mailer = type("Box", (), {"send": staticmethod(sent.append)})()
    with app.app_context():
        for locale, published, says in (
            ("en", True, ("An appeal waits: Spring", "No. 12 appeals", "another admin decides")),
            ("en", False, ("Please decide it with a reason", "/admin/seasons/7/appeals")),
            ("zh", True, ("有一份申诉待处理", "由另一位管理员裁定")),
            ("zh", False, ("请裁定并写明理由",)),
        ):
            about = {**given, "published": published}
            payload = {
                "to": "a@example.com",
                "template": "season_appealed",
                "context": about,
                "locale": locale,
            }
            mailing.deliver(state, payload, "k")
            said = sent[-1]
            for part in says:
                assert part in said.subject + said.body, part
        about = {"name": "Lin", "season": "Spring", "reason": "The hall is shut"}
        payload = {"to": "a@example.com", "template": "season_withdrawn", "context": about, "locale": "zh"}
        mailing.deliver(state, payload, "k2")
        assert "“Spring”重新安排" in sent[-1].subject
        assert "The hall is shut" in sent[-1].body


def test_each_appeal_on_the_page_has_fields_of_its_own(client, make):
    people = [make.person(number=number) for number in (1, 2, 3)]
    season = make.season(seats=1, eliminate=0, appeal_days=14, days=5)
    for place, (_account, member) in enumerate(people):
        make.earn(member, 30 - place, at=season.starts_at)
    make.closed(season, steps=("freeze", "publish"))
    for account, _member in people[1:]:
        answer = post(sign_in(client, account), f"/season/{season.slug}/appeal", {"reason": "Read late"})
        assert answer.status_code == 303
    admin = in_language(sign_in(client, make.account(number=601, roles=("admin",))), "en")
    path = f"/admin/seasons/{season.id}/appeals"
    page = admin.get(path).text
    for field in ("answer-1", "answer-2", "spare-1", "spare-2"):
        assert page.count(f'id="{field}"') == page.count(f'for="{field}"') == 1, field
    refused = post(admin, f"{path}/2/uphold", {"answer": "", "spare": "Words of mine"})
    assert refused.status_code == 422 and 'href="#answer-2"' in refused.text
    assert text_of(refused).count("Words of mine") == 1
