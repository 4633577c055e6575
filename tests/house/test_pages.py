"""The pages of the house: who may see what, what they say, that nothing typed is lost, and what they cost."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from qunclub import house as room
from qunclub.house import services_sanctions
from qunclub.house.models import Mute, Report, Sanction, SanctionAppeal, Schedule
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements


@pytest.fixture
def club(make, site_db, client):
    """The house, with an account for each of its people; ``signs(name)`` makes the client theirs."""
    house = make.house(
        name="Foundation",
        slug="foundation",
        name_pattern="Foundation {index}",
        posting="all",
        capacities=(9,),
    )
    people = {}
    for name, roles, seated in (
        ("inside", (), True), ("outside", (), False), ("hosting", ("host",), False),
        ("teaching", ("instructor",), False),
        ("ruling", ("admin",), False), ("second", ("admin",), False),
    ):  # fmt: skip
        account, row = make.person(name=name, number=True, roles=roles)
        if seated:
            make.seat(house.line, row)
        people[name] = account, row
    offender, row = make.person(name="wild", number=True)
    house.people, house.offender = {**people, "wild": (offender, row)}, row
    house.offender_seat = make.seat(house.line, row)
    house.report = lambda: make.reported(house, subject_id=house.offender_seat.id)

    host = make.actor(people["hosting"][1])

    def sanction(act="warning", **values):
        facts = {"category": "abuse", "days": 0, "reason": "You shouted.", "departure": "Severe."}

        def go(session):
            return room.sanction_seat(
                session, seat_id=house.offender_seat.id, act=act, actor=host, now=make.now, **{**facts, **values},
            ).id  # fmt: skip

        return site_db.transact(go)

    house.sanction = sanction
    house.signs = lambda name: in_language(
        sign_in(client, people[name][0] if name != "wild" else offender), "en"
    )
    return house


def rows(db, model):
    with db.session() as session:
        return list(session.scalars(select(model).order_by(model.id)))


# ---- who may see what ----

HOSTS = ["/desk/reports", "/desk/reports/log", "/desk/quiet"]
ADMINS = ["/desk/reports/appeals", "/admin/house"]


@pytest.mark.parametrize("path", HOSTS + ADMINS)
def test_desks_are_for_hosts_and_admins(club, client, path):
    client.get("/account/sign-out")
    assert client.get(path).status_code == 303
    for name in ("inside", "outside", "teaching", *(["hosting"] if path in ADMINS else [])):
        club.signs(name)
        assert client.get(path).status_code == 403, name
    club.signs("ruling")
    for language in ("en", "zh"):
        answer = in_language(client, language).get(path)
        assert answer.status_code == 200 and text_of(answer).count("<h1") == 1


def test_every_object_of_the_desk_is_for_hosts(club, client, site_db):
    report, sanction = club.report(), club.sanction("mute", days=3)
    group, line, seat = club.group.id, club.line.id, club.offender_seat.id
    mute = rows(site_db, Mute)[0].id
    pages = [
        f"/desk/reports/{report.id}", f"/desk/reports/seats/{seat}", f"/desk/reports/sanctions/{sanction}",
        f"/desk/quiet/{group}", f"/desk/quiet/lines/{line}",
    ]  # fmt: skip
    acts = [
        f"/desk/reports/{report.id}/claim", f"/desk/reports/{report.id}/release", f"/desk/reports/{report.id}/dismiss",
        f"/desk/reports/{report.id}/decide", f"/desk/reports/seats/{seat}",
        f"/desk/reports/sanctions/{sanction}/overturn",
        f"/desk/quiet/{group}", f"/desk/quiet/lines/{line}", f"/desk/quiet/{group}/follow", f"/desk/quiet/{group}/mute",
        f"/desk/quiet/mutes/{mute}/lift", "/admin/house", "/desk/reports/appeals/1/answer",
    ]  # fmt: skip
    for name in ("inside", "wild", "teaching"):
        club.signs(name)
        for path in pages:
            assert client.get(path).status_code == 403, (name, path)
        for path in acts:
            assert post(client, path).status_code == 403, (name, path)
    club.signs("hosting")
    for path in pages:
        assert client.get(path).status_code == 200, path
    for path in ("overturn", "appeals", "admin"):
        for act in (one for one in acts if path in one):
            assert post(client, act).status_code == 403, act
    for path in (
        "/desk/reports/9999",
        "/desk/reports/seats/9999",
        "/desk/reports/sanctions/9999",
        "/desk/quiet/9999",
    ):
        assert client.get(path).status_code == 404, path


# ---- members ----


def test_a_member_reports_and_hears_of_it(club, client, site_db):
    club.signs("inside")
    page = text_of(client.get("/groups/foundation-1"))
    assert "/groups/foundation-1/report" in page and "You can write now" in page
    number = club.offender.number
    assert "/groups/foundation-1/report" in text_of(client.get(f"/members/{number}"))
    assert f'value="{number}"' in text_of(client.get(f"/groups/foundation-1/report?number={number}"))
    wrong = post(
        client, "/groups/foundation-1/report", {"number": 9999, "category": "spam", "reason": "Sells shoes."}
    )
    assert wrong.status_code == 422
    assert "Nobody with this number" in text_of(wrong) and "Sells shoes." in text_of(wrong)
    form = {"number": number, "category": "spam", "reason": "Sells shoes."}
    assert post(client, "/groups/foundation-1/report", form).status_code == 303
    assert post(client, "/groups/foundation-1/report", form).status_code == 409
    page = text_of(client.get("/me/standing"))
    assert "Waits for a host" in page and "All is well" in page
    (report,) = rows(site_db, Report)
    club.signs("hosting")
    page = text_of(client.get("/desk/reports"))
    assert "Advertising or spam" in page and '<span class="qc-count">1</span>' in page
    post(client, f"/desk/reports/{report.id}/claim")
    post(client, f"/desk/reports/{report.id}/dismiss", {"answer": "He gave them away."})
    club.signs("inside")
    assert "He gave them away." in text_of(client.get("/me/standing"))


def test_strangers_cannot_report_what_they_do_not_see(club, client):
    for path in ("/groups/foundation-1/report", f"/report/conduct/{club.offender_seat.id}", "/report/moon/1"):
        club.signs("outside")
        assert client.get(path).status_code == 404
        assert post(client, path, {"number": 1}).status_code == 404
    club.signs("inside")
    assert client.get(f"/report/conduct/{club.offender_seat.id}").status_code == 200
    answer = post(
        client, f"/report/conduct/{club.offender_seat.id}", {"category": "abuse", "reason": "Shouts."}
    )
    assert answer.status_code == 303
    own = f"/members/{club.people['inside'][1].number}"
    assert "/report" not in text_of(client.get(own)), "nobody reports themselves"


def test_a_sanctioned_member_is_told_everywhere(club, client):
    sanction = club.sanction("mute", days=3)
    club.signs("wild")
    for path in ("/me", "/me/standing"):
        assert "You shouted." in text_of(client.get(path))
    page = text_of(client.get("/groups/foundation-1"))
    assert ("You are muted in this group" in page and "18 Apr" in page) or "Apr 18, 2026" in page
    page = text_of(client.get("/me/standing"))
    assert "stay yours" in page and f"/me/standing/{sanction}/appeal" in page
    club.signs("inside")
    assert client.get(f"/me/standing/{sanction}/appeal").status_code == 404
    assert post(client, f"/me/standing/{sanction}/appeal", {"reason": "x"}).status_code == 404


def test_an_appeal_by_its_pages(club, client, site_db):
    sanction = club.sanction("removal")
    club.signs("wild")
    path = f"/me/standing/{sanction}/appeal"
    assert client.get(path).status_code == 200
    assert post(client, path, {"reason": " "}).status_code == 422
    assert post(client, path, {"reason": "It was a song."}).status_code == 303
    again = post(client, path, {"reason": "And again."})
    assert again.status_code == 409 and "And again." in text_of(again)
    assert client.get(path).status_code == 303
    (appeal,) = rows(site_db, SanctionAppeal)
    club.signs("hosting")
    assert "It was a song." in text_of(client.get(f"/desk/reports/sanctions/{sanction}"))
    club.signs("ruling")
    assert "wild" in text_of(client.get("/desk/reports/appeals"))
    answer = f"/desk/reports/appeals/{appeal.id}/answer"
    assert post(client, answer, {"outcome": "uphold", "answer": ""}).status_code == 422
    assert post(client, answer, {"outcome": "uphold", "answer": "Indeed a song."}).status_code == 303
    assert post(client, answer, {"outcome": "decline", "answer": "No."}).status_code == 409
    club.signs("wild")
    page = text_of(client.get("/me/standing"))
    assert "Taken back" in page and "Indeed a song." in page
    assert client.get("/groups/foundation").location.endswith("/groups/foundation-1"), "seated again"


# ---- hosts ----


def test_a_host_does_not_read_who_reported_them(club, client, make, site_db):
    """Not in the queue, not on the page: the others decide it, and members tell without fear."""
    account, row = make.person(name="loud", number=True, roles=("host",))
    seat = make.seat(club.line, row)
    report = make.reported(club, subject_id=seat.id)
    path = f"/desk/reports/{report.id}"
    in_language(sign_in(client, account), "en")
    assert path not in text_of(client.get("/desk/reports"))
    answer = client.get(path)
    assert answer.status_code == 403 and "Witness" not in text_of(answer) and "Shouts." not in text_of(answer)
    for act in ("claim", "dismiss", "decide"):
        assert (
            post(client, f"{path}/{act}", {"answer": "x", "act": "warning", "reason": "x"}).status_code == 403
        )
    club.signs("hosting")
    assert path in text_of(client.get("/desk/reports")) and "Shouts." in text_of(client.get(path))


@pytest.mark.parametrize("path", ["/admin/house", "/desk/quiet/{group}"])
def test_a_version_that_is_none_is_stale(club, client, path):
    club.signs("ruling")
    path = path.format(group=club.group.id)
    form = {
        "steps-0-act": "warning", "forget_days": 9, "appeal_days": 9, "windows": "5 20:00-22:00", "slow_seconds": 0,
    }  # fmt: skip
    assert post(client, path, {**form, "version": "0"}).status_code == 303
    for version in ("seven", "-1", "9" * 40):
        assert post(client, path, {**form, "version": version}).status_code == 409, version


def test_a_case_is_held_and_decided(club, client, site_db):
    report = club.report()
    club.signs("hosting")
    page = text_of(client.get(f"/desk/reports/{report.id}"))
    assert "Hold this report" in page and "Shouts." in page and "/decide" not in page
    assert post(client, f"/desk/reports/{report.id}/claim").status_code == 303
    page = text_of(client.get(f"/desk/reports/{report.id}"))
    assert "The ladder proposes step 1:" in page and re.search(r'selected[^>]* value="warning"', page)
    decide = f"/desk/reports/{report.id}/decide"
    refused = post(client, decide, {"act": "removal", "days": "", "reason": "Shouting is out."})
    assert refused.status_code == 422 and "Shouting is out." in text_of(refused)
    club.signs("ruling")
    assert "Held by hosting" in text_of(client.get(f"/desk/reports/{report.id}"))
    late = post(client, decide, {"act": "warning", "reason": "Mine."})
    assert late.status_code == 409
    club.signs("hosting")
    assert post(client, decide, {"act": "warning", "reason": "Shouting is out."}).status_code == 303
    page = text_of(client.get("/desk/reports/log"))
    assert "Warning" in page and "wild" in page
    assert "The hosts have acted" in text_of(client.get(f"/desk/reports/{report.id}"))
    assert len(rows(site_db, Sanction)) == 1


def test_a_host_acts_on_what_they_saw(club, client, site_db):
    club.signs("hosting")
    number = club.offender.number
    assert f"/desk/reports/seats/{club.offender_seat.id}" in text_of(client.get(f"/members/{number}"))
    path = f"/desk/reports/seats/{club.offender_seat.id}"
    assert "The ladder proposes" in text_of(client.get(path))
    form = {"category": "spam", "act": "removal", "days": "", "reason": "Shoes again.", "departure": ""}
    assert post(client, path, form).status_code == 422
    assert post(client, path, {**form, "departure": "The third channel."}).status_code == 303
    assert client.get(path).status_code == 404
    (line,) = rows(site_db, Sanction)
    club.signs("ruling")
    page = text_of(client.get(f"/desk/reports/sanctions/{line.id}"))
    assert "The third channel." in page and "Take it back" in page
    back = f"/desk/reports/sanctions/{line.id}/overturn"
    assert post(client, back, {"reason": ""}).status_code == 422
    assert post(client, back, {"reason": "No shoes."}).status_code == 303
    assert post(client, back, {"reason": "Twice."}).status_code == 409


def test_open_hours_by_their_pages(club, client, site_db):
    club.signs("hosting")
    path = f"/desk/quiet/{club.group.id}"
    form = {"windows": "5 20:00-22:00", "slow_seconds": "30", "version": "0"}
    wrong = post(client, path, {**form, "windows": "Friday"})
    assert wrong.status_code == 422 and "Line 1 is no window" in text_of(wrong) and "Friday" in text_of(wrong)
    assert post(client, path, form).status_code == 303
    stale = post(client, path, {**form, "slow_seconds": "40"})
    assert stale.status_code == 409 and 'value="40"' in text_of(stale)
    page = text_of(client.get("/desk/quiet"))
    assert "20:00–22:00" in page and "Friday" in page and "30 seconds" in page
    assert post(client, f"/desk/quiet/lines/{club.line.id}", {**form, "windows": ""}).status_code == 303
    club.signs("inside")
    page = text_of(client.get("/groups/foundation-1"))
    assert "Quiet now" in page and "Apr 17, 2026 20:00" in page and "Friday" in page
    club.signs("hosting")
    assert post(client, path + "/follow", {"version": "9"}).status_code == 409
    assert post(client, path + "/follow", {"version": "1"}).status_code == 303
    assert [row.group_id for row in rows(site_db, Schedule)] == [None]


def test_mutes_by_their_pages(club, client, site_db):
    club.signs("hosting")
    path = f"/desk/quiet/{club.group.id}/mute"
    assert post(client, path, {"role": "", "hours": "2", "reason": ""}).status_code == 422
    assert post(client, path, {"role": "host", "hours": "2", "reason": "Rest."}).status_code == 403
    for day in ("9999-12-31T23:59", "0001-01-01T00:00"):
        wrong = post(client, path, {"role": "", "hours": "2", "reason": "Exams.", "starts_at": day})
        assert wrong.status_code == 422 and "Choose a year from 1970 to 2200." in text_of(wrong)
        assert "Exams." in text_of(wrong), "what was typed stays"
    assert post(client, path, {"role": "", "hours": "2", "reason": "Exams."}).status_code == 303
    later = {"role": "instructor", "starts_at": "2026-04-16T09:00", "hours": "0", "reason": "Holidays."}
    assert post(client, path, later).status_code == 303
    page = text_of(client.get(f"/desk/quiet/{club.group.id}"))
    assert "Exams." in page and "Holidays." in page and "from Apr 16, 2026 09:00" in page
    club.signs("inside")
    assert "Exams." in text_of(client.get("/groups/foundation-1"))
    club.signs("hosting")
    first = rows(site_db, Mute)[0]
    assert post(client, f"/desk/quiet/mutes/{first.id}/lift").status_code == 303
    assert post(client, f"/desk/quiet/mutes/{first.id}/lift").status_code == 409
    club.signs("inside")
    assert "You can write now" in text_of(client.get("/groups/foundation-1"))


def test_the_ladder_by_its_page(club, client, site_db):
    club.signs("ruling")
    form = {
        "steps-0-act": "mute", "steps-0-days": "1", "steps-1-act": "removal", "steps-1-days": "77777",
        "forget_days": "0", "appeal_days": "7", "version": "0",
    }  # fmt: skip
    assert post(client, "/admin/house", {**form, "appeal_days": "0"}).status_code == 422
    assert post(client, "/admin/house", form).status_code == 303
    assert post(client, "/admin/house", form).status_code == 409
    page = client.get("/admin/house").get_data(as_text=True)
    assert '<option selected value="mute">' in page and '<option selected value="removal">' in page
    with site_db.session() as session:
        kept = services_sanctions.ladder(session)
    # The days of what is no mute are not seen, and not kept.
    assert kept.steps == (room.Step("mute", 1), room.Step("removal")) and kept.forget_days == 0


def test_the_ladders_rows_come_and_go_without_javascript(club, client, site_db):
    club.signs("ruling")
    form = {
        "steps-0-act": "warning", "steps-0-days": "", "steps-1-act": "mute", "steps-1-days": "12",
        "forget_days": "33", "appeal_days": "7", "version": "0",
    }  # fmt: skip

    def rungs(answer):
        page = answer.get_data(as_text=True)
        return re.findall(r'name="(steps-\d+-act)"', page), page

    more, page = rungs(post(client, "/admin/house", {**form, "add_step": "1"}))
    assert (
        more == ["steps-0-act", "steps-1-act", "steps-2-act"]
        and 'value="12"' in page
        and 'value="33"' in page
    )
    less, page = rungs(post(client, "/admin/house", {**form, "remove_step": "steps-0"}))
    assert less == ["steps-0-act"] and 'value="12"' in page and '<option selected value="mute">' in page
    many = {f"steps-{n}-act": "warning" for n in range(10)}
    full, page = rungs(post(client, "/admin/house", {**form, **many, "add_step": "1"}))
    assert len(full) == 10 and "add_step" not in page
    # Nothing of it was saved; what is sent after a removal keeps its numbers and is one step.
    with site_db.session() as session:
        assert services_sanctions.ladder(session).version == 0
    one = {name: value for name, value in form.items() if not name.startswith("steps-0")}
    assert post(client, "/admin/house", one).status_code == 303
    with site_db.session() as session:
        assert services_sanctions.ladder(session).steps == (room.Step("mute", 12),)


def test_a_step_speaks_chinese_too(club, client):
    club.signs("ruling")
    form = {
        "steps-0-act": "mute",
        "steps-0-days": "soon",
        "forget_days": "9",
        "appeal_days": "7",
        "version": "0",
    }
    wrong = text_of(post(in_language(client, "zh"), "/admin/house", form))
    assert "第 1 级「禁言天数」：" in wrong and "Not a valid" not in wrong


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (
            {"steps-0-act": "warning", "steps-1-act": "mute", "steps-1-days": "soon"},
            "Step 2, Days of a mute: ",
        ),
        ({"steps-0-act": "mute", "steps-0-days": "99999"}, "Step 1: write a number of days from 0 to 3650."),
        ({"steps-0-act": "mute", "steps-0-days": "-1"}, "Step 1: write a number of days from 0 to 3650."),
        ({"steps-0-act": "warning", "steps-1-act": "ban"}, "Step 2, What follows: "),
        ({}, "A ladder has 1 to 10 steps."),
    ],
)
def test_what_is_wrong_in_a_step_names_it_and_stays_typed(club, client, steps, said):
    club.signs("ruling")
    wrong = post(client, "/admin/house", {"forget_days": "33", "appeal_days": "7", "version": "0", **steps})
    page = wrong.get_data(as_text=True)
    assert wrong.status_code == 422 and said in text_of(wrong)
    assert 'value="33"' in page and all(
        f'value="{typed}"' in page for name, typed in steps.items() if "days" in name
    )


# ---- cost ----


def test_pages_cost_the_same_with_many(club, client, make, site_db):
    report, sanction = club.report(), club.sanction("mute", days=3)

    def cost(who, path):
        club.signs(who)
        client.get(path)
        with count_statements(site_db.engine) as sent:
            assert client.get(path).status_code == 200
        return sent.count

    paths = [
        ("hosting", "/desk/reports"), ("hosting", f"/desk/reports/{report.id}"), ("hosting", "/desk/reports/log"),
        ("ruling", "/desk/reports/appeals"), ("ruling", f"/desk/reports/sanctions/{sanction}"),
        ("hosting", "/desk/quiet"),
        ("hosting", f"/desk/quiet/{club.group.id}"), ("wild", "/me/standing"), ("wild", "/me"),
        ("wild", "/groups/foundation-1"), ("inside", f"/members/{club.offender.number}"),
    ]  # fmt: skip
    before = [cost(*path) for path in paths]
    for _ in range(4):
        club.sanction("mute", days=3)
        third = make.member(number=True)
        make.seat(club.line, third) if club.group.seated < 9 else None
    for _ in range(3):
        other = make.house(posting="all")
        make.reported(other)
        make.sanctioned(other, "mute")
    assert [cost(*path) for path in paths] == before
