"""Files shown to a virus scanner: clamd over its socket (``INSTREAM``)."""

from __future__ import annotations

import socket
import struct

from qunclub.config import Settings
from qunclub.kernel.ports import FileScanner, ScanFailed

SECONDS = 20.0
CHUNK = 64 * 1024
MOST_ANSWER = 4096


class Clamd:
    """A clamd that listens at *address*: ``host:port``, or ``unix:/path`` of its socket."""

    def __init__(self, address: str, *, seconds: float = SECONDS) -> None:
        self.address = address
        self.seconds = seconds

    def scan(self, data: bytes) -> str:
        """The name of what is in *data*; empty when nothing is.

        Raises:
            ScanFailed: when clamd cannot be reached, takes too long, or gives no verdict.
        """
        try:
            with self._connect() as wire:
                answer = _ask(wire, data)
        except OSError as error:
            raise ScanFailed(f"clamd at {self.address}: {error}") from error
        said = answer.rstrip(b"\0\r\n").decode("utf-8", "replace")
        if said == "stream: OK":
            return ""
        if said.startswith("stream: ") and said.endswith(" FOUND"):
            return said.removeprefix("stream: ").removesuffix(" FOUND")
        # Anything else is no verdict: a size limit, an error, half an answer.
        raise ScanFailed(f"clamd at {self.address} said {said!r}")

    def _connect(self) -> socket.socket:
        if self.address.startswith("unix:"):
            wire = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            wire.settimeout(self.seconds)
            try:
                wire.connect(self.address.removeprefix("unix:"))
            except OSError:
                wire.close()
                raise
            return wire
        host, _, port = self.address.rpartition(":")
        return socket.create_connection((host.strip("[]"), int(port)), timeout=self.seconds)


def _ask(wire: socket.socket, data: bytes) -> bytes:
    wire.sendall(b"zINSTREAM\0")
    for start in range(0, len(data), CHUNK):
        part = data[start : start + CHUNK]
        wire.sendall(struct.pack(">I", len(part)) + part)
    wire.sendall(struct.pack(">I", 0))
    answer = b""
    while not answer.endswith(b"\0") and len(answer) < MOST_ANSWER:
        more = wire.recv(MOST_ANSWER)
        if not more:
            break
        answer += more
    return answer


def make_scanner(settings: Settings) -> FileScanner | None:
    """The scanner the settings name; None when files are not scanned."""
    return Clamd(settings.clamd) if settings.clamd else None
