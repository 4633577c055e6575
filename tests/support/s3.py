"""As much of S3 as a file store asks for: objects under keys, whole and in ranges, over HTTP on this machine."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from obstore.store import S3Store

from qunclub.adapters.files import ObjectFiles

RANGE = re.compile(r"bytes=(\d+)-(\d*)")


class Bucket:
    """What lies in the bucket, and what was asked of it: (method, key, range)."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.asked: list[tuple[str, str, str]] = []
        self.sent = 0


def _handler(bucket: Bucket) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_args: Any) -> None:
            """Nothing is told."""

        def _key(self) -> str:
            key = self.path.partition("?")[0].split("/", 2)[2]
            bucket.asked.append((self.command, key, self.headers.get("Range", "")))
            return key

        def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            if "Content_Length" not in headers:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                bucket.sent += len(body)
                self.wfile.write(body)

        def do_PUT(self) -> None:
            key = self._key()
            bucket.objects[key] = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            self._answer(200, ETag='"1"')

        def do_GET(self) -> None:
            data = bucket.objects.get(self._key())
            facts = {"ETag": '"1"', "Last_Modified": "Wed, 15 Apr 2026 04:00:00 GMT"}
            if data is None:
                self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
                return
            asked = RANGE.fullmatch(self.headers.get("Range", ""))
            if asked is None:
                self._answer(200, data, **facts)
                return
            begin, end = int(asked[1]), min(len(data), int(asked[2] or len(data)) + 1)
            if begin >= len(data):
                self._answer(416, Content_Range=f"bytes */{len(data)}")
                return
            self._answer(206, data[begin:end], Content_Range=f"bytes {begin}-{end - 1}/{len(data)}", **facts)

        def do_HEAD(self) -> None:
            data = bucket.objects.get(self._key())
            if data is None:
                self._answer(404)
                return
            self._answer(
                200, Content_Length=str(len(data)), ETag='"1"', Last_Modified="Wed, 15 Apr 2026 04:00:00 GMT"
            )

        def do_POST(self) -> None:
            # Several objects are deleted with one request, and one is too.
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            keys = re.findall(r"<Key>([^<]*)</Key>", body)
            for key in keys:
                bucket.objects.pop(key, None)
            gone = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
            self._answer(200, f"<DeleteResult>{gone}</DeleteResult>".encode())

    return Handler


@contextmanager
def s3_files() -> Iterator[tuple[ObjectFiles, Bucket]]:
    """The club's file store on a bucket of this machine, and the bucket."""
    bucket = Bucket()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(bucket))
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    store = S3Store(
        "club",
        endpoint=f"http://127.0.0.1:{server.server_port}",
        access_key_id="test",
        secret_access_key="test",
        region="us-east-1",
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )
    try:
        yield ObjectFiles(store), bucket
    finally:
        server.shutdown()
        server.server_close()
        serving.join()
