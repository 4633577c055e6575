"""Where the desk's state machine plays: a site with two works and two instructors that is put back, or killed."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import make_url

from app import create_app, db
from qunclub.homework.models import Criterion
from tests.factories import Make
from tests.faults.killer import Killer
from tests.support.clock import FakeClock
from tests.support.databases import Db

START = dt.datetime(2026, 4, 15, 4, 0, tzinfo=dt.UTC)
LONGEST = 20
"""Seconds that a process which is to be killed may take; one that waits for a lock is a fault."""


class Stage:
    """A site with two works that wait and two instructors; it can be put back to that, as often as one likes."""

    def __init__(self, database: Db, folder: Path) -> None:
        self.db, self.folder = database, folder
        make = Make(database, START)
        assignment = make.assignment(title="One page")
        self.assignment = assignment.id
        with database.session() as session:
            query = select(Criterion.id).where(Criterion.rubric_id == assignment.rubric_id)
            self.criteria = list(session.scalars(query))
        self.authors = [make.member(number=True) for _n in range(2)]
        self.works = [make.submission(assignment, member=one).id for one in self.authors]
        self.teachers = [make.person(name=f"Teacher {n}", roles=("instructor",)) for n in range(2)]
        settings = {
            "TESTING": True,
            "QUNCLUB_DATABASE_URL": database.url,
            "QUNCLUB_INSTANCE": str(folder / "instance"),
            "QUNCLUB_RATE_LIMITS": "no",
            "QUNCLUB_LOG_LEVEL": "ERROR",
        }
        self.app = create_app(settings)
        self.clock = self.app.extensions["qunclub"].clock = FakeClock(START)
        self.killer = Killer()
        with self.app.app_context():
            self.killer.watch(db.engine)
        self.seen: Counter[str] = Counter()
        """What happened, over all runs on this stage."""

    def keep(self) -> None:
        """Remember this moment, for :meth:`put_back`; SQLite only."""
        self.let_go()
        # Whoever closes the last connection has put everything into the one file.
        shutil.copy(self._path, self.folder / "start.db")

    def put_back(self) -> None:
        """Everything as it was when it was kept, the clock too."""
        self.let_go()
        for suffix in ("-wal", "-shm"):
            Path(f"{self._path}{suffix}").unlink(missing_ok=True)
        shutil.copy(self.folder / "start.db", self._path)
        self.clock = self.app.extensions["qunclub"].clock = FakeClock(START)

    @property
    def _path(self) -> str:
        return make_url(self.db.url).database or ""

    def let_go(self) -> None:
        """Nobody is connected any more."""
        with self.app.app_context():
            db.session.remove()
            assert db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # a QueuePool
            db.engine.dispose()
        self.db.engine.dispose()

    def die(self, dies: Callable[[int, str], bool], act: Callable[[], Any]) -> None:
        """Do something in a process that is killed at the step (number and name) that *dies* says, or at its end."""
        # SQLite's locks belong to a process: no connection may go through the fork. The child opens its own.
        self.let_go()
        child = os.fork()
        if not child:
            try:
                signal.alarm(LONGEST)
                self.killer.arm(dies)
                act()
            finally:
                os.kill(os.getpid(), signal.SIGKILL)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
