"""Homework with a link: what is taken for one, where it stands, what the receipt says of it."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import select

from qunclub import homework
from qunclub.homework import doctor, services_drafts, services_forget
from qunclub.homework.models import Assignment, Attempt
from qunclub.homework.models_work import WorkDraft
from qunclub.homework.rules_links import MAX_LINK, clean_link
from qunclub.homework.rules_parts import Parts, check_handed_in, check_parts
from qunclub.kernel import Access, Actor, Invalid, Stale
from tests.support.pages import in_language, post, text_of

OPEN = Access(True, "pass")
LINK = "https://example.org/page"


def actor_of(member):
    return Actor(member.user_key, member.name, member.email, frozenset({"member"}), member.id)


def hand_in(session, work, member, link, now, body=""):
    return homework.submit(
        session, assignment_id=work.id, member_id=member.id, body_md=body, files=(), link=link,
        access=OPEN, now=now, actor=actor_of(member),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("", ""),
        ("  \n", ""),
        (" https://example.org ", "https://example.org/"),
        ("HTTP://EXAMPLE.org:80/A?b=C#d", "http://example.org/A?b=C#d"),
        ("https://example.org:8443/x", "https://example.org:8443/x"),
        ("https://example.org./x", "https://example.org/x"),
        ("https://例子.中国/一页?题=二#三", "https://xn--fsqu00a.xn--fiqs8s/%E4%B8%80%E9%A1%B5?%E9%A2%98=%E4%BA%8C#%E4%B8%89"),
        ("https://example.org/100%", "https://example.org/100%25"),
        ("https://example.org/%E9%A1%B5", "https://example.org/%E9%A1%B5"),
        ('https://example.org/"><script>', "https://example.org/%22%3E%3Cscript%3E"),
        ("https://аpple.com/", "https://xn--pple-43d.com/"),
    ],
)  # fmt: skip
def test_how_a_link_is_written_down(typed, kept):
    assert clean_link(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\nscript:alert(1)",
        "\x01javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "file:///etc/passwd",
        "ftp://example.org/",
        "//example.org/",
        "example.org",
        "https:example.org",
        "https:///x",
        "https://user:pass@example.org/",
        "https://example.org@evil.example/",
        "https://exa mple.org/",
        "https://example.org/\u202egnp.exe",
        "https://example.org/\u200b",
        "https://example.org\\@evil.example/",
        "https://localhost/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://[::1]/",
        "https://[::1/",
        "https://example.org:99999/",
        "https://example.org:0/",
        "https://example..org/",
        "https://-example.org/",
        "https://exa<mple.org/",
        "https://" + "a" * 64 + ".org/",
        "https://example.org/" + "a" * MAX_LINK,
        "https://example.org/" + "页" * 200,
        "https://example.org/" + "a" * 5_000,
    ],
)
def test_what_is_no_link_of_a_page_is_refused(typed):
    with pytest.raises(Invalid) as error:
        clean_link(typed)
    assert error.value.field == "link"


@given(st.one_of(st.text(), st.text().map("https://example.org/".__add__), st.text().map("https://".__add__)))
@example("https://a.b%2fc.org/")
@example("https://ß.example.org/%")
@example("https://ａ.example.org/")
def test_whatever_is_typed_a_link_is_plain_ascii_or_refused(typed):
    try:
        link = clean_link(typed)
    except Invalid as error:
        assert error.field == "link"
        return
    assert clean_link(link) == link
    assert link.isascii() and len(link) <= MAX_LINK
    assert not link or link.startswith(("https://", "http://"))
    assert not set(link) & set("\"'<>\\ @\n\t") - {"'", "@"}
    assert not link or "@" not in link.split("/")[2]


@pytest.mark.parametrize(
    ("part", "link", "refused"),
    [("required", "", 1), ("required", LINK, 0), ("none", LINK, 1), ("none", "", 0), ("optional", "", 0)],
)
def test_it_may_be_there_has_to_or_is_not_taken(part, link, refused):
    if not refused:
        check_handed_in(Parts(link=part), "text", (), link)
        return
    with pytest.raises(Invalid) as error:
        check_handed_in(Parts(link=part), "text", (), link)
    assert error.value.field == "link"


def test_nothing_else_can_be_asked_for():
    with pytest.raises(Invalid) as error:
        check_parts(Parts(link="two"))
    assert error.value.field == "link_part"


class TestServices:
    def test_it_is_kept_normalised_and_the_receipt_says_so(self, session, make):
        work, member = make.assignment(parts=Parts(link="required")), make.member(number=True)
        row = hand_in(session, work, member, "https://EXAMPLE.org", make.now)
        attempt = session.scalars(select(Attempt)).one()
        assert (attempt.body_md, attempt.link) == ("", "https://example.org/")
        lines = (
            f"qunclub receipt 2\nsubmission {row.id}\nassignment {work.id}\nattempt 1\n"
            f"at 2026-04-15T04:00:00.000000Z\ntext {hashlib.sha256(b'').hexdigest()}\n"
            "link https://example.org/\n"
        )
        assert attempt.receipt == hashlib.sha256(lines.encode()).hexdigest()
        assert doctor.check(session, make.now) == []
        attempt.link = "https://example.com/"
        session.flush()
        assert "not what their receipt says" in doctor.check(session, make.now)[0].message

    def test_a_draft_keeps_it_as_typed_and_handing_in_empties_it(self, session, make):
        work, member = make.assignment(parts=Parts(link="optional")), make.member(number=True)
        mine = {"assignment_id": work.id, "member_id": member.id, "access": OPEN, "now": make.now}
        mine |= {"actor": actor_of(member), "body_md": "text"}
        assert services_drafts.save_draft(session, version=0, link="exam", **mine).link == "exam"
        # A window without the field leaves it; one that is behind overwrites nothing.
        assert services_drafts.save_draft(session, version=1, **mine).link == "exam"
        assert services_drafts.save_draft(session, version=1, link=LINK, **mine).version == 2
        with pytest.raises(Stale):
            services_drafts.save_draft(session, version=1, link="other", **mine)
        with pytest.raises(Invalid):
            services_drafts.save_draft(session, version=2, link="x" * 2_001, **mine)
        hand_in(session, work, member, LINK, make.now)
        session.expire_all()
        assert session.scalars(select(WorkDraft)).one().link == ""

    def test_it_is_forgotten_with_the_words(self, session, make):
        row = make.featured()
        session.scalars(select(Attempt)).one().link = LINK
        session.flush()
        services_forget.forget(session, member_id=row.member_id, now=make.now)
        assert session.scalars(select(Attempt.link)).all() == [""]


class TestPages:
    @pytest.fixture
    def asks(self, site_db, work):
        def set_(part):
            with site_db.uow() as session:
                session.get_one(Assignment, work.id).link_part = part

        return set_

    def test_an_admin_asks_for_it(self, visit, make, work, site_db):
        admin = visit(make.account(name="Ada", roles=("admin",)))
        with site_db.session() as session:
            row = session.scalars(select(Assignment)).one()
            values = {"title": row.title, "slug": row.slug, "brief_md": row.brief_md, "version": row.version}
        line = {"criteria-0-title": "Clear", "criteria-0-max_points": "10", "criteria-0-weight": "1"}
        asked = {"link_part": "required", "late_policy": "accept"}
        assert post(admin, f"/admin/homework/{work.id}", {**values, **line, **asked}).status_code == 303
        assert '<option selected value="required">has to be there' in text_of(
            admin.get(f"/admin/homework/{work.id}")
        )

    def test_the_way_of_a_link(self, visit, author, teacher, work, asks):
        mine, path = visit(author[0]), f"/homework/{work.id}"
        assert 'name="link"' not in text_of(mine.get(path))
        refused = post(mine, path, {"body_md": "text", "link": LINK})
        assert refused.status_code == 422 and "takes no link" in text_of(refused)
        asks("required")
        assert "A link has to be there." in text_of(mine.get(path))
        page = text_of(post(mine, path, {"body_md": "typed", "link": "javascript:alert(1)"}))
        assert "begins with https://" in page and "typed" in page and 'value="javascript:alert(1)"' in page
        post(mine, path + "/draft", {"body_md": "typed", "link": LINK, "draft_version": "0"})
        assert f'value="{LINK}"' in text_of(mine.get(path))
        behind = post(
            mine, path + "/draft", {"body_md": "x", "link": "https://b.example/", "draft_version": "0"}
        )
        assert behind.status_code == 409
        assert f'value="{LINK}"' in text_of(behind) and 'value="https://b.example/"' in text_of(behind)
        assert post(mine, path, {"body_md": "", "link": LINK}).status_code == 303
        shown = f'<a href="{LINK}" rel="nofollow noopener ugc">{LINK}</a>'
        page = text_of(mine.get(path))
        assert shown in page and "leads to example.org" in page
        assert f"link {LINK}" in text_of(mine.get(path + "/receipt/1"))
        assert "通往 example.org" in text_of(in_language(mine, "zh").get(path))
        desk = text_of(visit(teacher[0]).get("/desk/1"))
        assert shown in desk and "leads to example.org" in desk

    def test_side_by_side_and_shown(self, visit, author, make, work, asks, now):
        asks("optional")
        mine, path = visit(author[0]), f"/homework/{work.id}"
        post(mine, path, {"body_md": "one", "link": LINK})
        post(mine, "/homework/1/take-back")
        post(mine, path, {"body_md": "one", "link": "https://other.example/"})
        page = text_of(mine.get(path + "/compare?old=1&new=2"))
        assert "The link changed" in page and "leads to other.example" in page

    def test_the_showcase_shows_it(self, visit, session, make, site_db):
        row = make.featured(consented=True)
        session.scalars(select(Attempt)).one().link = LINK
        session.commit()
        page = text_of(visit().get("/showcase/1"))
        assert row.featured and f'rel="nofollow noopener ugc">{LINK}</a>' in page
