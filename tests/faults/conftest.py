"""A club whose process can be killed at any step of a payment, beside a pay sandbox that goes on living."""

from __future__ import annotations

import gc
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from tests.factories import Make
from tests.support import postgres, recycled
from tests.support.clock import FakeClock
from tests.support.databases import Db
from tests.support.sandbox import live_sandbox
from tests.support.servers import ROOT, free_port

SANDBOX = "sandbox.db"


class Stage:
    """The database and the sandbox's state, which can be put back as they were."""

    def __init__(self, db: Db, folder: Path) -> None:
        self.db, self.folder = db, folder
        self.name = make_url(db.url).database or ""

    def keep(self, name: str) -> None:
        """Remember this moment; nobody is connected."""
        self._hang_up()
        if self.db.kind == "sqlite":
            with sqlite3.connect(self.name) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            shutil.copy(self.name, self.folder / name)
        else:
            recycled.leave(self.name)
            postgres.drop(f"{self.name}_{name}")
            postgres.create(f"{self.name}_{name}", template=self.name)
        if (self.folder / SANDBOX).exists():
            with sqlite3.connect(self.folder / SANDBOX) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            shutil.copy(self.folder / SANDBOX, self.folder / f"{name}.{SANDBOX}")

    def put_back(self, name: str) -> None:
        """Everything as it was then."""
        self._hang_up()
        if self.db.kind == "sqlite":
            for suffix in ("-wal", "-shm"):
                Path(self.name + suffix).unlink(missing_ok=True)
            shutil.copy(self.folder / name, self.name)
        else:
            recycled.leave(self.name)
            postgres.drop(self.name)
            postgres.create(self.name, template=f"{self.name}_{name}")
        for suffix in ("", "-wal", "-shm"):
            (self.folder / (SANDBOX + suffix)).unlink(missing_ok=True)
        if (self.folder / f"{name}.{SANDBOX}").exists():
            shutil.copy(self.folder / f"{name}.{SANDBOX}", self.folder / SANDBOX)

    def _hang_up(self) -> None:
        # A connection that waits for the collector, which runs rarely in tests, would hold a file that is replaced.
        gc.collect()
        self.db.engine.dispose()

    def forget(self, *names: str) -> None:
        """Drop what was remembered."""
        if self.db.kind == "postgres":
            for name in names:
                postgres.drop(f"{self.name}_{name}")


class Victim:
    """A warm club process whose children are killed."""

    def __init__(
        self, process: subprocess.Popen[str], stage: Stage, instance: Path, clock: FakeClock
    ) -> None:
        self._process, self.stage, self._instance, self._clock = process, stage, instance, clock
        self._port = free_port()  # the pages it has sent people to stay where they are

    def ask(self, **command: Any) -> dict[str, Any]:
        """Have a child carry out a command beside a sandbox; its answer, or ``{"killed": True}``."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with live_sandbox(self.stage.folder, clock=self._clock, port=self._port) as sandbox:
            told = {"sandbox": sandbox.url, "notes": self.notes, **command}
            print(json.dumps(told), file=self._process.stdin, flush=True)
            answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer

    @property
    def notes(self) -> dict[str, str]:
        """What the browser knows."""
        path = self._instance / "browser.json"
        found: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        return found

    def new_browser(self) -> None:
        """Somebody who was nowhere yet."""
        (self._instance / "browser.json").unlink(missing_ok=True)


@pytest.fixture
def victim(db: Db, make: Make, clock: FakeClock, tmp_path: Path) -> Iterator[Victim]:
    """A club with a plan on sale, a buyer and an admin; its state is kept as ``start`` and, once bought, ``bought``."""
    make.plan(slug="killed", stock=3, line=make.group_line(capacities=(1, 5)), tier=make.tier())
    make.monthly(slug="monthly", price=19_900)
    make.account(email="buyer@example.com", name="Lin")
    make.account(email="admin@example.com", name="Ada", roles=("admin",))
    instance = tmp_path / "instance"
    instance.mkdir()
    stage = Stage(db, tmp_path)
    stage.keep("start")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.buyer"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    settings = {"url": db.url, "instance": str(instance), "now": clock().isoformat()}
    print(json.dumps(settings), file=process.stdin, flush=True)
    try:
        assert json.loads(process.stdout.readline()) == {"ready": True}
        yield Victim(process, stage, instance, clock)
    finally:
        process.stdin.close()
        process.wait(timeout=20)
        stage.forget("start", "bought", "killed")
