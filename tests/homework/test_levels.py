"""Criteria with levels: what can be chosen, what a review keeps of it, how the pages show it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from qunclub import homework
from qunclub.homework import queries, queries_attempts, rules
from qunclub.homework.models import Assignment, Criterion, Review, ReviewScore
from qunclub.homework.models_levels import CriterionLevel
from qunclub.homework.rules import CriterionSpec, Scale
from qunclub.homework.rules_levels import MAX_LEVELS, LevelSpec, check_levels, chosen
from qunclub.kernel import Actor, Invalid
from tests.support.pages import in_language, post, text_of
from tests.support.statements import count_statements

STEPS = (LevelSpec(10, "Clear", "One sentence."), LevelSpec(6, "Almost"), LevelSpec(0, "Not yet"))
levels = st.lists(st.integers(0, 100), min_size=2, max_size=MAX_LEVELS, unique=True).map(
    lambda points: tuple(LevelSpec(one, f"level {one}") for one in points)
)


@given(levels, st.integers(0, 100))
def test_a_score_is_one_of_the_levels_or_refused_by_name(steps, points):
    check_levels("Clear", 100, steps)
    if points in {one.points for one in steps}:
        assert chosen("Clear", steps, points) in steps
        assert 0 <= rules.rubric_score([Scale(1, 100, 1, "Clear", steps)], {1: points}) <= 100
        return
    with pytest.raises(Invalid) as error:
        rules.rubric_score([Scale(1, 100, 1, "Clear", steps)], {1: points})
    assert error.value.field == "scores" and error.value.params["criterion"] == "Clear"


@given(levels)
def test_levels_measure_as_numbers_do(steps):
    for one in steps:
        with_levels = rules.rubric_score(
            [Scale(1, 100, 3, "a", steps), Scale(2, 10, 7)], {1: one.points, 2: 4}
        )
        assert with_levels == rules.rubric_score([Scale(1, 100, 3), Scale(2, 10, 7)], {1: one.points, 2: 4})


@pytest.mark.parametrize(
    "steps",
    [
        STEPS[:1],
        STEPS * 4,
        (LevelSpec(1, "a"), LevelSpec(1, "b")),
        (LevelSpec(1, "a"), LevelSpec(2, " ")),
        (LevelSpec(-1, "a"), LevelSpec(2, "b")),
        (LevelSpec(1, "a"), LevelSpec(11, "b")),
        (LevelSpec(1, "a" * 81), LevelSpec(2, "b")),
        (LevelSpec(1, "a", "x" * 401), LevelSpec(2, "b")),
    ],
)
def test_levels_nobody_could_choose_among_are_refused(steps):
    with pytest.raises(Invalid) as error:
        rules.check_criteria([CriterionSpec("Clear", 10, levels=steps)])
    assert error.value.field == "criteria" and error.value.params["criterion"] == "Clear"


@pytest.fixture
def stepped(make):
    """``stepped(**values)``: homework whose first criterion has levels."""

    def made(course=None, **values):
        work = make.assignment(course=course, **values)
        return save(make.session, make, work, STEPS)

    return made


def save(session, make, work, steps, most=10):
    ids = session.scalars(
        select(Criterion.id).where(Criterion.rubric_id == work.rubric_id).order_by(Criterion.position)
    ).all()
    return homework.update_assignment(
        session, assignment_id=work.id, version=work.version, slug=work.slug, title=work.title,
        brief_md=work.brief_md, now=make.now, actor=Actor.system("test"),
        criteria=[
            CriterionSpec("Clear", most, 60, "", ids[0], steps), CriterionSpec("True", 10, 40, "", ids[1]),
        ],
    )  # fmt: skip


def judge(session, make, row, scores, verdict="accept"):
    ids = session.scalars(select(Criterion.id).order_by(Criterion.position)).all()
    return homework.review(
        session, submission_id=row.id, version=row.version, verdict=verdict, comment_md="Words.",
        scores=dict(zip(ids, scores, strict=False)), actor=make.actor(roles=("instructor",)), now=make.now,
    )  # fmt: skip


class TestServices:
    def test_a_review_keeps_the_words_it_was_written_with(self, session, make, stepped):
        work = stepped()
        row = make.submission(work)
        judge(session, make, row, [6, 5])
        kept = session.execute(
            select(ReviewScore.points, ReviewScore.level).order_by(ReviewScore.criterion_id)
        )
        assert [tuple(one) for one in kept] == [(6, "Almost"), (5, "")]
        assert row.score == 56
        # Changed, taken away: what was said stays.
        for steps in ((LevelSpec(9, "New"), LevelSpec(1, "Old")), ()):
            work = save(session, make, work, steps)
            (attempt,) = queries_attempts.attempts(session, row.id)
            assert attempt.review is not None
            assert dict(attempt.review.levels).popitem()[1] == ("Almost", "")
        assert session.scalars(select(CriterionLevel)).all() == []

    @pytest.mark.parametrize(
        ("verdict", "scores"), [("accept", [7, 5]), ("return", [7]), ("feature", [7, 5])]
    )
    def test_what_is_no_level_is_refused_and_nothing_written(self, session, make, stepped, verdict, scores):
        row = make.submission(stepped())
        with pytest.raises(Invalid) as error:
            judge(session, make, row, scores, verdict)
        assert error.value.params == {"criterion": "Clear", "points": "10, 6, 0"}
        assert session.scalars(select(Review)).all() == []

    def test_returned_work_need_not_be_judged_on_every_level(self, session, make, stepped):
        row = make.submission(stepped())
        judge(session, make, row, [0], "return")
        assert session.scalars(select(ReviewScore.level)).all() == ["Not yet"]

    def test_a_criterion_with_levels_can_be_removed(self, session, make, stepped):
        work = stepped()
        kept = session.scalars(select(Criterion.id).order_by(Criterion.position.desc())).first()
        homework.update_assignment(
            session, assignment_id=work.id, version=work.version, slug=work.slug, title=work.title,
            criteria=[CriterionSpec("True", 10, 40, "", kept)], now=make.now, actor=Actor.system("test"),
        )  # fmt: skip
        assert session.scalars(select(CriterionLevel)).all() == []

    def test_the_rubric_is_read_in_one_statement(self, session, make, stepped, db):
        work = stepped()
        session.flush()
        with count_statements(db.engine) as sent:
            first, second = queries.criteria(session, work.rubric_id)
        assert sent.count == 1
        assert (first.levels, second.levels) == (STEPS, ())
        assert (first.percent, second.percent) == (60, 40)


class TestPages:
    @pytest.fixture
    def levelled(self, site_db, work):
        with site_db.uow() as session:
            first = session.scalars(select(Criterion.id).order_by(Criterion.position)).first()
            for place, one in enumerate(STEPS, 1):
                session.add(
                    CriterionLevel(
                        criterion_id=first, position=place, points=one.points, title=one.title,
                        description=one.description,
                    )
                )  # fmt: skip
            return first

    def test_the_editor_adds_changes_and_removes_levels(self, visit, make, work, levelled, site_db):
        admin = visit(make.account(name="Ada", roles=("admin",)))
        page = text_of(admin.get(f"/admin/homework/{work.id}"))
        assert 'name="criteria-0-levels-2-title"' in page and 'value="Almost"' in page
        with site_db.session() as session:
            row = session.scalars(select(Assignment)).one()
            values = {"title": row.title, "slug": row.slug, "brief_md": row.brief_md, "version": row.version}
        line = {
            "criteria-0-criterion_id": levelled,
            "criteria-0-title": "Clear",
            "criteria-0-max_points": "10",
        }
        values |= {**line, "criteria-0-weight": "1", "late_policy": "accept"}
        step = "criteria-0-levels-"
        wrong = {
            f"{step}0-title": "Good",
            f"{step}0-points": "11",
            f"{step}1-title": "Bad",
            f"{step}1-points": "1",
        }
        refused = post(admin, f"/admin/homework/{work.id}", {**values, **wrong})
        assert refused.status_code == 422
        assert "“Clear”: the points of a level lie between 0 and 10." in text_of(refused)
        assert 'value="Good"' in text_of(refused)
        right = {**wrong, f"{step}0-points": "9", f"{step}2-title": "", f"{step}2-points": ""}
        assert post(admin, f"/admin/homework/{work.id}", {**values, **right}).status_code == 303
        with site_db.session() as session:
            found = session.execute(
                select(CriterionLevel.points, CriterionLevel.title).order_by(CriterionLevel.position)
            )
            assert [tuple(one) for one in found] == [(9, "Good"), (1, "Bad")]

    def test_the_author_reads_them_before_and_after(self, visit, author, teacher, work, levelled, site_db):
        mine, path = visit(author[0]), f"/homework/{work.id}"
        page = text_of(mine.get(path))
        assert "One sentence." in page and "Almost" in page
        post(mine, path, {"body_md": "My page."})
        desk = visit(teacher[0])
        post(desk, "/desk/1/claim")
        page = text_of(desk.get("/desk/1"))
        assert f'type="radio" name="score-{levelled}" value="6"' in page
        assert 'aria-label="Clear" data-key="1"' in page
        with site_db.session() as session:
            other = session.scalars(select(Criterion.id).where(Criterion.id != levelled)).one()
        form = {f"score-{levelled}": "6", f"score-{other}": "8", "verdict": "accept", "version": "1"}
        post(desk, "/desk/1", {**form, "draft": "1", "draft_version": "0"})
        assert f'name="score-{levelled}" value="6" checked' in text_of(desk.get("/desk/1"))
        refused = post(desk, "/desk/1", {**form, f"score-{levelled}": "7", "draft_version": "1"})
        assert refused.status_code == 422
        assert "“Clear” is judged by levels: choose one of 10, 6, 0 points." in text_of(refused)
        assert "按档位打分" in text_of(
            post(in_language(desk, "zh"), "/desk/1", {**form, f"score-{levelled}": "7"})
        )
        assert post(desk, "/desk/1", {**form, "draft_version": "1"}).status_code == 303
        assert "6 / 10 · Almost" in text_of(mine.get(path))
