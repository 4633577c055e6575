"""The replay through the club's services, against the rules written a second time in plain Python."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from qunclub.extension import doctors
from qunclub.kernel import Conflict
from qunclub.replay import oulad
from qunclub.web.uow import retrying
from tests.support.databases import Db, migrated_instance

from . import reference, small

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data" / "oulad-2013"
NOW = dt.datetime(2026, 4, 15, tzinfo=dt.UTC)


def play(session: Session, options: oulad.Options) -> dict[str, Any]:
    """Run the replay on *session*."""
    return oulad.run(
        session,
        options,
        transaction=lambda command: retrying(session, command),
        progress=lambda line: None,
        monotonic=time.monotonic,
        now=lambda: NOW,
    )


@pytest.mark.parametrize(("seats", "eliminate"), [(5, 2), (8, 0), (3, 5)])
def test_small_records_give_what_the_rules_say(db: Db, tmp_path: Path, seats: int, eliminate: int) -> None:
    folder = small.write(tmp_path / "records", seed=seats)
    with db.session() as session:
        got = play(session, oulad.Options(folder, (), seats, eliminate))
        want = reference.expected(folder, (), seats, eliminate)
        assert got == want
        assert any(season["promoted"] for season in got["seasons"])
        for name, check in doctors().items():
            assert check(session, NOW) == [], name


def test_playing_again_changes_nothing(db: Db, tmp_path: Path) -> None:
    folder = small.write(tmp_path / "records")
    with db.session() as session:
        first = play(session, oulad.Options(folder, (), 5, 2))
        assert play(session, oulad.Options(folder, (), 5, 2)) == first


def test_other_options_are_refused(db: Db, tmp_path: Path) -> None:
    folder = small.write(tmp_path / "records")
    with db.session() as session:
        play(session, oulad.Options(folder, ("BBB",), 5, 2))
        with pytest.raises(Conflict, match="Another replay"):
            play(session, oulad.Options(folder, ("BBB",), 6, 2))


def test_an_inhabited_club_is_refused(session: Session, make: Any, tmp_path: Path) -> None:
    make.member()
    with pytest.raises(Conflict, match="empty club"):
        oulad.run(
            session,
            oulad.Options(small.write(tmp_path / "records")),
            transaction=lambda command: command(session),
            progress=lambda line: None,
            monotonic=time.monotonic,
            now=lambda: NOW,
        )


def _command(instance: Path, folder: Path, target: Path) -> list[str]:
    flask = [sys.executable, "-m", "flask", "--app", "app", "qunclub"]
    return [
        *flask,
        "replay",
        "oulad",
        str(folder),
        "--seats",
        "5",
        "--eliminate",
        "2",
        "--batch",
        "50",
        "--json",
        str(target),
    ]


def test_killed_and_started_again_it_ends_the_same(tmp_path: Path) -> None:
    """kill -9 at whatever moment the machine happens to be at, several times, then to the end."""
    folder = small.write(tmp_path / "records", students=120)
    instance = migrated_instance(tmp_path / "instance")
    target = tmp_path / "result.json"
    env = {
        **os.environ,
        "QUNCLUB_INSTANCE": str(instance),
        "QUNCLUB_LOG_LEVEL": "ERROR",
        "PYTHONPATH": str(ROOT),
    }
    kills = 0
    for lines in (1, 2):
        # Each round lives until it has said so many lines of progress: it has committed something by then.
        process = subprocess.Popen(
            _command(instance, folder, target),
            env=env,
            cwd=ROOT,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        assert process.stderr is not None
        for _ in range(lines):
            process.stderr.readline()
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
        process.stderr.close()
    assert kills
    subprocess.run(_command(instance, folder, target), env=env, cwd=ROOT, check=True, capture_output=True)
    assert json.loads(target.read_text()) == reference.expected(folder, (), 5, 2)


def _real() -> list[tuple[tuple[str, ...], int, int, Path]]:
    """The worked examples that come with the real records, where this machine has them."""
    found: list[tuple[tuple[str, ...], int, int, Path]] = []
    for path in sorted(SHARED.glob("expected-*-seats*-eliminate*.json")):
        _name, module, seats, eliminate = path.stem.split("-")
        facts = (int(seats.removeprefix("seats")), int(eliminate.removeprefix("eliminate")))
        found.append(((module,), *facts, path))
    return found


if _real():

    @pytest.mark.parametrize(("modules", "seats", "eliminate", "path"), _real())
    def test_the_worked_example_of_the_real_records(
        modules: tuple[str, ...], seats: int, eliminate: int, path: Path, site_db: Db
    ) -> None:
        want = json.loads(path.read_text())
        assert reference.expected(SHARED, modules, seats, eliminate) == want
        with site_db.session() as session:
            assert play(session, oulad.Options(SHARED, modules, seats, eliminate)) == want
