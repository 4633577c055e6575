"""The load: processes of their own that ask over kept-alive connections as fast as they are answered."""

from __future__ import annotations

import json
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROCESSES = 2
CONNECTIONS = 2
END = b"\r\n\r\n"


class Unexpected(RuntimeError):
    """The server answered something else than a page."""


class Line:
    """One kept-alive connection with one request under way."""

    def __init__(self, port: int, request: bytes) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request = request
        self.got = b""
        self.wanted = 0

    def ask(self) -> None:
        """Send the request once more."""
        self.got, self.wanted = b"", 0
        self.socket.sendall(self.request)

    def answered(self) -> bool:
        """Take what has come; True when the answer is whole."""
        part = self.socket.recv(262_144)
        if not part:
            raise Unexpected("the server hung up")
        self.got += part
        if not self.wanted:
            head, end, _ = self.got.partition(END)
            if not end:
                return False
            self.wanted = len(head) + len(END) + length(head)
        return len(self.got) >= self.wanted


def length(head: bytes) -> int:
    """The length of the body that *head* announces; only a 200 is an answer."""
    status, *fields = head.lower().split(b"\r\n")
    if b" 200" not in status:
        raise Unexpected(status.decode())
    for one in fields:
        if one.startswith(b"content-length:"):
            return int(one.partition(b":")[2])
    raise Unexpected("an answer without a length")


def drive(port: int, request: bytes, seconds: float) -> float:
    """Ask for *seconds*; gives whole answers a second."""
    lines = [Line(port, request) for _ in range(CONNECTIONS)]
    answers = 0
    with selectors.DefaultSelector() as waiting:
        for line in lines:
            waiting.register(line.socket, selectors.EVENT_READ, line)
        began = time.perf_counter()
        for line in lines:
            line.ask()
        while (now := time.perf_counter()) < began + seconds:
            for key, _ in waiting.select(timeout=5):
                line = key.data
                if line.answered():
                    answers += 1
                    line.ask()
    for line in lines:
        line.socket.close()
    return answers / (now - began)


def work() -> None:
    """Take jobs, one a line, until there are no more; this is the process that asks."""
    for job in sys.stdin:
        port, request, seconds = json.loads(job)
        try:
            found: object = drive(port, request.encode(), seconds)
        except (OSError, Unexpected) as error:
            found = f"{type(error).__name__}: {error}"
        print(json.dumps(found), flush=True)


class Load:
    """The processes that ask."""

    def __init__(self, processes: list[subprocess.Popen[str]]) -> None:
        self._processes = processes

    def rate(self, port: int, request: bytes, seconds: float) -> float:
        """Answers a second that the server on *port* gives to all of them together."""
        job = json.dumps([port, request.decode(), seconds]) + "\n"
        for process in self._processes:
            assert process.stdin is not None  # a pipe
            process.stdin.write(job)
            process.stdin.flush()
        found = [json.loads(self._answer(process)) for process in self._processes]
        for one in found:
            if isinstance(one, str):
                raise Unexpected(one)
        return float(sum(found))

    @staticmethod
    def _answer(process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None  # a pipe
        answer = process.stdout.readline()
        if not answer:
            raise Unexpected("a process of the load ended")
        return answer


@contextmanager
def load() -> Iterator[Load]:
    """Start the processes, and end them."""
    command = [sys.executable, "-m", "benchmarks.load"]
    pipe = subprocess.PIPE
    workers = [
        subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) for _ in range(PROCESSES)
    ]
    try:
        yield Load(workers)
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()


if __name__ == "__main__":
    work()
