"""The pages of contests: what they say, who sees what when, and what they cost."""

import io
from typing import Any

import pytest
from sqlalchemy import select

from qunclub import contests
from qunclub.contests.models import ContestEntry
from qunclub.home.export import export
from qunclub.home.leaving import leave
from qunclub.kernel import Actor
from qunclub.kernel.outbox import OutboxMessage
from tests.homework.pictures import picture, png_claiming
from tests.support.pages import post, text_of
from tests.support.statements import count_statements

ADMIN = Actor.system("test")
MULTI: Any = {"content_type": "multipart/form-data"}


@pytest.fixture
def author(make):
    return make.person(name="Author", number=True)


@pytest.fixture
def voting(make, author):
    """(contest, the author's entry, another's entry) while votes are taken."""
    contest = make.contest(at="voting", slug="one-page", title="One page for mum")
    mine = make.contest_entry(contest, member=author[1], title="Mine", body_md="MY TEXT")
    return contest, mine, make.contest_entry(contest, title="Theirs", body_md="THEIR TEXT")


def publish(site_db, contest, now):
    with site_db.uow() as session:
        contests.publish_results(session, contest_id=contest.id, now=now, actor=ADMIN)


def test_empty_states_in_both_languages(visit):
    assert "No contest yet" in text_of(visit().get("/contests"))
    assert "还没有比赛" in text_of(visit(None, "zh").get("/contests"))


def test_the_list_tells_current_from_past(visit, make, site_db, now):
    make.contest(title="Runs now")
    make.contest(title="Only a draft", state="draft")
    past = make.contest(at="judging", title="Long ago")
    make.contest_entry(past)
    publish(site_db, past, now)
    page = text_of(visit().get("/contests"))
    assert "Runs now" in page and "Only a draft" not in page
    assert page.index("Runs now") < page.index("Past contests") < page.index("Long ago")


def test_the_call_says_how_it_is_judged_and_what_there_is_to_win(visit, make):
    contest = make.contest(slug="one-page", jury_percent=60)
    make.contest_prize(contest, title="A notebook", first_place=2, stock=3)
    page = text_of(visit().get("/contests/one-page"))
    assert "makes 60 % of the result" in page and "votes 40 %" in page and "has 3 votes" in page
    assert "A notebook" in page and "from place 2 on" in page and "3 pieces" in page
    assert "Make <strong>one</strong> page." in page and "Contests are for members with a number." in page
    assert 'property="og:title" content="One page"' in page
    zh = text_of(visit(None, "zh").get("/contests/one-page"))
    assert "评委平均分占 60 %" in zh and "报名中" in zh
    for weight, says in (
        (0, "The members&#39; votes decide"),
        (100, "The mean of the jury&#39;s scores decides"),
    ):
        other = make.contest(jury_percent=weight)
        assert says in text_of(visit().get(f"/contests/{other.slug}"))


def test_a_draft_is_for_admins(visit, make):
    make.contest(slug="one-page", state="draft")
    assert visit().get("/contests/one-page").status_code == 404
    assert visit(make.account(roles=("instructor",))).get("/contests/one-page").status_code == 404
    assert "Only admins see this contest" in text_of(
        visit(make.account(roles=("admin",))).get("/contests/one-page")
    )


