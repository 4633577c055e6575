"""A course's files in its folder: out and in again to the last byte; what is broken names its place and keeps none."""

import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy import func, select

from qunclub.courses import archive, services_folder_files
from qunclub.courses.folder import Broken, read, write
from qunclub.courses.models import Course
from qunclub.courses.models_media import Media
from qunclub.courses.services_folder import bring_in, export
from qunclub.devtools import demo_files
from qunclub.kernel import Actor, Conflict, Stale
from qunclub.kernel.outbox import OutboxMessage
from qunclub.kernel.plain_pictures import is_plain
from qunclub.kernel.uploads import reencode
from tests.courses.test_archive import send, zipped
from tests.courses.test_media_rules import MP3
from tests.support.pages import in_language, post, sign_in, text_of

SYSTEM = Actor.system("test")
TOML = 'slug = "c"\ntitle = "C"\ndescription = "![x](图.png)"\n'
AUDIO = '+++\nslug = "one"\ntitle = "One"\nkind = "audio"\nmedia = "a.mp3"\n+++\n\nText [b](b.zip).\n'
MOST = 1_000_000


class Store:
    """A file store in memory."""

    def __init__(self):
        self.kept = {}

    def put(self, key, data):
        self.kept[key] = data

    def get(self, key):
        return self.kept[key]

    def get_range(self, key, start, length):
        return self.kept[key][start : start + length]

    def has(self, key):
        return key in self.kept

    def delete(self, key):
        self.kept.pop(key, None)


def picture(kind="PNG", size=(30, 20), **options):
    out = io.BytesIO()
    pixels = Image.effect_noise(size, 60).convert("RGB")
    pixels.save(out, kind, **options)
    return out.getvalue()


def zip_of(**files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, text in files.items():
            made.writestr(name, text)
    return out.getvalue()


PNG = picture()
FILES = {"a.mp3": MP3, "b.zip": zip_of(x="1"), "图.png": PNG}


@pytest.fixture
def folder(tmp_path):
    home = tmp_path / "c"
    (home / "files").mkdir(parents=True)
    (home / "course.toml").write_text(TOML)
    (home / "01-one.md").write_text(AUDIO)
    for name, data in FILES.items():
        (home / "files" / name).write_bytes(data)
    return home


def everything(home):
    return {
        path.relative_to(home).as_posix(): path.read_bytes() for path in home.rglob("*") if path.is_file()
    }


def take(session, folder, store, now, most=MOST):
    text = read(folder)
    files = services_folder_files.looked_at(text, max_bytes=most)
    old = services_folder_files.there(session, text.slug)
    with services_folder_files.keeping(store, files, old) as kept:
        return bring_in(session, text, actor=SYSTEM, now=now, files=kept)


def test_out_of_one_club_and_into_another_to_the_last_byte(db, tmp_path, folder, now):
    first, second = Store(), Store()
    with db.uow() as session:
        take(session, folder, first, now)
        write(export(session, slug="c", store=first), tmp_path / "out")
        # The first club is emptied, with its store.
        assert session.scalar(select(func.count()).select_from(Media)) == 3
        session.rollback()
    assert set(everything(tmp_path / "out")) == {
        "course.toml", "01-one.md", "files/a.mp3", "files/b.zip", "files/图.png",
    }  # fmt: skip
    with db.uow() as session:
        assert session.scalar(select(func.count()).select_from(Course)) == 0
        take(session, tmp_path / "out", second, now)
        write(export(session, slug="c", store=second), tmp_path / "again")
        assert len(second.kept) == 3
    assert everything(tmp_path / "again") == everything(tmp_path / "out")


def test_in_an_archive_too(folder):
    text = read(folder)
    packed = archive.pack(text)
    assert archive.unpack(packed) == text and archive.pack(archive.unpack(packed)) == packed


@pytest.mark.parametrize(
    ("kind", "content_type", "name"),
    [("PNG", "image/png", "p.png"), ("JPEG", "image/jpeg", "p.jpg"), ("WEBP", "image/webp", "p.webp")],
)
def test_pictures_as_the_club_writes_them_stay_and_others_are_written_anew(kind, content_type, name):
    _type, plain = reencode(picture(kind), content_type, name)
    assert is_plain(plain, content_type)
    spoken = Image.Exif()
    spoken[0x010E] = "where I live"
    for dirty in (picture(kind, exif=spoken), plain + b"<script>", picture(kind, size=(5000, 2))):
        assert not is_plain(dirty, content_type)
    assert not is_plain(plain[:-3], content_type) and not is_plain(b"", content_type)
    assert not is_plain(plain, "image/gif")


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=80), st.integers(0, 400), st.sampled_from(["PNG", "JPEG", "WEBP"]))
def test_a_picture_with_anything_put_into_it_is_read_without_a_fault(more, at, kind):
    data = PICTURES[kind]
    broken = data[:at] + more + data[at:]
    assert is_plain(broken, f"image/{kind.lower()}") in (True, False)
    assert not is_plain(data + more, f"image/{kind.lower()}") or not more


