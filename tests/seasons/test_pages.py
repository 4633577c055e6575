"""The season, its result, the core group and the admin's desk of seasons, as people see them."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from qunclub import jobs, seasons
from qunclub.kernel import Actor
from qunclub.kernel.outbox import OutboxMessage
from qunclub.seasons import services_review
from qunclub.seasons.models import Season
from qunclub.web import mailing, uow
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

ADMIN = Actor.system("test")


@pytest.fixture
def people(make):
    """Six members who can sign in, numbers 1 to 6."""
    return [make.person(number=n, name=f"Person {n}", nickname=f"Nick{n}") for n in range(1, 7)]


@pytest.fixture
def story(make, people):
    """A first season that seated Nick1 and Nick2, and a second one that runs."""
    first = make.season(slug="first", name="First", seats=2, eliminate=1, protection=0, days=5)
    for index, (_account, member) in enumerate(people[:2]):
        make.earn(member, 20 - index, at=first.starts_at)
    make.closed(first)
    second = make.season(
        slug="second", name="Second", starts_at=first.ends_at, seats=2, eliminate=1, protection=1, days=10
    )
    for index, (_account, member) in enumerate(people):
        if index != 1:
            make.earn(member, 60 - 10 * index, at=second.starts_at)
    return first, second


@pytest.fixture
def admin(client, make):
    return in_language(sign_in(client, make.account(roles=("admin",))), "en")


def test_without_a_season_the_pages_say_so(client):
    in_language(client, "en")
    assert "No season yet" in text_of(client.get("/season"))
    assert "still empty" in text_of(client.get("/core"))
    assert client.get("/season/nothing").status_code == 404


def test_a_visitor_reads_the_formula_and_sees_numbers_but_no_names(client, story):
    page = text_of(in_language(client, "en").get("/season"))
    assert "The core group has 2 seats" in page and "did not just leave" in page
    assert "Line of elimination" in page and "Line of promotion" in page
    assert "No. 3" in page and "Nick3" not in page
    chinese = text_of(in_language(client, "zh").get("/season"))
    assert "淘汰线" in chinese and "晋级线" in chinese and "核心群有 2 个席位" in chinese


@pytest.mark.parametrize(
    ("who", "says"),
    [
        (0, "points above the line of elimination"),
        (1, "points to stay in the core group"),
        (2, "you would rise into the core group"),
        (4, "points to the line of promotion"),
    ],
)
def test_every_member_sees_their_own_distance(client, people, story, who, says):
    in_language(sign_in(client, people[who][0]), "en")
    page = text_of(client.get("/season"))
    assert says in page and "Nick3" in page and 'aria-current="true"' in page


def test_the_season_page_costs_the_same_at_any_size(client, make, people, story, site_db):
    sign_in(client, people[4][0])
    counted = []
    for first in (100, 1000):
        make.ranking([5] * 40, first_number=first, at=story[1].starts_at)
        client.get("/season")
        with count_statements(site_db.engine) as seen:
            client.get("/season")
        counted.append(seen.count)
    assert counted[0] == counted[1] <= 11, counted


def test_a_result_tells_everybody_what_it_means_for_them(client, make, people, story):
    second = story[1]
    make.closed(second)
    in_language(client, "en")
    visitor = text_of(client.get("/season/second"))
    assert second.snapshot_hash in visitor and "No. 3" in visitor and "Nick3" not in visitor
    assert "What it means for you" not in visitor
    for who, says in (
        (0, "You stay in the core group"),
        (1, "Your time in the core group ends with this season"),
        (2, "You rose into the core group: with 40 points you stood on place 2"),
        (3, "The last free seat went to a member with 40 points"),
    ):
        in_language(sign_in(client, people[who][0]), "en")
        in_language(client, "en")
        assert says in text_of(client.get("/season/second")), says
    assert "stay yours, and you can rise again" not in text_of(client.get("/season/second"))
    sign_in(client, people[1][0])
    in_language(client, "zh")
    page = text_of(client.get("/season/second"))
    assert "谢谢你一路的承担" in page and "都还是你的" in page
    stranger, _member = make.person(number=77)
    sign_in(client, stranger)
    in_language(client, "en")
    assert "You earned no points in this season" in text_of(client.get("/season/second"))


def test_whoever_did_not_rise_reads_who_did(client, make, people, story, site_db):
    second = story[1]
    make.closed(second, steps=("freeze",))
    with site_db.session() as session, uow.transaction(session):
        services_review.add_exception(
            session, season_id=second.id, number=5, kind="promote", reason="Led it.",
            actor=Actor("test:ada", "Ada"), now=second.ends_at,
        )  # fmt: skip
    make.closed(second, steps=("publish",))
    in_language(sign_in(client, people[2][0]), "en")
    page = text_of(client.get("/season/second"))
    assert (
        "The free seats were given by an exception to the formula" in page
        and "The last free seat" not in page
    )
    # Nobody leaves by the third, so in the fourth nobody is protected any more.
    third = make.season(slug="third", starts_at=second.ends_at, seats=2, eliminate=0)
    make.closed(third)
    fourth = make.season(slug="fourth", starts_at=third.ends_at, seats=2, eliminate=2, only_outranked=True)
    # 1 and 5 sit in the core: 3 outranks 5, and 4 does not outrank 1, who has less than 3.
    for number, many in ((1, 50), (5, 10), (3, 60), (4, 40)):
        make.earn(people[number - 1][1], many, at=fourth.starts_at)
    make.closed(fourth)
    in_language(sign_in(client, people[3][0]), "en")
    assert "The last free seat went to a member with 60 points" in text_of(client.get("/season/fourth"))


def test_a_frozen_season_says_that_it_is_being_decided(client, make, story):
    make.closed(story[1], steps=("freeze",))
    in_language(client, "en")
    page = text_of(client.get("/season"))
    assert "This season has ended" in page and "Line of promotion" not in page
    assert client.get("/season/second").location.endswith("/season")


def test_the_core_page_shows_who_since_when_and_whence(client, people, story):
    in_language(client, "en")
    visitor = text_of(client.get("/core"))
    assert "2 of 2 seats are taken" in visitor and "Nick1" not in visitor and "/season/first" in visitor
    sign_in(client, people[3][0])
    in_language(client, "en")
    page = text_of(client.get("/core"))
    assert "Nick1" in page and "Nick2" in page and "Nick3" not in page


def test_letters_speak_their_readers_language(app, make, people, story, site_db):
    make.closed(story[1])
    with site_db.session() as session:
        letters = session.scalars(select(OutboxMessage).where(OutboxMessage.key.contains("season:"))).all()
        payloads = [letter.payload for letter in letters if "Second" in str(letter.payload)]
    sent = []

    class Box:
        def send(self, message):
            sent.append(message)

    state = app.extensions["qunclub"]
    state.mailer = Box()
    with app.app_context():
        for payload in payloads:
            mailing.deliver(state, {**payload, "locale": "en"}, "k")
            mailing.deliver(state, {**payload, "locale": "zh"}, "k")
    subjects = {message.subject for message in sent}
    assert "You rose into the core group: Second" in subjects and "恭喜晋级核心群：Second" in subjects
    assert any("your number, your passes" in message.body for message in sent)
    assert all("%(" not in message.body and "/season/second" in message.body for message in sent)
    assert jobs is not None


# ---- admins


@pytest.mark.parametrize("path", ["", "/new", "/1", "/1/edit", "/1/outcomes.csv", "/1/snapshot.csv"])
def test_the_desk_of_seasons_is_for_admins(client, make, story, path):
    sign_in(client, make.account(number=600, roles=("instructor", "host")))
    assert client.get(f"/admin/seasons{path}").status_code == 403


def form(**changed):
    return {
        "name": "Spring",
        "slug": "spring",
        "starts_at": "2026-04-01T00:00",
        "ends_at": "2026-05-01T00:00",
        "seats": "3",
        "eliminate": "1",
        "protection": "1",
        "min_points": "1",
        "group_id": "",
        "version": "",
    } | changed


def test_an_admin_takes_a_season_from_draft_to_the_archive(admin, make, people, site_db, clock):
    assert "No season yet" in text_of(admin.get("/admin/seasons"))
    proposal = text_of(admin.get("/admin/seasons/new"))
    assert "2026-05-01T00:00" in proposal and "2026-06-01T00:00" in proposal
    made = post(admin, "/admin/seasons/new", form())
    assert made.status_code == 303
    path = made.location
    with site_db.session() as session:
        season = session.scalars(select(Season)).one()
        # Midnight in Shanghai.
        assert season.starts_at == dt.datetime(2026, 3, 31, 16, tzinfo=dt.UTC)
        version = season.version
    assert admin.get("/season/spring").status_code == 404, "a draft is not public"
    assert post(admin, f"{path}/edit", form(seats="2", version=version)).status_code == 303
    stale = post(admin, f"{path}/edit", form(seats="9", name="Spring of mine", version=version))
    assert stale.status_code == 409 and "Nothing was overwritten" in text_of(stale)
    assert 'value="9"' in text_of(stale) and 'value="Spring of mine"' in text_of(stale)
    assert "<dd>2</dd>" in text_of(stale), "what stands now"
    refused = post(admin, f"{path}/edit", form(seats="0", version=version + 1))
    assert refused.status_code == 422
    assert "Open the season" in text_of(admin.get(path))
    assert post(admin, f"{path}/open").status_code == 303
    for index, (_account, member) in enumerate(people):
        make.earn(member, 60 - index)
    page = text_of(admin.get(path))
    assert "Outcomes if it ended now" in page and "Nick1" in page and "2 rise · 0 stay · 0 leave" in page
    assert "Freeze the standings" not in page
    assert post(admin, f"{path}/freeze").status_code == 409
    clock.advance(days=30)
    assert "Freeze the standings" in text_of(admin.get(path))
    assert post(admin, f"{path}/freeze").status_code == 303
    page = text_of(admin.get(path))
    assert (
        "2 rise, 0 stay, 0 leave the core group" in page
        and "until the season is put away it can be taken back" in page
    )
    done = post(admin, f"{path}/publish", follow_redirects=True)
    assert "The season is published: 2 rose, 0 stay, 0 left." in text_of(done)
    again = post(admin, f"{path}/publish", follow_redirects=True)
    assert "Somebody published this season before you" in text_of(again)
    assert post(admin, f"{path}/close").status_code == 303
    page = text_of(admin.get(path))
    assert "Nothing is left to do" in page and "among the best for the free seats" in page
    rows = text_of(admin.get(f"{path}/outcomes.csv")).splitlines()
    assert len(rows) == 3 and rows[1].startswith("promoted,1,1,1,Nick1,60,")
    rows = text_of(admin.get(f"{path}/snapshot.csv")).splitlines()
    assert len(rows) == 7 and rows[1].startswith("1,1,60,") and rows[1].endswith("promoted")
    assert "Spring" in text_of(admin.get("/admin/seasons?state=closed&q=Spr"))
    assert "No such season" in text_of(admin.get("/admin/seasons?q=autumn"))


def test_what_cannot_be_is_said_beside_its_field_and_keeps_what_was_typed(admin):
    answer = post(admin, "/admin/seasons/new", form(eliminate="90000", name="Kept"))
    page = text_of(answer)
    assert answer.status_code == 422 and "last places leave" in page and "Kept" in page
    assert post(admin, "/admin/seasons/new", form(starts_at="tomorrow")).status_code == 422
    assert post(admin, "/admin/seasons/new", form(group_id="77")).status_code == 422


def test_the_admins_pages_speak_chinese(admin, story):
    in_language(admin, "zh")
    assert "赛季" in text_of(admin.get("/admin/seasons"))
    page = text_of(admin.get(f"/admin/seasons/{story[1].id}"))
    assert "假如现在结束" in page and "淘汰线" in page
    assert "保存草稿" in text_of(admin.get("/admin/seasons/new"))


def test_a_core_group_can_be_chosen(admin, make, site_db):
    line = make.group_line(slug="core", kind="core", capacities=[3], posting="all")
    with site_db.session() as session:
        ident = seasons.queries.core_groups(session)[0][0]
    assert post(admin, "/admin/seasons/new", form(group_id=str(ident))).status_code == 303
    answer = post(admin, "/admin/seasons/new", form(slug="more", seats="4", group_id=str(ident)))
    assert answer.status_code == 422 and "has 3 seats" in text_of(answer)
    assert line.slug == "core"


def test_every_rule_of_the_formula_is_set_in_the_form_kept_and_told(admin, site_db, clock, client):
    typed = form(
        starts_at="2026-05-01T00:00", ends_at="2026-06-01T00:00", eliminate_percent="10", only_outranked="1",
        reentry="2", leaves="1", need_pass="1", min_works="3", min_days="30", ties="earlier", appeal_days="7",
        two_person="1", clean_days="90", weight_granted="50",
    )  # fmt: skip
    refused = post(
        admin, "/admin/seasons/new", typed | {"min_works": "300", "weight_lesson_completed": "9999"}
    )
    page = text_of(refused)
    assert (
        refused.status_code == 422
        and "Least accepted works" in page
        and "9999" in page
        and "Number must be" in page
    )
    made = post(admin, "/admin/seasons/new", typed)
    assert made.status_code == 303
    with site_db.session() as session:
        formula = session.scalars(select(Season)).one().formula
    assert formula == seasons.Formula(
        3, 1, eliminate_percent=10, only_outranked=True, weights=(("granted", 50),), ties=("earlier",),
        need_pass=True, min_works=3, min_days=30, leaves=1, reentry=2, appeal_days=7, two_person=True, clean_days=90,
    )  # fmt: skip
    again = text_of(admin.get(f"{made.location}/edit"))
    assert 'name="weight_granted"' in again and 'value="50"' in again
    assert "Nobody leaves but for somebody outside" in text_of(admin.get(made.location))
    assert post(admin, f"{made.location}/open").status_code == 409, "it has not begun: it is announced"
    assert post(admin, f"{made.location}/announce").status_code == 303
    page = text_of(in_language(client, "en").get("/season"))
    assert "Coming seasons" in page and "/season/spring" in page
    page = text_of(client.get("/season/spring"))
    for said in (
        "Given by hand 50%", "at least 3 accepted works", "at least 30 days", "after 2 more seasons", "may take leave",
        "another one publishes", "For 7 days", "holds a pass", "none of the last 90 days",
    ):  # fmt: skip
        assert said in page, said
    assert "再过 2 个赛季" in text_of(in_language(client, "zh").get("/season/spring"))
    proposal = text_of(admin.get("/admin/seasons/new"))
    assert 'value="30"' in proposal


def test_a_core_member_takes_leave_and_comes_back_and_the_admin_sees_it(client, make, people, clock):
    first = make.season(slug="first", seats=2, eliminate=1, protection=0, days=5)
    for _account, member in people[:2]:
        make.earn(member, 20, at=first.starts_at)
    make.closed(first)
    second = make.season(slug="second", starts_at=first.ends_at, seats=2, eliminate=1, days=30, leaves=1)
    assert client.get("/season/second/leave").status_code in (302, 303, 401)
    in_language(sign_in(client, people[4][0]), "en")
    assert "members of the core group" in text_of(client.get("/season/second/leave"))
    assert post(client, "/season/second/leave", {"reason": "Please"}).status_code == 409
    in_language(sign_in(client, people[0][0]), "en")
    assert "/season/second/leave" in text_of(client.get("/season"))
    assert post(client, "/season/second/leave", {"reason": ""}).status_code == 422
    assert post(client, "/season/second/leave", {"reason": "A child is born"}).status_code == 303
    assert "A child is born" in text_of(client.get("/season/second/leave"))
    for path in ("/season", "/"):
        assert "your seat waits for you" in text_of(client.get(path)), path
    assert "席位给你留着" in text_of(in_language(client, "zh").get("/season"))
    admin = in_language(sign_in(client, make.account(number=600, roles=("admin",))), "en")
    page = text_of(admin.get(f"/admin/seasons/{second.id}"))
    assert "A child is born" in page and "Nick1" in page
    in_language(sign_in(client, people[0][0]), "en")
    assert post(client, "/season/second/leave/end").status_code == 303
    assert "Take leave this season" in text_of(client.get("/season/second/leave"))
    clock.advance(days=20)
    assert "The first half of the season is over" in text_of(client.get("/season/second/leave"))


def test_the_review_is_done_on_the_page_and_a_second_admin_publishes(client, make, people, site_db, clock):
    first = make.season(slug="first", seats=2, eliminate=1, protection=0, days=5)
    for _account, member in people[:2]:
        make.earn(member, 20, at=first.starts_at)
    make.closed(first)
    season = make.season(
        slug="second", name="Second", starts_at=first.ends_at, seats=2, eliminate=1, days=5, two_person=True
    )
    for (_account, member), many in zip(people, (20, 5, 50, 40), strict=False):
        make.earn(member, many, at=season.starts_at)
    path = f"/admin/seasons/{season.id}"
    teacher, _member = make.person(number=50, roles=("instructor",))
    assert client.get("/season/second/nominate").status_code != 200
    in_language(sign_in(client, people[4][0]), "en")
    assert client.get("/season/second/nominate").status_code == 403
    in_language(sign_in(client, teacher), "en")
    assert "/season/second/nominate" in text_of(client.get("/season"))
    assert post(client, "/season/second/nominate", {"number": "4", "reason": ""}).status_code == 422
    assert post(client, "/season/second/nominate", {"number": "4", "reason": "Carried us"}).status_code == 303
    assert "Carried us" in text_of(client.get("/season/second/nominate"))
    ada, bob = (make.account(number=600 + n, roles=("admin",)) for n in (1, 2))
    in_language(sign_in(client, ada), "en")
    assert "Carried us" in text_of(client.get(path))
    assert post(client, f"{path}/dry-run").status_code == 303
    assert "Nothing differs" in text_of(client.get(path))
    clock.advance(days=30)
    assert post(client, f"{path}/freeze").status_code == 303
    refused = post(client, f"{path}/exceptions", {"number": "1", "kind": "keep", "reason": "Typed words"})
    assert refused.status_code == 422
    assert "would change nothing" in text_of(refused) and "Typed words" in text_of(refused)
    made = post(client, f"{path}/exceptions", {"number": "2", "kind": "keep", "reason": "Was in hospital"})
    assert made.status_code == 303
    page = text_of(client.get(path))
    assert "by an exception" in page and "Was in hospital" in page and "Publish the result" not in page
    assert post(client, f"{path}/publish").status_code == 409
    assert post(client, f"{path}/propose").status_code == 303
    assert "Another admin publishes it" in text_of(client.get(path))
    assert post(client, f"{path}/publish").status_code == 403
    in_language(sign_in(client, bob), "en")
    page = text_of(client.get(path))
    assert "Proposed by" in page and "Publish the result" in page
    assert post(client, f"{path}/publish").status_code == 303
    result = text_of(client.get("/season/second"))
    assert "Exceptions to the formula" in result and "Was in hospital" in result
    assert "规则之外的例外" in text_of(in_language(client, "zh").get("/season/second"))
    in_language(sign_in(client, people[1][0]), "en")
    assert "You stay in the core group by an exception" in text_of(client.get("/season/second"))


def test_a_season_that_is_over_and_not_frozen_says_so(client, make, people):
    season = make.season(
        slug="over", name="Over", starts_at=make.now - dt.timedelta(days=40), seats=1, eliminate=0
    )
    for (_account, member), many in zip(people[:2], (20, 10), strict=True):
        make.earn(member, many, at=season.starts_at)
    member = in_language(sign_in(client, people[1][0]), "en")
    page = text_of(member.get("/season"))
    assert "This season is over" in page and "counts for the next one" in page
    assert "out of reach until the season ends" not in page
    assert "本赛季已结束" in text_of(in_language(member, "zh").get("/season"))


def test_the_list_says_how_many_leave_also_by_a_share(admin, make):
    make.season(slug="share", seats=40, eliminate=0, eliminate_percent=10)
    assert ">4</td>" in admin.get("/admin/seasons").text