def test_a_member_enters_with_a_picture_changes_it_and_withdraws(visit, make, author, site_db, app):
    make.contest(slug="one-page")
    client = visit(author[0])
    form = text_of(client.get("/contests/one-page/enter"))
    assert "How it is judged" in form and "makes 50 % of the result" in form
    answer = post(
        client,
        "/contests/one-page/enter",
        {"title": "Mine", "body_md": "**Hello**", "picture": (io.BytesIO(picture()), "shot.png")},
        **MULTI,
    )
    assert answer.status_code == 303, text_of(answer)
    with site_db.session() as session:
        row = session.scalars(select(ContestEntry)).one()
    assert row.image_type == "image/png" and row.image_key.startswith("contests/")
    path = f"/contests/one-page/entries/{row.id}"
    page = text_of(client.get(path))
    assert "<strong>Hello</strong>" in page and "Only you and the admins see it" in page
    shot = client.get(f"{path}/picture")
    assert shot.mimetype == "image/png" and shot.headers["X-Content-Type-Options"] == "nosniff"
    assert (
        "sandbox" in shot.headers["Content-Security-Policy"] and "no-store" in shot.headers["Cache-Control"]
    )
    for other in (visit(), visit(make.account(number=True))):
        assert other.get(path).status_code == other.get(f"{path}/picture").status_code == 404
        assert "Mine" not in text_of(other.get("/contests/one-page"))
    assert 'value="Mine"' in text_of(client.get(f"{path}/edit"))
    change = {"title": "Better", "body_md": "Words", "version": "1"}
    assert post(client, f"{path}/edit", change).status_code == 303
    stale = post(client, f"{path}/edit", {**change, "body_md": "OTHER WORDS"})
    assert (
        stale.status_code == 409 and "OTHER WORDS" in text_of(stale) and "Words</textarea>" in text_of(stale)
    )
    assert post(client, f"{path}/withdraw").status_code == 303
    page = text_of(client.get("/contests/one-page"))
    assert "taken out" in page and "/contests/one-page/enter" in page
    assert post(client, f"{path}/edit", change).status_code == 303


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.png", b"", "a.png is empty"),
        ("a.png", b"<svg onload=alert(1)>", "not a picture the club takes"),
        ("a.pdf", b"%PDF-1.7 x", "not a picture the club takes"),
        ("a.png", png_claiming(8_000, 8_000), "too many pixels"),
        ("../../a.png", picture()[:48], "a.png is damaged"),
    ],
)
def test_hostile_pictures_are_refused_and_what_was_typed_is_kept(
    visit, make, author, site_db, name, data, says
):
    make.contest(slug="one-page")
    values = {"title": "KEPT TITLE", "body_md": "KEPT TEXT", "picture": (io.BytesIO(data), name)}
    answer = post(visit(author[0]), "/contests/one-page/enter", values, **MULTI)
    page = text_of(answer)
    assert answer.status_code == 422 and says in page and "Choose your picture again" in page
    assert "KEPT TITLE" in page and "KEPT TEXT" in page
    with site_db.session() as session:
        assert session.scalars(select(ContestEntry)).all() == []


def test_what_is_missing_is_said_at_its_field(visit, make, author):
    make.contest(slug="one-page")
    client = visit(author[0])
    answer = post(client, "/contests/one-page/enter", {"title": "T", "body_md": " "})
    assert answer.status_code == 422 and "Write something, or add a picture." in text_of(answer)
    answer = post(client, "/contests/one-page/enter", {"title": "", "body_md": "KEPT"})
    assert answer.status_code == 422 and "KEPT" in text_of(answer)
    preview = post(client, "/contests/one-page/enter", {"title": "T", "body_md": "**b**", "preview": "1"})
    assert "<strong>b</strong>" in text_of(preview)
    assert "<strong>b</strong>" in text_of(post(client, "/contests/preview", {"body_md": "**b**"}, htmx=True))


def test_entering_is_closed_outside_the_window(visit, make, author, voting):
    make.contest(at="soon", slug="later")
    client = visit(author[0])
    for slug in ("later", "one-page"):
        answer = client.get(f"/contests/{slug}/enter")
        assert answer.status_code == 303 and answer.location.endswith(f"/contests/{slug}")


def test_votes_with_and_without_htmx(visit, make, author, voting):
    _contest, mine, theirs = voting
    client = visit(make.account(number=True))
    page = text_of(client.get("/contests/one-page"))
    assert "Mine" in page and "Theirs" in page and "<strong>3</strong> votes left" in page
    path = f"/contests/one-page/entries/{theirs.id}/vote"
    answer = post(client, path, {"from": "entry"})
    assert answer.status_code == 303 and answer.location.endswith(f"/entries/{theirs.id}")
    assert "<strong>2</strong> votes left" in text_of(client.get("/contests/one-page"))
    fragment = text_of(post(client, path, {"take": "1"}, htmx=True))
    assert 'id="vote-' in fragment and 'hx-swap-oob="true"' in fragment and "<strong>3</strong>" in fragment
    assert "<html" not in fragment
    own = post(visit(author[0]), f"/contests/one-page/entries/{mine.id}/vote")
    assert own.status_code == 403 and "This is your own entry." in text_of(own)
    assert post(client, f"/contests/other/entries/{theirs.id}/vote").status_code == 404


