"""Whatever room a file comes in by, it passes the scanner before it is kept."""

import ast
import io
import pathlib
from typing import Any

import pytest

import qunclub
from qunclub.courses.models import Course
from qunclub.kernel.ports import ScanFailed
from qunclub.web.state import KEY
from tests.courses.test_archive import GOOD, zipped
from tests.courses.test_media_rules import MP3
from tests.homework.pictures import picture
from tests.support.pages import in_language, post, sign_in, text_of

MULTI: Any = {"content_type": "multipart/form-data"}
# What is read and not kept: the bank's list beside which payments are laid, a ticket's picture at the door, a template
# (kept as the club writes it anew).
READ_ONLY = {"orders/admin_reconciliation.py", "passes/views_camera.py", "cloning/admin.py"}


class Scanner:
    """Says the same of every file."""

    def __init__(self, verdict):
        self.verdict, self.seen = verdict, []

    def scan(self, data):
        self.seen.append(data)
        if self.verdict is None:
            raise ScanFailed("gone")
        return self.verdict


@pytest.fixture
def sent(app, make, now):
    """``sent(place)``: the answer to a file sent to that place by somebody who may."""

    def browser(account):
        return in_language(sign_in(app.test_client(), account), "en")

    def homework(data):
        work = make.assignment()
        account, member = make.person()
        make.pass_(make.plan(courses=[Course(id=work.course_id)]), member)
        return browser(account), f"/homework/{work.id}", {"body_md": "KEPT", "files": data("page.png")}

    def voice(data):
        row = make.submission(make.assignment())
        client = browser(make.account(roles=("instructor",), number=True))
        post(client, f"/desk/{row.id}/claim")
        return client, f"/desk/{row.id}/voice", {"voice": data("a.mp3", MP3)}

    def proof(data):
        account, member = make.person()
        order = make.transfer_order(make.plan(), member)
        return (
            browser(account),
            f"/checkout/{order.code}/transfer/proof",
            {"file": data("page.png"), "note": "KEPT"},
        )

    def code(data):
        sent = {"picture": data("page.png"), "label": "KEPT"}
        return browser(make.account(roles=("admin",))), "/admin/transfers/settings/codes", sent

    def media(data):
        path = f"/admin/courses/{make.course().id}/files"
        return browser(make.account(roles=("admin",))), path, {"files": data("page.png")}

    def replaced(data):
        course = make.course()
        medium = make.medium(course, "page.png", "image/png", data=b"x", store=app.extensions[KEY].files)
        path = f"/admin/files/{medium.id}/replace"
        return browser(make.account(roles=("admin",))), path, {"files": data("page.png")}

    def folder(data):
        course = {**GOOD, "01-one.md": GOOD["01-one.md"] + "\n![](page.png)\n", "files/page.png": picture()}
        sent = {"folder": data("page.zip", zipped(course))}
        return browser(make.account(roles=("admin",))), "/admin/courses/import", sent

    def contest(data):
        slug = f"page-{make.next()}"
        make.contest(slug=slug)
        account, _member = make.person(number=True)
        sent = {"title": "KEPT", "body_md": "KEPT", "picture": data("page.png")}
        return browser(account), f"/contests/{slug}/enter", sent

    def board(data):
        slug = f"ring-{make.next()}"
        account, member = make.person(number=True)
        make.seat(make.group_line(slug=slug, posting="all"), member)
        return browser(account), f"/groups/{slug}-1/board", {"body_md": "KEPT", "pictures": data("page.png")}

    every = (homework, voice, proof, code, media, replaced, folder, contest, board)
    places = {one.__name__: one for one in every}

    def send(place):
        def data(name, content=None):
            return io.BytesIO(content or picture()), name

        client, path, values = places[place](data)
        return post(client, path, values, **MULTI), values

    return send


@pytest.mark.parametrize(
    "place", ["homework", "voice", "proof", "code", "media", "replaced", "folder", "contest", "board"]
)
def test_every_file_passes_the_scanner(app, sent, monkeypatch, place):
    state = app.extensions[KEY]
    kept = []
    for verdict, said in (
        ("Eicar", "carries a virus (Eicar)"),
        (None, "could not be checked for viruses"),
        ("", ""),
    ):
        scanner = Scanner(verdict)
        with monkeypatch.context() as patch:
            patch.setattr(state, "scanner", scanner)
            if said and place != "replaced":
                patch.setattr(state.files, "put", lambda key, data: kept.append(key))
            answer, values = sent(place)
        assert scanner.seen, place
        if said:
            text = text_of(answer)
            assert answer.status_code == 422 and said in text and "%(" not in text, text
            assert "KEPT" not in values.values() or "KEPT" in text
        else:
            assert answer.status_code in (200, 303), text_of(answer)
    assert kept == []


def test_no_room_takes_files_without_the_scanner():
    home = pathlib.Path(qunclub.__file__).parent
    taking = {
        str(path.relative_to(home))
        for path in home.rglob("*.py")
        if "request.files" in path.read_text(encoding="utf-8")
    }
    for name in sorted(taking - READ_ONLY):
        calls = {
            node.func.attr
            for node in ast.walk(ast.parse((home / name).read_text(encoding="utf-8")))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        }
        assert calls & {"scan", "scan_all"}, f"{name} takes files that the scanner does not see"