PICTURES = {kind: picture(kind) for kind in ("PNG", "JPEG", "WEBP")}


def test_coming_in_again_keeps_what_is_the_same_and_replaces_what_is_not(session, folder, now):
    store = Store()
    take(session, folder, store, now)
    before = {row.name: row.storage_key for row in session.scalars(select(Media))}
    take(session, folder, store, now)
    assert {row.name: row.storage_key for row in session.scalars(select(Media))} == before
    (folder / "files" / "a.mp3").write_bytes(MP3 + b"\0")
    take(session, folder, store, now)
    after = {row.name: row.storage_key for row in session.scalars(select(Media))}
    assert [name for name in after if after[name] != before[name]] == ["a.mp3"]
    # The old bytes go after the commit.
    gone = session.scalars(select(OutboxMessage.payload).where(OutboxMessage.kind == "file_delete")).all()
    assert gone == [{"storage_key": before["a.mp3"]}]
    # A folder of text alone is brought in over the files that are there.
    for path in (folder / "files").iterdir():
        path.unlink()
    take(session, folder, store, now)
    assert session.scalar(select(func.count()).select_from(Media)) == 3


def test_what_nothing_shows_stays_behind(session, folder, now, tmp_path):
    store = Store()
    report = take(session, folder, store, now)
    from qunclub.courses import services_media
    from qunclub.kernel.uploads import StoredFile

    spare = StoredFile("spare.png", "image/png", 1, "0" * 64, "k")
    services_media.add(session, course_id=report.course_id, files=[spare], now=now, actor=SYSTEM)
    assert [one.name for one in export(session, slug="c", store=store).files] == sorted(FILES)
    store.kept.clear()
    with pytest.raises(Conflict):
        export(session, slug="c", store=store)


def test_a_file_that_changed_meanwhile_is_not_taken_for_the_same(session, folder, now):
    store = Store()
    take(session, folder, store, now)
    text = read(folder)
    files = services_folder_files.looked_at(text, max_bytes=MOST)
    old = services_folder_files.there(session, "c")
    with pytest.raises(Stale), services_folder_files.keeping(store, files, old) as kept:
        session.scalars(select(Media).where(Media.name == "a.mp3")).one().sha256 = "1" * 64
        session.flush()
        bring_in(session, text, actor=SYSTEM, now=now, files=kept)


def broken(folder, change):
    name, data = change
    path = folder / name
    if data is None:
        path.unlink()
    else:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("files/a.mp3", None), r"01-one.md:5: the course has no file a.mp3; put it into files/"),
        (
            ("files/图.png", None),
            r"course.toml:3: there is no picture 图.png; put it into files/, or take it out",
        ),
        (
            ("files/a.mp3", PNG),
            r"files/a.mp3 \(named in 01-one.md:5\): its content is image/png; name it a.png",
        ),
        (
            ("files/b.zip", b"<html>"),
            r"files/b.zip \(named in 01-one.md:8\): .*not a file the club takes.*; put an",
        ),
        (("files/a.mp3", b""), r"files/a.mp3 .*is empty.*; put another"),
        (("files/a.mp3", MP3 + b"\0" * MOST), r"files/a.mp3 .*larger than 1 MB"),
        (
            ("files/c.mp3", MP3),
            r"files/c.mp3: no lesson and no description names this file; name it in a text",
        ),
        (("files/deep/x.mp3", MP3), r"files/deep: this is a link or a folder"),
        (
            ("01-one.md", AUDIO.replace("audio", "video")),
            r"01-one.md:5: a.mp3 does not fit a lesson of kind video",
        ),
        (("01-one.md", AUDIO.replace("(b.zip)", "(b.zip) [B](B.zip)")), None),
    ],
)
def test_what_is_broken_names_its_place_and_keeps_no_byte(session, folder, now, change, problem):
    broken(folder, change)
    store = Store()
    if problem is None:
        (folder / "files" / "B.zip").write_bytes(FILES["b.zip"])
        problem = r"files/b.zip: there is a file B.zip already"
    with pytest.raises(Broken, match=problem):
        take(session, folder, store, now)
    assert store.kept == {}
    assert session.scalar(select(func.count()).select_from(Course)) == 0


