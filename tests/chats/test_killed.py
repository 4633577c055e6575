"""kill -9 at every durable step of letting in, putting out and muting all: done again, it ends the same."""

from __future__ import annotations

import copy
import datetime as dt
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app import db as site
from qunclub import groups, house
from qunclub.chats.models import Chat, ChatJoin
from qunclub.kernel import keys, outbox
from qunclub.kernel.clock import utcnow
from qunclub.passes.models_door import TicketCheck
from tests.chats.conftest import ADMIN, REF, Desk
from tests.faults.test_killed import boundaries
from tests.support.clock import FakeClock
from tests.support.servers import ROOT
from tests.support.telegram import TOKEN

pytestmark = pytest.mark.slow
HUA = 4242


def work(desk, bot, tmp_path, step):
    """The worker in a process of its own; its steps, or None when it was killed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("QUNCLUB_")} | {
        "QUNCLUB_DATABASE_URL": desk.db.url,
        "QUNCLUB_INSTANCE": str(tmp_path / "instance"),
        "QUNCLUB_SECRET_KEY": keys.signing(desk.state.secret),
        "QUNCLUB_TELEGRAM_TOKEN": TOKEN,
        "QUNCLUB_TELEGRAM_API": bot.address,
        "QUNCLUB_PUBLIC_URL": "https://club.example",
        "QUNCLUB_LOG_LEVEL": "ERROR",
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.chatting", str(step)],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    if done.returncode == -signal.SIGKILL:
        return None
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
@pytest.mark.parametrize("story", ["let_in", "put_out", "hush"])
def test_killed_at_every_step(club, db, make, line, chat, bot, tmp_path, story):
    clock = FakeClock(utcnow())
    club.extensions["qunclub"].clock = clock
    desk = Desk(club, db, clock, make, line)
    _account, _member, held = desk.member(HUA)
    desk.hear(bot.ask(REF, HUA))
    if story == "put_out":
        desk.work()
        with db.uow() as session:
            groups.remove_member(session, seat_id=held.seat_id, reason="Spam", actor=ADMIN, now=clock())
    if story == "hush":
        desk.work()
        desk.work()
        host = make.actor(make.member(name="Host", roles=("host",)))
        with db.uow() as session:
            house.mute(
                session, group_id=chat.group_id, role="", reason="Rest.", starts_at=clock(), until=None, actor=host,
                now=clock(),
            )  # fmt: skip
    path, kept = Path(db.url.removeprefix("sqlite:///")), tmp_path / "kept.db"
    before = copy.deepcopy(bot.chats)

    def let_go():
        with club.app_context():
            site.session.remove()
            site.engine.dispose()
        db.engine.dispose()

    def put_back():
        let_go()
        for ending in ("-wal", "-shm"):
            Path(f"{path}{ending}").unlink(missing_ok=True)
        shutil.copyfile(kept, path)
        bot.chats = copy.deepcopy(before)

    with db.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    let_go()
    shutil.copyfile(path, kept)
    steps = work(desk, bot, tmp_path, -1)
    call = {"let_in": "approve", "put_out": "remove", "hush": "mute"}[story]
    assert f"before {call}" in steps
    after(desk, bot, held, story)
    # The words of welcome that follow are said from the outbox like any mail.
    told = steps.index(f"after {call}")
    commits = [number for number, name in enumerate(steps) if name == "after commit" and number > told]
    for number in [one for one in boundaries(steps) if one < commits[1]]:
        put_back()
        assert work(desk, bot, tmp_path, number) is None, (number, steps[number])
        # What was taken comes back after its lease.
        clock.now = utcnow() + outbox.LEASE + dt.timedelta(minutes=1)
        desk.work()
        desk.work()
        after(desk, bot, held, story)


def after(desk, bot, held, story):
    """The one ticket was used once, and inside is who has a seat."""
    assert bot.chats[REF].inside == (set() if story == "put_out" else {HUA})
    assert bot.chats[REF].muted == ({HUA: 0} if story == "hush" else {})
    assert [one.outcome for one in desk.rows(TicketCheck)] == ["admitted"]
    assert [one.state for one in desk.rows(ChatJoin)] == ["approved"]
    assert desk.rows(Chat)[0].open_tasks == 0
    assert [one for one in desk.doctor() if "chat" in one or "ticket" in one] == []
    assert desk.waiting() == []
