"""Drafts kept at the club, two windows, handing in by script, and attempts side by side."""

from __future__ import annotations

import io

import pytest
from sqlalchemy import select

from qunclub import homework
from qunclub.homework import services_drafts
from qunclub.homework.models_work import WorkDraft
from qunclub.homework.queries_drafts import file_changes
from qunclub.kernel import Access, Actor, Forbidden, Invalid, NotFound, Stale
from tests.support.concurrency import concurrently, succeeded
from tests.support.pages import post, text_of

JSON = {"Accept": "application/json"}


def json_of(answer):
    """What the script is told."""
    return answer.get_json()


def keep(session, work, member, text, version, *, access=None, **more):
    actor = Actor(member.user_key, member.name, member.email, frozenset({"member"}), member.id)
    return services_drafts.save_draft(
        session, assignment_id=work.id, member_id=member.id, body_md=text, version=version,
        access=access or Access(True, "pass"), actor=actor, **more,
    )  # fmt: skip


class TestService:
    def test_a_window_that_is_behind_overwrites_nothing(self, session, make):
        work, member = make.assignment(), make.member(number=True)
        assert keep(session, work, member, "one", 0, now=make.now).version == 1
        assert keep(session, work, member, "two", 1, now=make.now).version == 2
        # The same text is no conflict, whatever the window believed.
        assert keep(session, work, member, "two", 1, now=make.now).version == 2
        with pytest.raises(Stale):
            keep(session, work, member, "three", 1, now=make.now)
        assert keep(session, work, member, "three", 2, now=make.now).body_md == "three"

    def test_handing_in_empties_it_and_leaves_older_windows_behind(self, session, make):
        work, member = make.assignment(), make.member(number=True)
        keep(session, work, member, "typed", 0, now=make.now)
        homework.submit(
            session, assignment_id=work.id, member_id=member.id, body_md="typed", files=(),
            access=Access(True, "pass"), now=make.now, actor=Actor(member.user_key, member.name),
        )  # fmt: skip
        session.expire_all()
        draft = session.scalars(select(WorkDraft)).one()
        assert (draft.body_md, draft.version) == ("", 2)
        with pytest.raises(Stale):
            keep(session, work, member, "typed more", 1, now=make.now)

    def test_who_may_not_hand_in_keeps_no_draft(self, session, make):
        work, member = make.assignment(), make.member(number=True)
        with pytest.raises(Forbidden):
            keep(session, work, member, "x", 0, now=make.now, access=Access(False, "no_pass"))
        with pytest.raises(NotFound):
            keep(session, make.assignment(state="draft"), member, "x", 0, now=make.now)
        with pytest.raises(Invalid):
            keep(session, work, member, "x" * 50_001, 0, now=make.now)

    @pytest.mark.parametrize("began", [0, 1])
    def test_two_windows_at_once_one_is_behind(self, db, make, began):
        work, member = make.assignment(), make.member(number=True)
        if began:
            with db.uow() as session:
                keep(session, work, member, "first", 0, now=make.now)
        outcomes = concurrently(
            db,
            2,
            lambda session, index: (
                keep(session, work, member, ["left", "right"][index], began, now=make.now).body_md
            ),
            retry=True,
        )
        (kept,) = succeeded(outcomes)
        assert [type(one) for one in outcomes if one != kept] == [Stale]
        with db.session() as session:
            assert session.scalars(select(WorkDraft.body_md)).one() == kept