def test_links_are_not_followed(folder, tmp_path):
    (tmp_path / "secret.mp3").write_bytes(MP3)
    (folder / "files" / "a.mp3").unlink()
    (folder / "files" / "a.mp3").symlink_to(tmp_path / "secret.mp3")
    with pytest.raises(Broken, match=r"files/a.mp3: this is a link"):
        read(folder)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("files/../a.mp3", "leads out"),
        ("files/..", "leads out"),
        ("/files/a.mp3", "leads out"),
        ("files\\a.mp3", "leads out"),
        ("x/y/files/a.mp3", "too deep"),
        ("a.mp3", "only course.toml"),
        ("media/a.mp3", "only course.toml"),
        ("other/files/a.mp3", "several folders"),
    ],
)
def test_names_in_an_archive_that_lead_elsewhere(entry, says):
    data = zipped({"course.toml": 'slug = "c"\ntitle = "C"\n', "01-one.md": AUDIO, entry: MP3})
    with pytest.raises(Broken) as refused:
        archive.unpack(data)
    assert any(says in problem for problem in refused.value.problems), refused.value.problems


# ---- the editor's pages and the command line


@pytest.fixture
def admin(client, make):
    return in_language(sign_in(client, make.account(roles=("admin",))), "en")


@pytest.fixture
def store(app):
    app.extensions["qunclub"].files = made = Store()
    return made


def test_the_editor_shows_the_files_and_takes_them_in(admin, site_db, store, folder):
    packed = archive.pack(read(folder))
    shown = text_of(send(admin, packed))
    assert "a.mp3" in shown and "图.png" in shown
    with site_db.session() as session:
        assert session.scalar(select(func.count()).select_from(Media)) == 0
    seal = shown.split('name="seal" value="')[1].split('"')[0]
    done = post(admin, "/admin/courses/import/apply", {"seal": seal})
    assert done.status_code == 303
    # The archive is gone, the three files are there, and the download is the folder to the last byte.
    assert len(store.kept) == 3
    course_id = done.location.rpartition("/")[2]
    assert admin.get(f"/admin/courses/{course_id}/folder.zip").data == packed
    assert admin.get(f"/admin/courses/{course_id}/files/a.mp3").data == MP3
    again = text_of(send(admin, packed))
    assert "as this folder has it already" in again


@pytest.mark.parametrize("gone", ["files/a.mp3", "files/图.png"])
def test_a_broken_archive_leaves_nothing_in_the_store(admin, site_db, store, folder, gone):
    (folder / gone).unlink()
    answer = send(admin, zipped(everything(folder)))
    assert answer.status_code == 422 and "put it into files/" in text_of(answer)
    assert store.kept == {}
    with site_db.session() as session:
        assert session.scalar(select(func.count()).select_from(Course)) == 0


def test_an_import_that_fails_at_the_end_leaves_nothing_either(admin, site_db, store, folder, make):
    shown = text_of(send(admin, archive.pack(read(folder))))
    seal = shown.split('name="seal" value="')[1].split('"')[0]
    make.course(slug="c")
    late = post(admin, "/admin/courses/import/apply", {"seal": seal})
    assert late.status_code == 409
    assert [key for key in store.kept if key.startswith("media/")] == []


def test_the_command_line_takes_them_in_and_out(app, store, folder, tmp_path):
    runner = app.test_cli_runner()
    done = runner.invoke(args=["qunclub", "course", "import", str(folder)])
    assert done.exit_code == 0, done.output
    assert len(store.kept) == 3
    out = runner.invoke(args=["qunclub", "course", "export", "c", str(tmp_path / "out")])
    assert out.exit_code == 0 and "5 files" in out.output
    (folder / "files" / "b.zip").write_bytes(b"no")
    refused = runner.invoke(args=["qunclub", "course", "import", str(folder)])
    assert (
        refused.exit_code == 1
        and "files/b.zip" in refused.output
        and "Nothing was imported" in refused.output
    )
    assert len(store.kept) == 3


def test_the_demo_files_are_what_their_maker_makes():
    for name, data in demo_files.made().items():
        assert (demo_files.FOLDER / name).read_bytes() == data
