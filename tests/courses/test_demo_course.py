"""The demo's own long course: it comes in and goes out unchanged, and every lesson is set as its author meant it."""

import re

import pytest
from obstore.store import MemoryStore

from qunclub.adapters.files import ObjectFiles
from qunclub.courses import services_folder_files
from qunclub.courses.folder import read, write
from qunclub.courses.services_folder import bring_in, export
from qunclub.demo import content
from qunclub.kernel import Actor
from qunclub.kernel.text import render_markdown

FOLDER = content.FOLDER / "courses" / "true-charts"
COURSE = read(FOLDER)
LESSONS = pytest.mark.parametrize("lesson", COURSE.lessons, ids=lambda one: one.slug)
# Marks that only unread Markdown or LaTeX leaves behind.
RAW = re.compile(r"\*\*|\$|^\s*\||\[\^|\[!|\]\(|\[ \]|\\(?:frac|sqrt|times)|```", re.MULTILINE)


def test_it_goes_out_byte_for_byte_as_it_came_in(db, clock, tmp_path):
    store = ObjectFiles(MemoryStore())
    checked = services_folder_files.looked_at(COURSE, max_bytes=1_000_000)
    with db.uow() as session, services_folder_files.keeping(store, checked, {}) as files:
        report = bring_in(session, COURSE, actor=Actor.system("test"), now=clock(), files=files)
        assert report.created
        assert len(report.added) >= 12
        write(export(session, slug="true-charts", store=store), tmp_path / "out")
    assert everything(tmp_path / "out") == everything(FOLDER)


def everything(home):
    return {
        path.relative_to(home).as_posix(): path.read_bytes() for path in home.rglob("*") if path.is_file()
    }


def test_it_has_a_sound_to_hear_and_a_file_to_take_away():
    assert {one.kind: one.media for one in COURSE.lessons if one.media} == {
        "audio": "twelve-months.wav",
        "file": "practice-table.zip",
    }


def test_two_previews_are_free_and_the_rest_opens_week_by_week():
    assert len(COURSE.lessons) == 12
    assert sum(one.is_preview for one in COURSE.lessons) == 2
    assert [one.opens_after_days or 0 for one in COURSE.lessons] == [0] * 3 + [7] * 3 + [14] * 3 + [21] * 3
    assert all(one.state == "published" and one.minutes and one.summary for one in COURSE.lessons)


@LESSONS
def test_a_lesson_is_long_enough_and_no_markup_is_left_over(lesson):
    assert 900 <= len(re.findall(r"[\u3001-\u9fff\uff01-\uff5e]", lesson.body_md)) <= 1800
    html = render_markdown(lesson.body_md)
    words = re.sub(r"<[^>]+>", "", re.sub(r"<(pre|code)\b.*?</\1>", "", html, flags=re.DOTALL))
    assert RAW.findall(words) == []
    for mark, made in (
        ("\n| ", "<table>"), ("> [!", "qc-callout"), ("[^1]:", 'class="footnote"'), ("\n```", 'class="highlight"'),
        ("- [ ] ", "qc-check"), ("$$", 'class="qc-math"'),
    ):  # fmt: skip
        assert (mark in lesson.body_md) == (made in html), mark
    if "$$" in lesson.body_md:
        assert "<math" in html


def test_the_course_uses_everything_a_lesson_can_hold():
    html = "".join(render_markdown(one.body_md) for one in COURSE.lessons)
    for made in (
        "<table>",
        "qc-callout-warning",
        "qc-callout-tip",
        "footnote",
        "highlight",
        "qc-check",
        "<math",
    ):
        assert made in html


@LESSONS
def test_links_lead_to_lessons_and_places_that_are_there(lesson):
    html = render_markdown(lesson.body_md)
    ids = set(re.findall(r' id="([^"]+)"', html))
    slugs = {one.slug for one in COURSE.lessons}
    for href in re.findall(r'href="([^"]+)"', html):
        assert (href[1:] in ids) if href.startswith("#") else href in slugs, href


def test_three_assignments_stand_by_it_and_one_plan_opens_it():
    assigned = [one for one in content.table("assignments")["assignment"] if one["course"] == COURSE.slug]
    assert len(assigned) == 3
    assert all(sum(criterion["weight"] for criterion in one["criteria"]) == 100 for one in assigned)
    assert [one["slug"] for one in content.table("plans")["plan"] if COURSE.slug in one["courses"]] == [
        "diehard"
    ]
