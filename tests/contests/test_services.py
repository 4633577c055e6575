"""Entering, voting, scoring, disqualifying: who may, when, and what is kept."""

import datetime as dt

import pytest
from sqlalchemy import func, select

from qunclub import contests
from qunclub.contests.models import ContestEntry, ContestVote, JuryScore
from qunclub.kernel import Actor, Conflict, Forbidden, Invalid, NotFound, Stale, render_markdown
from qunclub.kernel.outbox import OutboxMessage
from qunclub.kernel.store import AuditEntry

ADMIN = Actor.system("test")
DAY = dt.timedelta(days=1)


def mails(session):
    return [
        (row.payload["template"], row.payload["to"])
        for row in session.scalars(select(OutboxMessage).where(OutboxMessage.kind == "mail"))
    ]


def enter(session, contest, member, now, **values):
    given = {"title": "A page", "body_md": "Text", **values}
    return contests.enter(session, contest_id=contest.id, member_id=member.id, now=now, **given)


def test_entering_is_for_members_while_the_window_is_open(session, make, now):
    contest, member = make.contest(), make.member(number=True)
    row = enter(session, contest, member, now, title="  A   page ", body_md="**b**\r\n")
    assert (row.title, row.body_html, row.state) == ("A page", render_markdown("**b**"), "entered")
    with pytest.raises(Conflict):
        enter(session, contest, member, now)
    with pytest.raises(Forbidden):
        enter(session, contest, make.member(), now)
    for moment in (contest.opens_at - DAY, contest.closes_at, contest.votes_until):
        with pytest.raises(Conflict):
            enter(session, contest, make.member(number=True), moment)
    with pytest.raises(NotFound):
        enter(session, make.contest(state="draft"), member, now)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"title": " "}, "title"),
        ({"title": "x" * 161}, "title"),
        ({"body_md": " "}, "body_md"),
        ({"body_md": "x" * 20_001}, "body_md"),
    ],
)
def test_an_entry_says_something(session, make, now, values, field):
    with pytest.raises(Invalid) as error:
        enter(session, make.contest(), make.member(number=True), now, **values)
    assert error.value.field == field


def test_a_picture_alone_is_an_entry_and_an_old_one_is_deleted(session, make, now):
    contest, member = make.contest(), make.member(number=True)
    row = enter(session, contest, member, now, body_md="", picture=("contests/a", "image/png"))
    change = {"entry_id": row.id, "member_id": member.id, "title": "A page", "body_md": "", "now": now}
    contests.edit(session, version=1, picture=("contests/b", "image/png"), **change)
    with pytest.raises(Invalid):
        contests.edit(session, version=2, drop_picture=True, **change)
    contests.edit(session, version=2, drop_picture=True, **{**change, "body_md": "Words"})
    assert (row.image_key, row.version) == ("", 3)
    gone = session.scalars(select(OutboxMessage.payload).where(OutboxMessage.kind == "file_delete"))
    assert sorted(one["storage_key"] for one in gone) == ["contests/a", "contests/b"]


def test_ones_own_entry_is_changed_and_withdrawn_in_the_window_only(session, make, now):
    contest = make.contest()
    row = make.contest_entry(contest)
    change = {"entry_id": row.id, "title": "New", "body_md": "New"}
    with pytest.raises(NotFound):
        contests.edit(session, member_id=make.member(number=True).id, version=1, now=now, **change)
    contests.edit(session, member_id=row.member_id, version=1, now=now, **change)
    with pytest.raises(Stale):
        contests.edit(session, member_id=row.member_id, version=1, now=now, **change)
    with pytest.raises(Conflict):
        contests.edit(session, member_id=row.member_id, version=2, now=contest.closes_at, **change)
    with pytest.raises(Conflict):
        contests.withdraw(session, entry_id=row.id, member_id=row.member_id, now=contest.closes_at)
    contests.withdraw(session, entry_id=row.id, member_id=row.member_id, now=now)
    assert row.state == "withdrawn"
    with pytest.raises(Conflict):
        contests.edit(session, member_id=row.member_id, version=3, now=now, **change)
    again = contests.enter(
        session, contest_id=contest.id, member_id=row.member_id, title="Anew", body_md="x", now=now
    )
    assert again.id != row.id


