"""What no room of the club sees, written down by an admin: once, under its rule, within its limits."""

from __future__ import annotations

import datetime as dt
import re
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from qunclub import points
from qunclub.kernel import Actor, Conflict, Invalid, locks
from qunclub.kernel.store import AuditEntry
from qunclub.points import doctor, services_recorded
from qunclub.points.models import LedgerEntry
from qunclub.points.rules import KINDS, UNAWARDED, Kind, Rule, recordable
from qunclub.points.rules_limits import Limits
from qunclub.points.rules_recorded import MOST_DAYS, MOST_TIMES, check_what, moment_of, sources
from tests.support.concurrency import concurrently, failed, succeeded
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

ADMIN = Actor.system("test")
ZONE = ZoneInfo("Asia/Shanghai")
DAY = dt.date(2026, 4, 14)


def switch_on(session, now, kind="event_hosted", **limits):
    points.set_rule(session, kind=kind, amount=30, active=True, limits=Limits(**limits), actor=ADMIN, now=now)


def written(session, member, now, **values):
    return points.record(
        session,
        **{
            "member_id": member.id, "kind": "event_hosted", "day": DAY, "what": "Reading evening", "actor": ADMIN,
            "now": now, "zone": ZONE, **values,
        },
    )  # fmt: skip


# The rules


@given(words=st.text(min_size=1, max_size=60).filter(str.strip), day=st.dates(), who=st.integers(1, 9))
def test_the_same_has_the_same_source_however_it_is_written(words, day, who):
    names = sources("topic_led", who, day, words)
    assert names == sources("topic_led", who, day, f"  {words} \n")
    assert len(set(names)) == len(names) == MOST_TIMES and max(map(len, names)) <= 120
    others = (
        sources("event_hosted", who, day, words),
        sources("topic_led", who + 1, day, words),
        sources("topic_led", who, day, words + " again"),
    )
    assert all(set(names).isdisjoint(one) for one in others)


def test_case_and_width_are_no_difference():
    assert sources("topic_led", 1, DAY, "Ｒｅａｄｉｎｇ  evening") == sources(
        "topic_led", 1, DAY, "reading Evening"
    )


@given(
    seconds=st.integers(1_577_836_800, 1_893_456_000),
    zone=st.sampled_from(["Asia/Shanghai", "America/Los_Angeles", "Pacific/Kiritimati", "UTC"]),
    days=st.integers(-3, MOST_DAYS + 3),
)
def test_it_counts_on_its_day_and_never_later_than_now(seconds, zone, days):
    now, there = dt.datetime.fromtimestamp(seconds, dt.UTC), ZoneInfo(zone)
    day = now.astimezone(there).date() - dt.timedelta(days=days)
    if 0 <= days <= MOST_DAYS:
        moment = moment_of(day, now=now, zone=there)
        assert moment <= now and moment.astimezone(there).date() == day
    else:
        with pytest.raises(Invalid) as refused:
            moment_of(day, now=now, zone=there)
        assert refused.value.field == "day"


def test_a_rule_that_is_switched_off_while_one_writes_is_told(session, make, now, monkeypatch):
    seen = Rule(30, 0, active=True)
    monkeypatch.setattr(services_recorded, "rule_of", lambda _session, _kind: seen)
    with pytest.raises(Invalid) as refused:
        written(session, make.member(number=True), now)
    assert refused.value.field == "kind"
    assert session.scalar(select(func.count()).select_from(LedgerEntry)) == 0


@pytest.mark.parametrize("text", ["", " \n ", "x" * 201])
def test_it_says_what_it_was(text):
    with pytest.raises(Invalid) as refused:
        check_what(text)
    assert refused.value.field == "what"


def test_what_no_room_gives_can_be_recorded_and_a_plugin_brings_its_own(session, make, now):
    assert set(recordable()) == UNAWARDED
    try:
        points.add_kind("walk_led", Kind("Walk led", 7, recorded=True))
        points.add_kind("walk_led", Kind("Walk led", 7, recorded=True))
        assert "walk_led" in recordable()
        line = written(session, make.member(number=True), now, kind="walk_led", what="By the lake").line
        assert (line.amount, line.kind) == (7, "walk_led")
        for name, kind in (
            ("walk_led", Kind("Other", 1)),
            ("Walk", Kind("x", 1)),
            ("", Kind("x", 1)),
            ("w" * 41, Kind("x", 1)),
            ("ride_led", Kind("x", 1, own_amount=True, recorded=True)),
        ):
            with pytest.raises(ValueError):
                points.add_kind(name, kind)
    finally:
        KINDS.pop("walk_led", None)


# The verb


