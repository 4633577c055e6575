"""A course out as a .zip and in again; archives that mean harm are taken apart and refused."""

import io
import stat
import zipfile

import pytest
from sqlalchemy import select

from qunclub.courses import archive
from qunclub.courses.archive import pack, unpack
from qunclub.courses.folder import Broken, CourseText
from qunclub.courses.models import Course, Lesson
from qunclub.courses.services_lessons import LessonDraft
from tests.support.pages import in_language, post, sign_in, text_of

TOML = 'slug = "c"\ntitle = "C"\n'
LESSON = '+++\nslug = "one"\ntitle = "One"\n+++\n\nText.\n'
GOOD = {"course.toml": TOML, "01-one.md": LESSON}


def zipped(files, **more):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
        for entry, content in more.get("entries", ()):
            made.writestr(entry, content)
    return buffer.getvalue()


def link(name, target):
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry, target


def locked(data):
    """Say of the last file that it has a password."""
    at = data.rindex(b"PK\x01\x02")
    return data[: at + 8] + b"\x01" + data[at + 9 :]


def test_out_and_in_again_is_the_same():
    lessons = tuple(LessonDraft(f"l-{n}", f"第{n}课", body_md="x" * n) for n in range(12))
    course = CourseText("c", "课", "s", "d", True, "published", lessons, True)
    assert unpack(pack(course)) == course
    assert pack(course) == pack(course)


def test_files_at_the_top_or_in_one_folder_and_clutter_is_ignored():
    flat = unpack(zipped(GOOD))
    nested = {f"my course/{name}": text for name, text in GOOD.items()}
    clutter = {"__MACOSX/my course/._01-one.md": "x", "my course/.DS_Store": "x", "my course/": ""}
    assert unpack(zipped({**nested, **clutter})) == flat


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"not a zip", "not a .zip"),
        (b"PK\x05\x06" + b"\0" * 18, "no such file"),
        (zipped(GOOD)[:-30], "not a .zip"),
        (zipped({**GOOD, "../evil.md": LESSON}), "leads out"),
        (zipped({**GOOD, "/etc/evil.md": LESSON}), "leads out"),
        (zipped({**GOOD, "a/../../evil.md": LESSON}), "leads out"),
        (zipped({**GOOD, "..\\evil.md": LESSON}), "leads out"),
        (zipped({**GOOD, "C:evil.md": LESSON}), "leads out"),
        (zipped({**GOOD, "e\x01vil.md": LESSON}), "leads out"),
        (zipped({**GOOD, "a" * 300 + ".md": LESSON}), "leads out"),
        (zipped(GOOD, entries=[link("02-two.md", "/etc/passwd")]), "a link"),
        (locked(zipped(GOOD)), "password"),
        (zipped({**GOOD, "a/b/03.md": LESSON}), "too deep"),
        (zipped({**GOOD, "run.exe": b"MZ"}), "only course.toml"),
        (zipped({"a/course.toml": TOML, "b/01.md": LESSON}), "several folders"),
        (zipped({**GOOD, "01-ONE.md": LESSON}), "twice"),
        (zipped({**GOOD, "02-bomb.md": b"0" * 5_000_000}), "beyond measure"),
        (zipped({f"{n}.md": LESSON for n in range(archive.MOST_FILES + 1)}), "at most 500"),
        (
            zipped({"course.toml": TOML, "01.md": LESSON.replace("slug", "slag")}),
            "01.md:2: slag is not known",
        ),
    ],
)
def test_what_cannot_be_taken_says_why(data, says):
    with pytest.raises(Broken) as refused:
        unpack(data)
    assert any(says in problem for problem in refused.value.problems), refused.value.problems


def test_a_file_larger_than_it_says_is_refused():
    data = bytearray(zipped({**GOOD, "02.md": LESSON.replace("one", "two") + "y" * 5_000}))
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = (10).to_bytes(4, "little")
    with pytest.raises(Broken):
        unpack(bytes(data))


def test_too_large_is_refused_before_it_is_opened(monkeypatch):
    monkeypatch.setattr(archive, "MOST_BYTES", 10)
    with pytest.raises(Broken, match="larger than"):
        unpack(zipped(GOOD))
    monkeypatch.undo()
    monkeypatch.setattr(archive, "MOST_UNPACKED", 10)
    with pytest.raises(Broken, match="unpacked"):
        unpack(zipped(GOOD))


@pytest.fixture
def admin(client, make):
    in_language(sign_in(client, make.account(roles=("admin",))), "en")
    return client


def send(client, data):
    return post(client, "/admin/courses/import", {"folder": (io.BytesIO(data), "c.zip")})


def seal_in(page):
    return page.split('name="seal" value="')[1].split('"')[0]


def test_a_course_is_looked_at_and_then_imported(admin, site_db):
    shown = text_of(send(admin, zipped(GOOD)))
    assert "A new course would be made" in shown and "One" in shown
    with site_db.session() as session:
        assert session.scalars(select(Course)).all() == []
    done = post(admin, "/admin/courses/import/apply", {"seal": seal_in(shown)})
    assert (done.status_code, done.location) == (303, "/admin/courses/1")
    again = post(admin, "/admin/courses/import/apply", {"seal": seal_in(shown)})
    assert again.status_code == 422
    two = {
        "course.toml": TOML + 'summary = "S"\n',
        "02-two.md": LESSON.replace("one", "two").replace("One", "Two"),
    }
    shown = text_of(send(admin, zipped(two)))
    assert "becomes a draft" in shown and "new" in shown and "In one or two sentences" in shown
    chinese = text_of(send(in_language(admin, "zh"), zipped(two)))
    assert "转为草稿" in chinese
    assert post(admin, "/admin/courses/import/apply", {"seal": seal_in(chinese)}).status_code == 303
    with site_db.session() as session:
        states = dict(session.execute(select(Lesson.slug, Lesson.state)).all())
    assert states == {"one": "draft", "two": "published"}


def test_what_changed_since_the_look_is_looked_at_again(admin, make, site_db):
    shown = text_of(send(admin, zipped(GOOD)))
    make.course(slug="c")
    late = post(admin, "/admin/courses/import/apply", {"seal": seal_in(shown)})
    assert late.status_code == 409 and "Look again" in text_of(late)


def test_a_broken_archive_imports_nothing_and_names_the_line(admin, site_db):
    answer = send(admin, zipped({"course.toml": TOML, "01.md": "no front matter"}))
    assert (
        answer.status_code == 422
        and "01.md:1" in text_of(answer)
        and "nothing was imported" in text_of(answer)
    )
    assert send(admin, b"").status_code == 422
    with site_db.session() as session:
        assert session.scalars(select(Course)).all() == []


def test_the_download_is_the_folder(admin, make):
    course = make.course(slug="one-page")
    make.lesson(course, slug="first", body_md="Hello")
    data = admin.get(f"/admin/courses/{course.id}/folder.zip")
    assert data.mimetype == "application/zip" and unpack(data.data).lessons[0].body_md == "Hello"
    assert admin.get("/admin/courses/99/folder.zip").status_code == 404


def test_import_and_download_are_for_admins(client, make):
    course = make.course()
    sign_in(client, make.account(roles=("instructor",)))
    assert client.get("/admin/courses/import").status_code == 403
    assert client.get(f"/admin/courses/{course.id}/folder.zip").status_code == 403
    assert post(client, "/admin/courses/import/apply", {"seal": "x"}).status_code == 403