def test_votes_are_counted_kept_and_taken_back(session, make, now):
    contest = make.contest(at="voting", votes=2)
    first, second, third = (make.contest_entry(contest) for _ in range(3))
    voter = make.member(number=True)

    def vote(entry, verb=contests.vote, member=voter, at=now):
        return verb(session, entry_id=entry.id, member_id=member.id, now=at)

    assert [vote(first), vote(first), vote(second)] == [1, 1, 0]
    with pytest.raises(Conflict):
        vote(third)
    assert vote(first, contests.unvote) == 1
    assert vote(first, contests.unvote) == 1
    assert vote(third) == 0
    session.expire_all()
    assert [one.votes for one in (first, second, third)] == [0, 1, 1]
    assert session.scalar(select(func.count()).select_from(ContestVote)) == 2


def test_who_may_not_vote(session, make, now):
    contest = make.contest(at="voting")
    row = make.contest_entry(contest)
    juror = make.contest_juror(contest, member=make.member(number=True))
    for member_id in (row.member_id, juror.id, make.member().id):
        with pytest.raises(Forbidden):
            contests.vote(session, entry_id=row.id, member_id=member_id, now=now)
    other = make.member(number=True).id
    with pytest.raises(NotFound):
        contests.vote(session, entry_id=row.id, member_id=other, now=contest.closes_at - DAY)
    with pytest.raises(Conflict):
        contests.vote(session, entry_id=row.id, member_id=other, now=contest.votes_until)
    with pytest.raises(NotFound):
        contests.vote(session, entry_id=9_999, member_id=other, now=now)


def test_a_disqualified_entry_gives_its_votes_back_and_its_author_is_told(session, make, now):
    contest = make.contest(at="voting", votes=1)
    bad, good = make.contest_entry(contest), make.contest_entry(contest)
    voter = make.member(number=True)
    contests.vote(session, entry_id=bad.id, member_id=voter.id, now=now)
    with pytest.raises(Invalid):
        contests.disqualify(session, entry_id=bad.id, reason=" ", now=now, actor=ADMIN)
    contests.disqualify(session, entry_id=bad.id, reason="Copied.", now=now, actor=ADMIN)
    assert (bad.state, bad.reason) == ("disqualified", "Copied.")
    with pytest.raises(Conflict):
        contests.disqualify(session, entry_id=bad.id, reason="Copied.", now=now, actor=ADMIN)
    with pytest.raises(Conflict):
        contests.unvote(session, entry_id=bad.id, member_id=voter.id, now=now)
    assert contests.vote(session, entry_id=good.id, member_id=voter.id, now=now) == 0
    assert [template for template, _to in mails(session)] == ["contest_disqualified"]
    assert "contest.disqualify" in session.scalars(select(AuditEntry.action)).all()


def test_the_jury_scores_after_entering_closed_and_may_change_its_mind(session, make, now):
    contest = make.contest(at="voting")
    row, juror = make.contest_entry(contest), make.contest_juror(contest)

    def score(value, at=now, who=juror, comment=""):
        return contests.score(session, entry_id=row.id, juror_id=who.id, score=value, comment=comment, now=at)

    score(70)
    assert score(80, at=contest.votes_until + DAY, comment=" Better ").comment == "Better"
    assert session.scalars(select(JuryScore.score)).all() == [80]
    for value in (-1, 101):
        with pytest.raises(Invalid):
            score(value)
    with pytest.raises(Invalid):
        score(5, comment="x" * 2_001)
    with pytest.raises(Forbidden):
        score(5, who=make.member(number=True))
    with pytest.raises(Conflict):
        score(5, at=contest.closes_at - DAY)


def test_jurors_do_not_take_part_and_entrants_do_not_judge(session, make, now):
    contest = make.contest()
    author, juror = make.member(number=True), make.member(number=True)
    entry = make.contest_entry(contest, member=author)

    def appoint(who):
        return contests.appoint(session, contest_id=contest.id, who=who, now=now, actor=ADMIN)

    for who in (str(author.number), author.email, "99999", "nobody@example.com", " "):
        with pytest.raises(Invalid) as error:
            appoint(who)
        assert error.value.field == "who"
    assert appoint(f" {juror.email.upper()} ").id == juror.id
    assert appoint(str(juror.number)).id == juror.id
    with pytest.raises(Conflict):
        enter(session, contest, juror, now)
    voting = contest.closes_at + DAY
    contests.score(session, entry_id=entry.id, juror_id=juror.id, score=1, comment="", now=voting)
    with pytest.raises(Conflict):
        contests.dismiss(session, contest_id=contest.id, member_id=juror.id, now=voting, actor=ADMIN)
    voter = make.member(number=True)
    contests.vote(session, entry_id=entry.id, member_id=voter.id, now=voting)
    with pytest.raises(Invalid):
        appoint(str(voter.number))
    other = make.member()
    appoint(other.email)
    contests.dismiss(session, contest_id=contest.id, member_id=other.id, now=voting, actor=ADMIN)
    with pytest.raises(NotFound):
        contests.dismiss(session, contest_id=contest.id, member_id=other.id, now=voting, actor=ADMIN)