def test_it_is_written_once_under_its_rule_and_says_by_whom(session, make, now):
    member, admin = make.member(number=True), make.member(number=True, roles=("admin",))
    switch_on(session, now)
    actor = make.actor(admin)
    first = written(session, member, now, actor=actor, what=" Reading   evening ")
    line = first.line
    assert first.new and (line.amount, line.rule_version, line.reason) == (30, 2, "Reading evening")
    assert line.occurred_at == dt.datetime(2026, 4, 14, 4, tzinfo=dt.UTC) and line.actor == actor.key
    assert line.from_member_id == admin.id
    again = written(session, member, now, what="READING evening")
    assert not again.new and again.line.id == line.id and again.lately == [line]
    assert session.scalar(select(func.count()).select_from(LedgerEntry)) == 1
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "points.record")).one()
    assert entry.details["what"] == "Reading evening" and entry.actor_key == actor.key
    for other in ({"day": DAY - dt.timedelta(days=1)}, {"what": "Another"}, {"member_id": admin.id}):
        assert written(session, member, now, **other).new
    assert doctor.check(session, now) == []


def test_limits_hold_for_it_as_for_everything(session, make, now):
    member = make.member(number=True)
    switch_on(session, now, day=50)
    amounts = [written(session, member, now, what=what).line.amount for what in ("a", "b", "c")]
    lost = [written(session, member, now, what=what).line.lost_why for what in ("b", "c")]
    assert amounts == [30, 20, 0] and lost == ["day", "day"]


def test_what_was_taken_back_may_be_written_again(session, make, now):
    member = make.member(number=True)
    switch_on(session, now)
    for _time in range(MOST_TIMES):
        one = written(session, member, now)
        assert one.new
        points.reverse(session, entry_id=one.line.id, reason="wrong member", actor=ADMIN, now=now)
    with pytest.raises(Conflict):
        written(session, member, now)
    assert written(session, member, now, what="Reading evening, truly").new


def test_what_cannot_be_recorded_names_the_field(session, make, now):
    member = make.member(number=True)
    for values, field in (
        ({}, "kind"),
        ({"kind": "granted"}, "kind"),
        ({"kind": "nonsense"}, "kind"),
        ({"what": " "}, "what"),
        ({"day": DAY + dt.timedelta(days=2)}, "day"),
    ):
        with pytest.raises(Invalid) as refused:
            written(session, member, now, **values)
        assert refused.value.field == field
    switch_on(session, now)
    with pytest.raises(Invalid) as refused:
        written(session, member, now, actor=make.actor(member))
    assert refused.value.field == "number"
    with pytest.raises(Conflict):
        written(session, make.member(), now)


def race(db, make, now):
    member = make.member(number=True)
    with db.session() as session:
        switch_on(session, now)
        session.commit()
    return concurrently(db, 8, lambda session, _index: written(session, member, now).new, retry=True)


def test_many_admins_at_once_write_it_once(db, make, now):
    outcomes = race(db, make, now)
    assert failed(outcomes) == [] and sorted(succeeded(outcomes)) == [False] * 7 + [True]
    with db.session() as session:
        assert session.scalar(select(func.sum(LedgerEntry.amount))) == 30
        assert doctor.check(session, now) == []


# The pages


def test_who_changes_a_rule_too_late_keeps_what_they_typed(admin, site_db, now):
    typed = {
        "kind-version": "1",
        "event_hosted-version": "1",
        "event_hosted-amount": "44",
        "event_hosted-honours": "0",
    }
    typed |= {"event_hosted-active": "y", "event_hosted-reason": "My words"}
    on(site_db, now)
    page = post(admin, "/admin/points/rules/event_hosted", typed)
    words = text_of(page)
    assert page.status_code == 409 and "Nothing was overwritten" in words
    assert 'value="44"' in words and "My words" in words and "It stands at 30 points, version 2" in words
    form = words.split('action="/admin/points/rules/event_hosted"')[1].split("</form>")[0]
    shown = re.search(r'name="event_hosted-version"[^>]*value="([^"]*)"', form)
    assert shown is not None and shown[1] == "2"
    done = post(admin, "/admin/points/rules/event_hosted", {**typed, "event_hosted-version": "2"})
    assert done.status_code == 303
    with site_db.session() as session:
        assert points.rules_in_force(session)["event_hosted"].amount == 44


@pytest.fixture
def admin(client, make):
    return in_language(sign_in(client, make.account(roles=("admin",))), "en")


def on(site_db, now, **limits):
    with site_db.uow() as session:
        switch_on(session, now, **limits)


def seen(page):
    found = re.search(r'name="seen"[^>]*value="([^"]*)"', page.text)
    return found[1] if found else ""


TYPED = {"number": "33", "kind": "event_hosted", "day": "2026-04-14", "what": "Reading evening"}
PATH = "/admin/points/record"


