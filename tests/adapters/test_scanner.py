"""clamd as it is spoken to: a small server that speaks INSTREAM, and everything that can go wrong with one."""

from __future__ import annotations

import io
import socket
import struct
import threading
from contextlib import contextmanager

import pytest
from sqlalchemy import select

from qunclub.adapters.scanner import Clamd, make_scanner
from qunclub.config import ConfigError, load
from qunclub.homework.models import Submission
from qunclub.kernel.ports import ScanFailed
from tests.support.pages import in_language, post, sign_in, text_of

BAD = b"X5O!P%@AP-a-known-bad-file"


def read(wire, size):
    data = b""
    while len(data) < size:
        more = wire.recv(size - len(data))
        if not more:
            raise ConnectionError
        data += more
    return data


def verdict(data):
    return b"stream: Eicar-Signature FOUND\0" if BAD in data else b"stream: OK\0"


@contextmanager
def clamd(answer=verdict):
    """A clamd on this machine; yields its address. *answer* makes the reply from the bytes that came."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                wire, _peer = server.accept()
            except OSError:
                return
            with wire:
                assert read(wire, 10) == b"zINSTREAM\0"
                came = b""
                while size := struct.unpack(">I", read(wire, 4))[0]:
                    came += read(wire, size)
                wire.sendall(answer(came))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.getsockname()[1]}"
    finally:
        # A blocked accept is woken by shutting down, not by closing.
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(timeout=5)


def test_every_byte_is_seen():
    with clamd() as address:
        scanner = Clamd(address)
        assert scanner.scan(b"harmless") == ""
        assert scanner.scan(b"a" * 200_000) == ""
        assert scanner.scan(b"a" * 200_000 + BAD) == "Eicar-Signature"
        assert scanner.scan(b"") == ""


@pytest.mark.parametrize(
    "answer", [b"", b"INSTREAM size limit exceeded. ERROR\0", b"stream: OK but not quite\0", b"stream: O"]
)
def test_what_is_no_verdict_is_no_leave(answer):
    with clamd(lambda _data: answer) as address, pytest.raises(ScanFailed):
        Clamd(address).scan(b"x")


def test_nobody_there_is_no_leave(tmp_path):
    with clamd() as address:
        pass
    for gone in (address, f"unix:{tmp_path}/none"):
        with pytest.raises(ScanFailed):
            Clamd(gone, seconds=1).scan(b"x")


def test_the_setting_is_checked():
    assert make_scanner(load({})) is None
    assert make_scanner(load({"QUNCLUB_CLAMD": "unix:/run/clamd.sock"})) is not None
    for wrong in ("localhost", "unix:relative", ":3310", "host:port"):
        with pytest.raises(ConfigError):
            load({"QUNCLUB_CLAMD": wrong})


def test_handing_in_passes_the_scanner(make_app, make, site_db):
    work = make.assignment()
    account, member = make.person(name="Author")
    from qunclub.courses.models import Course

    make.pass_(make.plan(slug="basic", courses=[Course(id=work.course_id)]), member)

    def hand_in(app, data):
        client = in_language(sign_in(app.test_client(), account), "en")
        files = [(io.BytesIO(data), "notes.txt")]
        return post(client, f"/homework/{work.id}", {"body_md": "KEPT", "files": files})

    def works():
        with site_db.session() as session:
            return len(session.scalars(select(Submission.id)).all())

    with clamd() as address:
        app = make_app(QUNCLUB_CLAMD=address)
        bad = hand_in(app, BAD)
        assert bad.status_code == 422 and "carries a virus (Eicar-Signature)" in text_of(bad)
        assert "KEPT</textarea>" in text_of(bad) and works() == 0
    # The scanner is gone: closed, and the text is still there.
    shut = hand_in(app, b"fine")
    assert shut.status_code == 422 and "could not be checked for viruses" in text_of(shut)
    assert "KEPT</textarea>" in text_of(shut) and works() == 0
    with clamd() as address:
        assert hand_in(make_app(QUNCLUB_CLAMD=address), b"fine").status_code == 303
    assert works() == 1
