"""A club with a bot at a local Bot API server, and a group that lives in a Telegram chat."""

from __future__ import annotations

import pytest

from qunclub import groups
from qunclub.chats import services_link
from qunclub.jobs import dispatch, sweep
from qunclub.kernel import Actor
from qunclub.kernel.outbox import OutboxMessage
from qunclub.passes.models import EntryTicket
from tests.support.telegram import TOKEN, telegram

ADMIN = Actor(key="test:admin", name="Admin", roles=frozenset({"admin"}))
REF = -1001234567890


@pytest.fixture
def bot():
    with telegram() as service:
        service.chat(REF)
        yield service


@pytest.fixture
def club(make_app, bot):
    """The app of a club with a bot."""
    return make_app(
        QUNCLUB_TELEGRAM_TOKEN=TOKEN,
        QUNCLUB_TELEGRAM_API=bot.address,
        QUNCLUB_PUBLIC_URL="https://club.example",
    )


@pytest.fixture
def line(make):
    return make.group_line(slug="readers", name="Readers", covenant_md="Be kind.")


@pytest.fixture
def chat(make, line):
    """The chat of the line's first group, in Telegram."""
    return make.chat(line, ref=str(REF))


class Desk:
    """What a test does with the club and its worker."""

    def __init__(self, app, db, clock, make, line):
        self.app, self.db, self.clock, self.make, self.line = app, db, clock, make, line
        self.state = app.extensions["qunclub"]
        self.client = app.test_client()

    def member(self, user=0, *, accept=True, **values):
        """(account, member, pass): a pass, a seat, the covenant accepted, Telegram connected when *user* is one."""
        account, member = self.make.person(**values)
        held = self.make.pass_(self.make.plan(line=self.line), member)
        with self.db.uow() as session:
            if accept:
                groups.accept_covenant(
                    session, member_id=member.id, line_id=self.line.id, version=1, now=self.clock()
                )
        if user:
            self.make.chat_account(member, user)
        return account, member, held

    def hear(self, update):
        """Telegram tells the club."""
        from qunclub.chats.jobs import secret_of
        from qunclub.chats.webhook import HEADER

        with self.app.app_context():
            secret = secret_of(self.state)
        return self.client.post("/webhooks/telegram", json=update, headers={HEADER: secret})

    def work(self):
        with self.app.app_context():
            return dispatch(self.state)

    def sweep(self):
        with self.app.app_context():
            return sweep(self.state)

    def doctor(self):
        from qunclub.extension import doctors

        with self.db.session() as session:
            found = [one for check in doctors().values() for one in check(session, self.clock())]
        return [one.message for one in found]

    def rows(self, model, *where):
        from sqlalchemy import select

        with self.db.session() as session:
            return list(session.scalars(select(model).where(*where).order_by(model.id)))

    def ticket(self, held):
        return self.rows(EntryTicket, EntryTicket.seat_id == held.seat_id)[0]

    def waiting(self, kind="chat"):
        return [one for one in self.rows(OutboxMessage, OutboxMessage.kind == kind) if one.done_at is None]

    def link(self, member):
        """The token of a new link."""
        with self.db.uow() as session:
            return services_link.make_link(session, member_id=member.id, now=self.clock())


@pytest.fixture
def desk(club, db, clock, make, line, chat):
    return Desk(club, db, clock, make, line)