def test_names_are_hidden_until_the_results(visit, make, author, voting, site_db, clock, now):
    contest, mine, _theirs = voting
    juror = make.person(name="Juror", roles=("instructor",))
    make.contest_juror(contest, member=juror[1])
    make.contest_score(mine, juror[1], 88, "Well done <b>")
    make.contest_prize(contest, title="A notebook")
    stranger, path = visit(), f"/contests/one-page/entries/{mine.id}"
    for page in (
        stranger.get("/contests/one-page"),
        stranger.get(path),
        visit(juror[0]).get("/contests/one-page/jury"),
    ):
        assert page.status_code == 200 and "Author" not in text_of(page)
    assert stranger.get("/contests/one-page/results").status_code == 404
    clock.now = contest.votes_until
    publish(site_db, contest, contest.votes_until)
    page = text_of(stranger.get(path))
    assert "Author" in page and "Well done" not in page and "A notebook" in page
    assert 'property="og:title" content="Mine by Author"' in page and "MY TEXT" in page
    assert "Well done &lt;b&gt;" in text_of(visit(author[0]).get(path))
    page = text_of(stranger.get("/contests/one-page/results"))
    assert "Author" in page and "88.00" in page and "A notebook" in page and "Theirs" in page
    assert "Prizes go to" in text_of(stranger.get("/contests/one-page"))
    assert "结果" in text_of(visit(None, "zh").get("/contests/one-page/results"))


def test_a_disqualified_entry_is_seen_by_its_author_only(visit, make, author, voting, site_db, now):
    _contest, mine, _theirs = voting
    with site_db.uow() as session:
        contests.disqualify(session, entry_id=mine.id, reason="COPIED", now=now, actor=ADMIN)
    path = f"/contests/one-page/entries/{mine.id}"
    assert visit().get(path).status_code == 404
    assert "COPIED" in text_of(visit(author[0]).get(path))
    assert "COPIED" in text_of(visit(author[0]).get("/contests/one-page"))
    assert "Mine" not in text_of(visit().get("/contests/one-page"))


def test_the_jury_goes_through_all_entries(visit, make, voting):
    contest, mine, theirs = voting
    account, member = make.person(name="Juror", roles=("instructor",))
    client = visit(account)
    assert client.get("/contests/one-page/jury").status_code == 403
    make.contest_juror(contest, member=member)
    page = text_of(client.get("/contests/one-page/jury"))
    assert "2 entries left to score" in page and "MY TEXT" in page
    wrong = post(client, f"/contests/one-page/jury/{mine.id}", {"score": "101", "comment": "KEPT WORD"})
    assert wrong.status_code == 422 and "KEPT WORD" in text_of(wrong)
    assert post(client, f"/contests/one-page/jury/{mine.id}", {"score": "0"}).status_code == 303
    page = text_of(client.get("/contests/one-page/jury"))
    assert "1 entry left to score" in page and "THEIR TEXT" in page and "MY TEXT" not in page
    post(client, f"/contests/one-page/jury/{theirs.id}", {"score": "70", "comment": "Good."})
    page = text_of(client.get("/contests/one-page/jury"))
    assert "All scored. Thank you." in page
    again = text_of(client.get(f"/contests/one-page/jury?entry={theirs.id}"))
    assert 'value="70"' in again and "Good." in again
    assert post(client, "/contests/one-page/jury/9999", {"score": "1"}).status_code == 404


def test_a_juror_needs_no_number_and_a_suspended_one_is_out(visit, make, voting, now):
    contest, mine, _theirs = voting
    (guest, one), (gone, other) = make.person(), make.person(suspended_at=now)
    for member in (one, other):
        make.contest_juror(contest, member=member)
    assert post(visit(guest), f"/contests/one-page/jury/{mine.id}", {"score": "5"}).status_code == 303
    assert visit(gone).get("/contests/one-page/jury").status_code == 403
    assert post(visit(gone), f"/contests/one-page/jury/{mine.id}", {"score": "5"}).status_code == 403


