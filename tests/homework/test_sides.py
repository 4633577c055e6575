"""Two versions of a review side by side: two windows, a lost lease, another reviewer, a new attempt, a lost sign-in."""

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from qunclub.homework import rules_desk, rules_sides, services_desk
from qunclub.homework.models_desk import ReviewDraft
from qunclub.kernel import Actor, Invalid
from tests.homework.test_desk import filled, reviews
from tests.support.pages import post, sign_in, text_of

FIELDS = st.dictionaries(
    st.sampled_from(["verdict", "comment_md", "score-1", "score-12", "remark-1-body"]), st.text(min_size=1)
)


@pytest.fixture
def one(make, work, author):
    """A submission that waits."""
    return make.submission(work, member=author[1], body_md="THE WORK")


@pytest.fixture
def second(make):
    """(account, member) of another instructor."""
    return make.person(name="Second", roles=("instructor",))


def hidden(page):
    """The hidden fields of a page, as its form would send them again."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page)
    return {unescape(name): unescape(value) for name, value in found if name != "csrf_token"}


def drafts(site_db):
    with site_db.session() as session:
        return list(session.scalars(select(ReviewDraft).order_by(ReviewDraft.id)))


@given(FIELDS, FIELDS)
def test_no_choice_loses_a_word(mine, theirs):
    assert (
        rules_sides.take(mine, theirs, "mine") == mine and rules_sides.take(mine, theirs, "theirs") == theirs
    )
    both = rules_sides.take(mine, theirs, "both")
    for side in (mine, theirs):
        assert side.get("comment_md", "").strip() in both.get("comment_md", "")
        for name, value in side.items():
            if name.startswith("remark-"):
                assert value in both.values() or not value.strip()
            else:
                assert name in both or not value.strip()
    form = rules_sides.carried(mine, [theirs])
    back = {name: value.replace("\r\n", "\n") for name, value in mine.items()}
    assert rules_sides.carried_side(form, "mine") == back
    names = {one.name for one in rules_sides.pairs(mine, theirs) if one.differs}
    assert names == {
        name for name in mine | theirs if mine.get(name, "").strip() != theirs.get(name, "").strip()
    }


def test_two_windows_and_every_way_on(visit, site_db, teacher, work, one):
    client = visit(teacher[0])
    post(client, f"/desk/{one.id}/claim")
    post(client, f"/desk/{one.id}/draft", {"comment_md": "FIRST", "verdict": "return", "draft_version": "0"})
    page = text_of(
        post(
            client,
            f"/desk/{one.id}",
            filled(site_db, work, comment_md="SECOND", draft="1", draft_version="0"),
        )
    )
    assert page.count("is-different") >= 4 and "Go on from theirs" in page
    form = {**filled(site_db, work, comment_md="SECOND"), **hidden(page)}
    theirs = text_of(post(client, f"/desk/{one.id}", {**form, "take": "theirs-0"}))
    assert (
        re.search(r'name="comment_md"[^>]*>FIRST<', theirs)
        and 'value="return" data-key="r" required checked' in theirs
    )
    # The other version is still on the page, and in what the page sends.
    assert hidden(theirs)["side-mine-comment_md"] == "SECOND"
    both = text_of(post(client, f"/desk/{one.id}", {**form, "take": "both-0"}))
    assert re.search(r'name="comment_md"[^>]*>SECOND\s+———\s+FIRST<', both)
    # Words typed after the comparison was shown are a version too.
    later = text_of(post(client, f"/desk/{one.id}", {**form, "comment_md": "THIRD", "take": "mine"}))
    assert "THIRD" in later and re.search(r'name="comment_md"[^>]*>SECOND<', later)
    # Another machine: both wait there, whatever became of this page.
    again = text_of(visit(teacher[0]).get(f"/desk/{one.id}"))
    assert "other versions of this review" in again and "SECOND" in again and "FIRST" in again
    assert post(client, f"/desk/{one.id}", {**hidden(again), "drop_beside": "1"}).status_code == 303
    assert "SECOND" not in text_of(client.get(f"/desk/{one.id}"))


def test_a_window_that_has_not_seen_the_others_takes_none_away(visit, site_db, teacher, work, one):
    client = visit(teacher[0])
    post(client, f"/desk/{one.id}/draft", {"comment_md": "FIRST", "draft_version": "0"})
    post(client, f"/desk/{one.id}", {"comment_md": "SECOND", "draft_version": "0", "draft": "1"})
    assert post(client, f"/desk/{one.id}", filled(site_db, work, draft_version="1")).status_code == 303
    (draft,) = drafts(site_db)
    assert draft.fields == {"comment_md": "FIRST"} and draft.beside == [{"comment_md": "SECOND"}]


def test_a_lost_lease_keeps_mine_as_a_draft(visit, site_db, clock, teacher, second, work, one):
    client = visit(teacher[0])
    post(client, f"/desk/{one.id}/claim")
    clock.advance(minutes=46)
    other = visit(second[0])
    post(other, f"/desk/{one.id}/claim")
    answer = post(client, f"/desk/{one.id}", filled(site_db, work, comment_md="MINE"))
    assert answer.status_code == 409 and "Nothing is in force yet" in text_of(answer)
    assert drafts(site_db)[0].fields["comment_md"] == "MINE"
    # The other one finishes it: the next save shows both judgements.
    post(other, f"/desk/{one.id}", filled(site_db, work, points=4, verdict="return", comment_md="THEIRS"))
    page = text_of(post(client, f"/desk/{one.id}", filled(site_db, work, comment_md="MINE")))
    assert "In force: the review by Second" in page and "THEIRS" in page and "MINE" in page
    assert page.count("is-different") == 5 and reviews(site_db) == [
        "THEIRS"
    ]  # and one in the script's template
    taken = {**filled(site_db, work, comment_md="MINE"), **hidden(page), "take": "theirs-0"}
    assert re.search(r'name="comment_md"[^>]*>THEIRS<', text_of(post(client, f"/desk/{one.id}", taken)))


def test_a_new_attempt_stands_beside_the_review_of_the_old_one(
    visit, make, site_db, teacher, second, work, one, author
):
    mine = filled(site_db, work, comment_md="ABOUT THE OLD ONE")
    post(visit(second[0]), f"/desk/{one.id}", filled(site_db, work, verdict="return", comment_md="Shorter"))
    make.submission(work, member=author[1], body_md="THE NEW ONE")
    answer = post(visit(teacher[0]), f"/desk/{one.id}", mine)
    page = text_of(answer)
    assert answer.status_code == 409 and "A newer attempt" in page and "THE NEW ONE" in page
    assert "In force: the review by Second" in page and 'name="version" value="3"' in page


def test_nothing_is_lost_across_a_sign_in(app, visit, site_db, teacher, work, one):
    client = visit()
    form = filled(site_db, work, comment_md="TYPED <b>LONG</b>", draft_version="0")
    for options in ({}, {"headers": {"X-CSRFToken": "old"}}):
        answer = (
            client.post(f"/desk/{one.id}", data=form, **options)
            if options
            else post(client, f"/desk/{one.id}", form)
        )
        page = text_of(answer)
        assert answer.status_code == 401 and "TYPED &lt;b&gt;LONG" in page and "signed out" in page
        assert hidden(page)["verdict"] == "accept" and hidden(page)["preview"] == "1"
    assert reviews(site_db) == [] and drafts(site_db) == []
    sign_in(client, teacher[0])
    # The old form is of the old session: it opens the desk with the text in it and saves nothing.
    answer = client.post(f"/desk/{one.id}", data={**form, "csrf_token": "old"})
    assert (
        answer.status_code == 403
        and "TYPED &lt;b&gt;LONG" in text_of(answer)
        and 'name="verdict"' in text_of(answer)
    )
    assert reviews(site_db) == []


def test_somebody_elses_old_form_is_refused_as_ever(visit, make, site_db, work, one):
    client = visit(make.account(number=True))
    answer = client.post(f"/desk/{one.id}", data={**filled(site_db, work), "csrf_token": "old"})
    assert answer.status_code == 403 and "THE WORK" not in text_of(answer)


def test_a_window_is_not_shown_its_own_earlier_draft_as_anothers(visit, site_db, teacher, work, one):
    client = visit(teacher[0])
    post(client, f"/desk/{one.id}/claim")
    post(client, f"/desk/{one.id}/draft", {"comment_md": "EARLIER", "draft_version": "0"})
    form = filled(site_db, work, comment_md="EARLIER and more", preview="1")
    page = text_of(post(client, f"/desk/{one.id}", {**form, "draft_version": "1"}))
    assert "EARLIER and more</textarea>" in page and "other versions" not in page
    # A window that never saw the draft is shown it.
    page = text_of(post(client, f"/desk/{one.id}", {**form, "draft_version": "0"}))
    assert "There are other versions of this review" in page


def test_versions_are_kept_beside_in_the_database(session, make, work, one, teacher, now):
    actor = Actor(key="member:x", name="T", roles=frozenset({"instructor"}), member_id=teacher[1].id)

    def kept(words, version):
        return services_desk.keep_beside(
            session, submission_id=one.id, fields={"comment_md": words}, version=version, actor=actor, now=now
        )

    assert kept("a", 0).version == 1 and kept("b", 0).version == 2 and kept("b", 0).version == 2
    for n in range(rules_desk.MAX_BESIDE - 1):
        kept(f"c{n}", 0)
    with pytest.raises(Invalid, match="Too many"):
        kept("d", 0)
