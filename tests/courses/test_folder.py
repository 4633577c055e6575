"""A course as a folder: out and in again without a difference; what is broken names file, line and remedy."""

import datetime as dt

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from qunclub.courses import LessonDraft
from qunclub.courses.folder import Broken, CourseText, read, write
from qunclub.courses.models import Course, Lesson, Progress
from qunclub.courses.services_folder import bring_in, export
from qunclub.kernel import Actor

TEXT = st.text(
    alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=60
) | st.sampled_from(
    ['"""', '\\"', "\\", "+++\n", "a\n+++\nb", 'x"\n"', "\n", " lead", "trail \n\n", "\ufeffx"]
)
TITLES = TEXT.filter(lambda text: text.strip())
SLUGS = st.lists(
    st.from_regex(r"[a-z]{1,6}(-[a-z0-9]{1,4})?", fullmatch=True), min_size=1, max_size=5, unique=True
)
MOMENTS = st.integers(0, 10**9).map(lambda second: dt.datetime.fromtimestamp(10**9 + second, dt.UTC))
OF_KIND = st.sampled_from(
    [
        {},
        {"kind": "video", "media": "film-1.mp4"},
        {"kind": "audio", "media": "图.mp3"},
        {"kind": "file", "media": "a.zip"},
        {
            "kind": "live",
            "live_url": "https://x.org/?a=1",
            "live_starts_at": dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC),
            "live_ends_at": dt.datetime(2026, 5, 1, 13, tzinfo=dt.UTC),
        },
    ]
)


@st.composite
def courses(draw):
    lessons = tuple(
        LessonDraft(
            slug=slug,
            title=draw(TITLES),
            summary=draw(TEXT),
            body_md=draw(TEXT),
            minutes=draw(st.integers(0, 600)),
            is_preview=draw(st.booleans()),
            state=draw(st.sampled_from(["draft", "published"])),
            opens_at=draw(MOMENTS | st.none()),
            opens_after_days=draw(st.integers(1, 99) | st.none()),
            **draw(OF_KIND),
        )
        for slug in draw(SLUGS)
    )
    return CourseText(
        "a-course",
        draw(TITLES),
        draw(TEXT),
        draw(TEXT),
        draw(st.booleans()),
        "published",
        lessons,
        draw(st.booleans()),
    )


@settings(suppress_health_check=[HealthCheck.too_slow])  # on a busy machine making the texts is slow
@given(courses())
def test_what_is_written_reads_back_the_same(tmp_path_factory, course):
    folder = tmp_path_factory.mktemp("course")
    write(course, folder)
    assert read(folder) == course
    again = tmp_path_factory.mktemp("again") / "new"
    write(read(folder), again)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert files == {path.name: path.read_bytes() for path in again.iterdir()}


GOOD = '+++\nslug = "one"\ntitle = "One"\n+++\n\nText.\n'


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "course.toml").write_text('slug = "c"\ntitle = "C"\n')
    (tmp_path / "01-one.md").write_text(GOOD)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        (
            "02-two.md",
            GOOD.replace("one", "two").replace("+++\n\n", 'kind = "dance"\n+++\n\n'),
            "02-two.md:4: kind",
        ),
        (
            "02-two.md",
            GOOD.replace("one", "two").replace("+++\n\n", 'kind = "video"\n+++\n\n'),
            'write media = "',
        ),
        ("01-one.md", "No front matter", ["01-one.md:1:", "+++"]),
        ("01-one.md", '+++\nslug = "one"\n', ["01-one.md:1:", "no end"]),
        ("01-one.md", '+++\nslug = "one"\ntitle = One\n+++\n', ["01-one.md:3:", "cannot be read"]),
        ("01-one.md", '+++\nslug = "one"\n+++\n', ["01-one.md:1:", "title is missing"]),
        ("01-one.md", '+++\ntitle = "x"\nslug = "Not A Slug"\n+++\n', ["01-one.md:3:", "small letters"]),
        ("01-one.md", GOOD.replace("+++\n\n", 'minutes = "ten"\n+++\n\n'), ["01-one.md:4:", "minutes = 12"]),
        ("01-one.md", GOOD.replace("+++\n\n", "minutes = 9999\n+++\n\n"), ["01-one.md:4:", "0 to 600"]),
        ("01-one.md", GOOD.replace("+++\n\n", "preview = 1\n+++\n\n"), ["01-one.md:4:", "true or false"]),
        (
            "01-one.md",
            GOOD.replace("+++\n\n", "opens_at = 2026-01-01T08:00:00\n+++\n\n"),
            ["01-one.md:4:", "time zone"],
        ),
        ("01-one.md", GOOD.replace("+++\n\n", 'state = "gone"\n+++\n\n'), ["01-one.md:4:", "draft"]),
        ("01-one.md", GOOD.replace("+++\n\n", 'colour = "red"\n+++\n\n'), ["01-one.md:4:", "not known"]),
        ("02-two.md", GOOD, ["02-two.md:2:", "01-one.md too"]),
        ("02-two.md", b'+++\nslug = "two"\ntitle = "\xff"\n+++\n', ["02-two.md:3:", "UTF-8"]),
        ("course.toml", 'slug = "c"\n', ["course.toml:1:", "title is missing"]),
        ("course.toml", 'slug = "c"\ntitle = "C"\nordered = "yes"\n', ["course.toml:3:", "true or false"]),
        ("course.toml", 'slug = "c"\ntitle = "C\n', ["course.toml:2:", "cannot be read"]),
    ],
)
def test_what_is_broken_names_file_line_and_remedy(folder, name, content, says):
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(Broken) as caught:
        read(folder)
    assert all(any(word in problem for problem in caught.value.problems) for word in says), (
        caught.value.problems
    )