def test_it_is_for_admins_and_found_from_the_ledger(client, make, admin):
    assert PATH in text_of(admin.get("/admin/points")) and PATH in text_of(admin.get("/admin/points/rules"))
    assert PATH in text_of(admin.get("/admin/points/give"))
    assert f"{PATH}?number=33" in text_of(admin.get("/admin/points?q=33"))
    assert f"{PATH}?number" not in text_of(admin.get("/admin/points?q=Lin"))
    page = text_of(admin.get(f"{PATH}?number=33&kind=topic_led"))
    assert "All these kinds are switched off" in page and 'value="33"' in page
    assert "记一笔贡献" in text_of(in_language(admin, "zh").get(PATH))
    sign_in(client, make.account(number=True, roles=("instructor", "host")))
    assert client.get(PATH).status_code == 403 and post(client, PATH, TYPED).status_code == 403


def test_what_it_gives_is_shown_before_it_is_written(admin, client, make, site_db, now):
    account, _me = make.person(number=33, nickname="Lin")
    on(site_db, now, day=20)
    page = post(admin, PATH, TYPED)
    words = text_of(page)
    assert "What this gives" in words and "+20" in words and "10 of 30 not given" in words
    assert "Nothing is written yet" in words and "Record it" in words
    with site_db.session() as session:
        assert session.scalar(select(func.count()).select_from(LedgerEntry)) == 0
        assert session.scalar(select(func.count()).where(AuditEntry.action == "points.record")) == 0
    done = post(admin, PATH, {**TYPED, "seen": seen(page)}, follow_redirects=True)
    assert "Lin has 20 points more" in text_of(done) and "Reading evening" in text_of(done)
    again = text_of(post(admin, PATH, {**TYPED, "seen": seen(page)}))
    assert "This stands already" in again and "Nothing is written twice" in again
    with site_db.session() as session:
        assert session.scalar(select(func.sum(LedgerEntry.amount))) == 20
        line_id = session.scalar(select(LedgerEntry.id))
    in_language(sign_in(client, account), "en")
    assert "Reading evening" in text_of(client.get("/me/points"))
    assert "Event hosted" in text_of(client.get(f"/me/points/{line_id}"))


def test_another_outcome_than_the_one_shown_is_shown_again(admin, make, site_db, now):
    make.person(number=33, nickname="Lin")
    on(site_db, now)
    first = post(admin, PATH, TYPED)
    on(site_db, now, day=20)
    page = post(admin, PATH, {**TYPED, "seen": seen(first)})
    assert "changed since it was shown" in text_of(page) and "+20" in text_of(page)
    other = post(admin, PATH, {**TYPED, "what": "Something else", "seen": seen(page)})
    assert "Nothing is written yet" in text_of(other)
    with site_db.session() as session:
        assert session.scalar(select(func.count()).select_from(LedgerEntry)) == 0
    assert post(admin, PATH, {**TYPED, "seen": seen(page)}).status_code == 303
    more = text_of(post(admin, PATH, {**TYPED, "what": "Something else"}))
    assert "Recorded of this kind before" in more and "0 points, so that the member reads why" in more


def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(admin, make, site_db, now):
    make.member(number=33)
    on(site_db, now)
    for field, value, says in (
        ("number", "44", "Nobody has number 44"),
        ("number", "9" * 30, "Number must be"),
        ("day", "2026-05-01", "still to come"),
        ("day", "2024-01-01", "days ago"),
        ("day", "soon", "Not a valid date"),
        ("what", "", "required"),
        ("kind", "topic_led", "switched off, so it gives nothing"),
        ("kind", "granted", "Not a valid choice"),
    ):
        page = post(admin, PATH, {**TYPED, field: value})
        assert page.status_code == 422 and says in text_of(page), (field, text_of(page))
        assert field == "what" or "Reading evening" in text_of(page)


def test_recording_costs_the_same_however_much_stands(admin, make, site_db, now):
    member = make.member(number=33)
    on(site_db, now)
    counted = []
    for size in (1, 60):
        for n in range(size):
            make.earn(member, 1, kind="event_hosted", source=f"e:{size}:{n}")
        post(admin, PATH, TYPED)
        with count_statements(site_db.engine) as counts:
            assert post(admin, PATH, TYPED).status_code == 200
        counted.append(counts.count)
    assert counted[0] == counted[1], counted


def test_the_race_would_be_seen_without_its_source(db, make, now, monkeypatch):
    """The negative control: were every source another one, more than one line would stand."""
    count = iter(range(1000))
    real = sources
    monkeypatch.setattr(
        "qunclub.points.services_recorded.sources", lambda *given: [f"{real(*given)[0]}:{next(count)}x"]
    )
    with locks.disabled():
        outcomes = race(db, make, now)
    assert sum(one is True for one in outcomes) > 1
