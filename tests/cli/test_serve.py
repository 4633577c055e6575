"""``flask qunclub serve``: everything starts together and stops together."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from tests.support.databases import migrated_instance
from tests.support.servers import ROOT, free_port, stop, wait_for


def _environment(instance: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("QUNCLUB_")}
    ports = {"PORT": str(free_port()), "QUNCLUB_SANDBOX_PORT": str(free_port())}
    return {**kept, **ports, "QUNCLUB_INSTANCE": str(instance)}


def _start(instance: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    flask = [sys.executable, "-m", "flask", "--app", "app", "qunclub"]
    migrated_instance(instance)
    with (instance / "serve.log").open("wb") as log:
        return subprocess.Popen(
            [*flask, "serve"], cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
        )


def _until_listening(port: int, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=2).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _until_said(log: Path, words: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while words not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


def _children(pid: int) -> list[int]:
    """Process ids below *pid*, from the process table."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found += [int(entry.parent.name), *_children(int(entry.parent.name))]
    return found


def _alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _until_gone(pids: list[int], seconds: float = 20) -> list[int]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and any(_alive(pid) for pid in pids):
        time.sleep(0.1)
    return [pid for pid in pids if _alive(pid)]


def test_web_worker_and_sandbox_start_and_stop_together(tmp_path: Path) -> None:
    environment = _environment(tmp_path)
    process = _start(tmp_path, environment)
    try:
        wait_for(f"http://127.0.0.1:{environment['PORT']}/readyz", process, tmp_path / "serve.log")
        _until_listening(int(environment["QUNCLUB_SANDBOX_PORT"]))
        with urllib.request.urlopen(f"http://127.0.0.1:{environment['PORT']}/healthz", timeout=5) as answer:
            assert json.load(answer) == {"status": "ok"}
        _until_said(tmp_path / "serve.log", "QunClub is open at")
        children = _children(process.pid)
        assert len(children) >= 3
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
        assert _until_gone(children) == []
    finally:
        stop(process)


def test_when_one_part_dies_the_rest_is_stopped(tmp_path: Path) -> None:
    environment = _environment(tmp_path)
    process = _start(tmp_path, environment)
    try:
        wait_for(f"http://127.0.0.1:{environment['PORT']}/readyz", process, tmp_path / "serve.log")
        children = _children(process.pid)
        worker = next(p for p in children if b"worker" in (Path("/proc") / str(p) / "cmdline").read_bytes())
        os.kill(worker, signal.SIGKILL)
        assert process.wait(timeout=30) == 1
        assert _until_gone(children) == []
        assert "worker stopped by itself" in (tmp_path / "serve.log").read_text()
    finally:
        stop(process)


def test_serve_refuses_a_database_that_is_behind(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "app", "qunclub", "serve"],
        cwd=ROOT,
        env=_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 1
    assert "db upgrade" in result.stderr