def test_every_problem_is_told_at_once(folder):
    (folder / "01-one.md").write_text("x")
    (folder / "02-two.md").write_text("y")
    with pytest.raises(Broken) as caught:
        read(folder)
    assert len(caught.value.problems) == 2


def test_a_folder_without_a_course_or_lessons(tmp_path):
    with pytest.raises(Broken, match=r"course.toml: there is no such file"):
        read(tmp_path)
    (tmp_path / "course.toml").write_text('slug = "c"\ntitle = "C"\n')
    with pytest.raises(Broken, match="no lessons"):
        read(tmp_path)


def test_windows_line_ends_and_a_byte_order_mark_are_read(folder):
    (folder / "01-one.md").write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert read(folder).lessons[0].body_md == "Text."


def test_files_are_not_mixed_with_old_ones(folder):
    with pytest.raises(FileExistsError, match="01-one.md"):
        write(read(folder), folder)


def test_a_course_comes_in_changes_and_goes_out(session, make, folder, tmp_path_factory, now):
    actor = Actor.system("test")
    first = bring_in(session, read(folder), actor=actor, now=now)
    assert (first.created, first.added) == (True, ["one"])
    assert export(session, slug="c") == read(folder)
    member = make.member()
    lesson = session.scalars(select(Lesson).where(Lesson.course_id == first.course_id)).one()
    session.add(Progress(member_id=member.id, course_id=first.course_id, lesson_id=lesson.id, opened_at=now))
    session.flush()

    (folder / "01-one.md").rename(folder / "02-one.md")
    (folder / "02-one.md").write_text(GOOD.replace("Text.", "New text."))
    (folder / "01-zero.md").write_text(GOOD.replace("one", "zero").replace("One", "Zero"))
    second = bring_in(session, read(folder), actor=actor, now=now)
    assert (second.created, second.added, second.changed) == (False, ["zero"], ["one"])
    assert [one.slug for one in export(session, slug="c").lessons] == ["zero", "one"]

    (folder / "02-one.md").unlink()
    third = bring_in(session, read(folder), actor=actor, now=now)
    assert third.retired == ["one"]
    # Nothing that members did is lost: the lesson is a draft, with its progress.
    assert session.scalar(select(func.count()).select_from(Progress)) == 1
    out = tmp_path_factory.mktemp("out") / "c"
    write(export(session, slug="c"), out)
    assert [one.state for one in read(out).lessons] == ["published", "draft"]


def test_importing_the_same_again_changes_nothing(session, folder, now):
    actor = Actor.system("test")
    bring_in(session, read(folder), actor=actor, now=now)
    again = bring_in(session, read(folder), actor=actor, now=now)
    assert (again.added, again.changed, again.retired) == ([], [], [])


def test_the_command_line_imports_exports_and_refuses(app, folder, tmp_path, site_db):
    runner = app.test_cli_runner()
    good = runner.invoke(args=["qunclub", "course", "import", str(folder)])
    assert good.exit_code == 0 and "c: made, 1 lessons." in good.output, good.output
    out = tmp_path / "out"
    assert runner.invoke(args=["qunclub", "course", "export", "c", str(out)]).exit_code == 0
    assert read(out) == read(folder)
    full = runner.invoke(args=["qunclub", "course", "export", "c", str(out)])
    assert full.exit_code == 1 and "already" in full.output
    assert runner.invoke(args=["qunclub", "course", "export", "nope", str(tmp_path / "x")]).exit_code == 1

    (folder / "02-two.md").write_text("broken")
    bad = runner.invoke(args=["qunclub", "course", "import", str(folder)])
    assert bad.exit_code == 1
    assert "02-two.md:1:" in bad.output and "Nothing was imported." in bad.output
    with site_db.session() as session:
        assert session.scalar(select(func.count()).select_from(Lesson)) == 1
        assert session.scalar(select(func.count()).select_from(Course)) == 1


def test_a_folder_that_names_a_missing_file_changes_nothing(session, make, now):
    text = CourseText("films", "Films", lessons=(LessonDraft("one", "One", kind="video", media="film.mp4"),))
    with pytest.raises(Broken) as broken:
        bring_in(session, text, actor=make.actor(roles=("admin",)), now=now)
    assert "film.mp4" in broken.value.problems[0] and "page of files" in broken.value.problems[0]
    assert session.scalar(select(func.count()).select_from(Course)) == 0