def save(session, contest, now, **changes):
    terms = {
        name: changes.pop(name, getattr(contest, name))
        for name in (
            "opens_at",
            "closes_at",
            "votes_until",
            "jury_percent",
            "votes_per_member",
            "entries_per_member",
        )
    }
    given = {"slug": contest.slug, "title": contest.title, "version": contest.version, **changes}
    return contests.save(
        session, contest_id=contest.id, terms=contests.Terms(**terms), now=now, actor=ADMIN, **given
    )


def test_terms_hold_once_entering_opened(session, make, now):
    contest = make.contest()
    save(session, contest, now, title="Another", closes_at=contest.closes_at + DAY)
    assert (contest.title, contest.version) == ("Another", 2)
    for change in (
        {"jury_percent": 51},
        {"votes_per_member": 9},
        {"closes_at": contest.closes_at - DAY},
        {"slug": "new-address"},
    ):
        with pytest.raises(Invalid) as error:
            save(session, contest, now, **change)
        assert error.value.field in change
    with pytest.raises(Stale):
        save(session, contest, now, version=1)
    draft = make.contest(state="draft")
    save(session, draft, now, jury_percent=99, slug="new-address")
    assert (draft.jury_percent, draft.slug) == (99, "new-address")
    with pytest.raises(Invalid):
        save(session, make.contest(state="draft"), now, slug="new-address")


def test_publishing_and_taking_back(session, make, now):
    late = make.contest(state="draft", at="voting")
    with pytest.raises(Conflict):
        contests.publish(session, contest_id=late.id, now=now, actor=ADMIN)
    contest = make.contest()
    contests.unpublish(session, contest_id=contest.id, now=now, actor=ADMIN)
    assert contest.state == "draft"
    contests.publish(session, contest_id=contest.id, now=now, actor=ADMIN)
    make.contest_entry(contest)
    with pytest.raises(Conflict):
        contests.unpublish(session, contest_id=contest.id, now=now, actor=ADMIN)


def test_prizes_are_taken_off_before_anybody_could_enter_for_them(session, make, now):
    soon, running = make.contest(at="soon"), make.contest()
    prize = make.contest_prize(soon)
    contests.remove_prize(session, prize_id=prize.id, now=now, actor=ADMIN)
    with pytest.raises(NotFound):
        contests.remove_prize(session, prize_id=prize.id, now=now, actor=ADMIN)
    with pytest.raises(Conflict):
        contests.remove_prize(session, prize_id=make.contest_prize(running).id, now=now, actor=ADMIN)
    for values, field in (
        ({"title": " "}, "title"),
        ({"stock": 0}, "stock"),
        ({"first_place": 0}, "first_place"),
    ):
        with pytest.raises(Invalid) as error:
            make.contest_prize(running, **values)
        assert error.value.field == field


def test_whoever_leaves_takes_their_words_along(session, make, now):
    running, done = make.contest(at="open"), make.contest(at="judging")
    author = make.member(number=True)
    here = make.contest_entry(running, member=author, picture=("contests/a", "image/png"))
    there = make.contest_entry(done, member=author)
    contests.publish_results(session, contest_id=done.id, now=now, actor=ADMIN)
    assert contests.forget(session, member_id=author.id, now=now) == ["contests/a"]
    rows = {row.id: row for row in session.scalars(select(ContestEntry))}
    assert (rows[here.id].state, rows[here.id].title, rows[here.id].body_html) == ("withdrawn", "—", "")
    assert (rows[there.id].state, rows[there.id].place, rows[there.id].body_md) == ("entered", 1, "")