class TestPages:
    def test_saved_by_the_script_and_there_again_on_another_machine(self, visit, author, work):
        path = f"/homework/{work.id}/draft"
        answer = post(visit(author[0]), path, {"body_md": "half a page", "draft_version": "0"}, headers=JSON)
        assert json_of(answer)["version"] == 1 and "Draft saved" in json_of(answer)["said"]
        page = text_of(visit(author[0]).get(f"/homework/{work.id}"))
        assert "half a page</textarea>" in page and 'name="draft_version" type="hidden" value="1"' in page
        behind = post(visit(author[0]), path, {"body_md": "other", "draft_version": "0"}, headers=JSON)
        assert (behind.status_code, json_of(behind)["body"], json_of(behind)["version"]) == (
            409,
            "half a page",
            1,
        )
        long = post(visit(author[0]), path, {"body_md": "x" * 50_001, "draft_version": "1"}, headers=JSON)
        assert long.status_code == 422 and "50000" in json_of(long)["said"]

    def test_without_javascript_both_texts_are_shown(self, visit, author, work):
        client, path = visit(author[0]), f"/homework/{work.id}/draft"
        assert post(client, path, {"body_md": "one", "draft_version": "0"}).status_code == 303
        behind = post(client, path, {"body_md": "two", "draft_version": "0"})
        page = text_of(behind)
        assert behind.status_code == 409 and ">two</textarea>" in page and ">one</textarea>" in page
        assert 'name="draft_version" value="1"' in page
        assert post(client, path, {"body_md": "two", "draft_version": "1"}).status_code == 303
        assert "two</textarea>" in text_of(client.get(f"/homework/{work.id}"))

    def test_a_draft_is_its_authors_alone(self, visit, author, work, make, teacher):
        post(visit(author[0]), f"/homework/{work.id}/draft", {"body_md": "SECRET", "draft_version": "0"})
        for account in (None, teacher[0], make.account()):
            assert "SECRET" not in text_of(visit(account).get(f"/homework/{work.id}"))
        answer = post(visit(make.account(number=True)), f"/homework/{work.id}/draft", {"body_md": "x"})
        assert answer.status_code == 403
        assert post(visit(), f"/homework/{work.id}/draft", {"body_md": "x"}).status_code == 303

    def test_handed_in_by_the_script(self, visit, author, work):
        client, path = visit(author[0]), f"/homework/{work.id}"
        wrong = post(
            client, path, {"body_md": "text", "files": [(io.BytesIO(b"<svg/>"), "a.svg")]}, headers=JSON
        )
        assert wrong.status_code == 422 and "a.svg is not a file" in json_of(wrong)["errors"][0]
        good = post(client, path, {"body_md": "text"}, headers=JSON)
        assert json_of(good) == {"to": f"/homework/{work.id}#mine"}
        assert "Handed in." in text_of(client.get(path))


class TestSideBySide:
    def handed_in_twice(self, make, work, author, site_db):
        first = make.submission(work, member=author[1], body_md="same\nold line")
        with site_db.uow() as session:
            homework.review(
                session, submission_id=first.id, version=first.version, verdict="return", scores={},
                comment_md="", score=40, actor=Actor.system("test"), now=make.now,
            )  # fmt: skip
        make.submission(work, member=author[1], body_md="same\nnew line")

    def test_what_went_and_what_came(self, visit, author, work, make, site_db):
        self.handed_in_twice(make, work, author, site_db)
        client = visit(author[0])
        path = f"/homework/{work.id}/compare?old=1&amp;new=2"
        assert path in text_of(client.get(f"/homework/{work.id}"))
        page = text_of(client.get(path.replace("&amp;", "&")))
        assert "old line</del>" in page and "new line</ins>" in page

    def test_only_of_ones_own_and_only_what_is_there(self, visit, author, work, make, site_db):
        self.handed_in_twice(make, work, author, site_db)
        for query in ("old=1&new=3", "old=2&new=1", "old=2&new=2", "old=x", ""):
            assert visit(author[0]).get(f"/homework/{work.id}/compare?{query}").status_code == 404
        other = make.account(number=True)
        assert visit(other).get(f"/homework/{work.id}/compare?old=1&new=2").status_code == 404

    def test_files_are_told_apart_by_their_content(self):
        found = file_changes((("a", "1"), ("b", "2"), ("c", "5")), (("b", "3"), ("c", "5"), ("d", "4")))
        kinds = {one.name: one.kind for one in found}
        assert kinds == {"a": "gone", "b": "changed", "c": "same", "d": "new"}
