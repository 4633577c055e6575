"""Near-duplicates: found by bands, compared exactly, told to reviewers alone."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, func, insert, select, update

from qunclub import homework
from qunclub.courses.models_media import Media
from qunclub.homework import jobs_similar, queries_similar, rules_similar, services_similar
from qunclub.homework.models import Assignment, Attempt, Submission, SubmissionFile
from qunclub.homework.models_similar import WorkBand
from qunclub.kernel import Access, Actor, render_markdown
from qunclub.members.models import Member
from tests.support.pages import post, text_of
from tests.support.statements import count_statements

ESSAY = (
    "这是我要在居民议事会上讲的，一共就六页，改了其中三页。图书室使用情况改成了每周有三十一个人走到门口又回去了。"
    "证据是门卫师傅的登记本，我一页一页数的，数到第三遍才敢写上去。读者需求分析改成了他们都是晚上七点以后才有空，"
    "证据是四十份问卷。延时方案改成了只多开两个小时，就能接住其中的二十四个人，证据是试开放的两周。"
)


def varied(text, every):
    """*text* with each so-manyth character changed."""
    return "".join("改" if at % every == every - 1 else char for at, char in enumerate(text))


def words(seed, count=400):
    random.seed(seed)
    return "".join(chr(random.randint(0x4E00, 0x8FFF)) for _ in range(count))


def test_what_is_kept_for_good_does_not_change():
    # Signatures stand in the database: other numbers here mean another SCHEME.
    found = rules_similar.bands(rules_similar.shingles(ESSAY))
    assert rules_similar.SCHEME == 1
    assert found[:3] == [698780795586615451, 1966345637728589475, 3035173875331445778]
    assert len(found) == rules_similar.BANDS and all(0 <= one < 2**63 for one in found)


@given(st.text(max_size=300))
def test_layout_and_case_say_nothing(text):
    other = "  ".join(text.upper().lower()) + "\n!?"
    assert rules_similar.shingles(text.upper().lower()) == rules_similar.shingles(other)
    found = rules_similar.shingles(text)
    assert rules_similar.likeness(found, found) == (100 if found else 0)


@given(st.text(max_size=200), st.text(max_size=200))
def test_likeness_is_mutual_and_a_percent(one, other):
    a, b = rules_similar.shingles(one), rules_similar.shingles(other)
    assert rules_similar.likeness(a, b) == rules_similar.likeness(b, a) in range(101)
    for start, end in rules_similar.common(one, b):
        assert 0 <= start < end <= len(one)


def test_alike_works_share_a_band_and_others_do_not():
    alike = unlike = 0
    for seed in range(60):
        text = words(seed)
        mine = rules_similar.shingles(text)
        near = rules_similar.shingles(varied(text, 60))
        alike += bool(set(rules_similar.bands(mine)) & set(rules_similar.bands(near)))
        assert 75 <= rules_similar.likeness(mine, near) <= 95
        unlike += bool(
            set(rules_similar.bands(mine))
            & set(rules_similar.bands(rules_similar.shingles(words(seed + 1000))))
        )
    assert alike >= 58 and unlike == 0


def test_the_brief_and_short_texts_do_not_count():
    assert rules_similar.bands(rules_similar.shingles("做完了，请老师看看")) == []
    assert rules_similar.shingles(ESSAY, f"题目：{ESSAY}") == frozenset()


def test_common_passages_are_found_at_their_places():
    text = f"甲乙丙丁。{ESSAY[:40]}，戊己庚辛"
    ((start, end),) = rules_similar.common(text, rules_similar.shingles(ESSAY))
    assert text[start:end] == ESSAY[:40]


@pytest.fixture
def found(session):
    """``found(submission)``: (submission id, percent, files) of what is like its newest attempt."""

    def look(submission):
        attempt = session.scalars(
            select(Attempt.id)
            .where(Attempt.submission_id == submission.id)
            .order_by(Attempt.n.desc())
            .limit(1)
        ).one()
        return [
            (one.submission_id, one.percent, one.files)
            for one in queries_similar.similar(session, attempt_id=attempt)
        ]

    return look


def test_works_of_others_are_found_and_ones_own_are_not(session, make, found, now):
    work = make.assignment(title="One")
    other_work = make.assignment(title="Two")
    one = make.submission(work, body_md=ESSAY)
    two = make.submission(other_work, body_md=varied(ESSAY, 50))
    make.submission(other_work, member=session.get(Member, one.member_id), body_md=ESSAY)
    make.submission(work, body_md=words(1))
    while services_similar.sign_waiting(session, limit=1):
        pass
    ((ident, percent, files),) = found(one)
    assert ident == two.id and 70 <= percent < 100 and files == ()
    # What its author took back is theirs alone.
    session.execute(update(Attempt).where(Attempt.submission_id == two.id).values(withdrawn_at=now))
    assert found(one) == []


def test_quoting_the_brief_is_no_likeness(session, make, found):
    work = make.assignment()
    session.execute(
        update(Assignment).where(Assignment.id == work.id).values(brief_html=render_markdown(ESSAY))
    )
    one = make.submission(work, body_md=f"{ESSAY}\n\n{words(1, 80)}")
    make.submission(work, body_md=f"{ESSAY}\n\n{words(2, 80)}")
    services_similar.sign_waiting(session)
    assert found(one) == []


def test_a_shared_file_counts_unless_the_course_gives_it_out(session, make, found, now):
    work = make.assignment()
    one, two = make.submission(work, body_md="短"), make.submission(work, body_md="也短")
    for n, submission in enumerate((one, two)):
        attempt = session.scalars(select(Attempt.id).where(Attempt.submission_id == submission.id)).one()
        session.add(
            SubmissionFile(
                attempt_id=attempt, name=f"f{n}.pdf", content_type="application/pdf", size=1, sha256="a" * 64,
                storage_key=f"homework/{n}", created_at=now,
            )
        )  # fmt: skip
    session.flush()
    assert found(one) == [(two.id, 0, ("f0.pdf",))]
    session.add(
        Media(
            course_id=work.course_id, name="f.pdf", content_type="application/pdf", size=1, sha256="a" * 64,
            storage_key="media/1", uploaded_at=now, uploaded_by="x",
        )
    )  # fmt: skip
    session.flush()
    assert found(one) == []


def test_handing_in_signs_at_once_and_forgetting_takes_it_away(session, make, now):
    work = make.assignment()
    _account, member = make.person()
    actor = Actor(key="member:x", name="X", roles=frozenset(), member_id=member.id)
    homework.submit(
        session, assignment_id=work.id, member_id=member.id, body_md=ESSAY, files=(),
        access=Access(allowed=True, reason="pass"), now=now, actor=actor,
    )  # fmt: skip
    count = select(func.count()).select_from(WorkBand)
    assert session.scalar(count) == rules_similar.BANDS
    assert services_similar.sign_waiting(session) == 0
    homework.forget(session, member_id=member.id, now=now)
    assert session.scalar(count) == 0


def test_signing_twice_writes_once(session, make):
    make.submission(make.assignment(), body_md=ESSAY)
    ids = list(session.scalars(select(Attempt.id)))
    assert services_similar.sign(session, ids) == services_similar.sign(session, ids) == 1
    assert session.scalar(select(func.count()).select_from(WorkBand)) == rules_similar.BANDS


def crowd(session, assignment_id, count, now):
    """So many works of so many people, every tenth like the essay."""
    session.execute(
        insert(Member),
        [
            {
                "user_key": f"crowd:{count}:{n}",
                "name": f"C{n}",
                "email": f"c{count}-{n}@example.com",
                "joined_at": now,
            }
            for n in range(count)
        ],
    )
    members = session.scalars(select(Member.id).where(Member.user_key.like(f"crowd:{count}:%"))).all()
    session.execute(
        insert(Submission),
        [{"assignment_id": assignment_id, "member_id": one, "submitted_at": now} for one in members],
    )
    ids = session.scalars(select(Submission.id).where(Submission.member_id.in_(members))).all()
    session.execute(
        insert(Attempt),
        [
            {
                "submission_id": ident, "n": 1, "submitted_at": now, "body_md": "x",
                "body_html": f"<p>{varied(ESSAY, 40 + n % 9) if n % 10 == 0 else words(n, 120)}</p>",
            }
            for n, ident in enumerate(ids)
        ],
    )  # fmt: skip
    while services_similar.sign_waiting(session):
        pass
    session.commit()


def test_the_desk_asks_as_often_with_ten_works_as_with_a_thousand(
    visit, make, site_db, teacher, work, author, now
):
    one = make.submission(work, member=author[1], body_md=ESSAY)
    client = visit(teacher[0])
    counts = []
    for size in (10, 1_000):
        with site_db.session() as session:
            crowd(session, work.id, size, now)
        client.get(f"/desk/{one.id}")
        with count_statements(site_db.engine) as seen:
            page = text_of(client.get(f"/desk/{one.id}"))
        counts.append(seen.count)
        assert "Similar to the work of" in page
    assert counts[0] == counts[1]
    assert page.count("Similar to the work of") <= queries_similar.LOOKED_AT


def test_reviewers_see_it_and_compare_and_nobody_else(visit, app, make, site_db, teacher, work, author, now):
    one = make.submission(work, member=author[1], body_md=ESSAY)
    two = make.submission(work, body_md=varied(ESSAY, 50))
    with site_db.session() as session:
        # As works from before there were signatures.
        session.execute(delete(WorkBand))
        session.execute(update(Attempt).values(signed=0))
        session.commit()
    with app.app_context():
        assert jobs_similar.sweep(app.extensions["qunclub"]) == 2
    client = visit(teacher[0])
    page = text_of(client.get(f"/desk/{one.id}"))
    assert "Similar to the work of" in page and "members never see it" in page
    with site_db.session() as session:
        attempt = session.scalars(select(Attempt.id).where(Attempt.submission_id == two.id)).one()
        own = session.scalars(select(Attempt.id).where(Attempt.submission_id == one.id)).one()
    path = f"/desk/{one.id}/beside/{attempt}"
    assert f'href="{path}"' in page
    beside = text_of(client.get(path))
    assert "Two works side by side" in beside and 'class="qc-mark"' in beside and "qc-mark__no" not in beside
    assert client.get(f"/desk/{one.id}/beside/{own}").status_code == 404
    assert client.get(f"/desk/{one.id}/beside/999999").status_code == 404
    assert client.get(f"/desk/999999/beside/{attempt}").status_code == 404
    mine = visit(author[0])
    assert mine.get(path).status_code == 403 and "Similar to" not in text_of(mine.get(f"/homework/{work.id}"))
    assert post(client, f"/desk/{one.id}/claim").status_code == 303


def test_no_hint_names_whom_a_blind_review_hides(visit, make, site_db, teacher, work, author):
    one = make.submission(work, member=author[1], body_md=ESSAY)
    two = make.submission(work, body_md=varied(ESSAY, 50))
    with site_db.session() as session:
        attempt = session.scalars(select(Attempt.id).where(Attempt.submission_id == two.id)).one()
    client = visit(teacher[0])
    path = f"/desk/{one.id}/beside/{attempt}"
    assert "Similar to the work of" in text_of(client.get(f"/desk/{one.id}"))
    assert client.get(path).status_code == 200
    make.judging(work, blind="both")
    assert "Similar to the work of" not in text_of(client.get(f"/desk/{one.id}"))
    assert client.get(path).status_code == 404