def test_the_jurys_desk_before_and_after(visit, make, site_db, clock):
    contest = make.contest(slug="one-page")
    account, member = make.person(roles=("instructor",))
    make.contest_juror(contest, member=member)
    entry = make.contest_entry(contest, title="SECRET")
    client = visit(account)
    page = text_of(client.get("/contests/one-page/jury"))
    assert "Nothing to score yet" in page and "SECRET" not in page
    assert post(client, f"/contests/one-page/jury/{entry.id}", {"score": "1"}).status_code == 404
    clock.now = contest.votes_until
    publish(site_db, contest, contest.votes_until)
    page = text_of(client.get(f"/contests/one-page/jury?entry={entry.id}"))
    assert "scores stay as they are" in page


GETS = ["/contests", "/contests/one-page", "/contests/one-page/entries/2"]
MEMBERS = ["/contests/one-page/enter", "/contests/one-page/entries/2/edit", "/contests/one-page/jury"]
POSTS = [
    "/contests/one-page/enter",
    "/contests/one-page/entries/2/edit",
    "/contests/one-page/entries/2/withdraw",
    "/contests/one-page/entries/2/vote",
    "/contests/one-page/jury/2",
]


def test_who_may_use_which_route(visit, make, voting):
    stranger, buyer = visit(), visit(make.account())
    for path in GETS:
        assert stranger.get(path).status_code == buyer.get(path).status_code == 200
    for path in MEMBERS:
        assert stranger.get(path).status_code == 303 and "sign-in" in stranger.get(path).location
        assert buyer.get(path).status_code == 403
    for path in POSTS:
        assert post(stranger, path).status_code == 303
        assert post(buyer, path).status_code == 403
    assert post(stranger, "/contests/preview").status_code == 303
    member = visit(make.account(number=True))
    assert member.post("/contests/one-page/entries/2/vote").status_code == 403, "without a token"
    for path in ("edit", "withdraw"):
        assert post(member, f"/contests/one-page/entries/2/{path}").status_code == 404
    assert member.get("/contests/one-page/jury").status_code == 403
    assert post(member, "/contests/one-page/jury/2", {"score": "5"}).status_code == 403


def test_pages_cost_the_same_however_many_take_part(visit, make, author, voting, site_db, clock, now):
    contest, mine, _theirs = voting
    account, member = make.person(roles=("instructor",), number=True)
    make.contest_juror(contest, member=member)
    clients = {"stranger": visit(), "author": visit(author[0]), "juror": visit(account)}
    paths = [
        ("stranger", "/contests"),
        ("stranger", "/contests/one-page"),
        ("author", "/contests/one-page"),
        ("author", f"/contests/one-page/entries/{mine.id}"),
        ("juror", "/contests/one-page/jury"),
        ("author", "/"),
    ]

    def costs():
        counts = []
        for who, path in paths:
            clients[who].get(path)
            with count_statements(site_db.engine) as seen:
                assert clients[who].get(path).status_code == 200
            counts.append(seen.count)
        return counts

    before = costs()
    for _ in range(6):
        make.contest_vote(make.contest_entry(contest))
        make.contest_prize(contest)
    assert costs() == before
    assert max(before[:5]) <= 9, before
    clock.now = contest.votes_until
    publish(site_db, contest, contest.votes_until)
    paths[:] = [("stranger", "/contests/one-page"), ("stranger", "/contests/one-page/results")]
    assert max(costs()) <= 8


def test_a_running_contest_stands_on_a_members_home(visit, make, voting):
    client = visit(make.account(number=True))
    assert "One page for mum" in text_of(client.get("/")) and "Vote until" in text_of(client.get("/"))


def test_whoever_leaves_takes_entries_and_pictures_along_and_may_export_them_before(
    visit, make, author, site_db, now
):
    make.contest_entry(
        make.contest(slug="one-page"), member=author[1], title="MY PAGE", picture=("contests/a", "image/png")
    )
    with site_db.uow() as session:
        told = export(session, author[1].id, now=now)
        assert (
            told["contest_entries"][0]["title"] == "MY PAGE" and "image_key" not in told["contest_entries"][0]
        )
        assert told["contest_votes"] == []
        leave(session, actor=make_actor(author[1]), member_id=author[1].id, now=now)
    with site_db.session() as session:
        assert session.scalars(select(ContestEntry.state)).all() == ["withdrawn"]
        kept = session.scalars(select(OutboxMessage).where(OutboxMessage.kind == "file_delete")).all()
        assert [row.payload["storage_key"] for row in kept] == ["contests/a"]


def make_actor(member):
    return Actor(member.user_key, member.name, member.email, frozenset({"member"}), member.id)
