"""What the club knows about the app it runs in; kept in ``app.extensions``, never on a module or an object of ours."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from flask import current_app
from sqlalchemy.orm import Session

from qunclub.kernel import Actor, Me
from qunclub.kernel.chats import ChatBook, ChatConnector
from qunclub.kernel.clock import Clock
from qunclub.kernel.keys import Keys
from qunclub.kernel.mail import MailEnd
from qunclub.kernel.ports import (
    BoardBook,
    CourseAccess,
    CourseOffers,
    Doctor,
    FileScanner,
    FileStore,
    GroupBook,
    GroupPart,
    Identity,
    LevelBook,
    MadeBook,
    Mailer,
    MemberPart,
    SeasonBook,
)

from .parts import Parts

if TYPE_CHECKING:
    from qunclub.config import Settings
    from qunclub.kernel.payments import PaymentGateway

KEY = "qunclub"


@dataclass
class ClubState:
    """One club in one app.

        Attributes:
            session: gives the session of the present scope; the host's decision.
            find_member: finds the member of an identity, their roles, and since when they are suspended.
            load_member: the same, making the member row when it is missing.
    from qunclub.kernel.ports import (
        CourseAccess,
        CourseOffers,
        Doctor,
        FileScanner,
        FileStore,
        GroupBook,
        Identity,
        Mailer,
    )
            mail_end: what the mails of a kind end with that a member may choose to get no more.
            wake: asks the job worker to look at the outbox soon; harmless when nobody listens.
            secret: signs tickets and links; with the keys before it.
            addresses, menus, parts: built once and looked up after that.
    """

    settings: Settings
    session: Callable[[], Session]
    identity: Identity
    clock: Clock
    secret: Keys
    gateway: PaymentGateway
    mailer: Mailer
    files: FileStore
    course_access: CourseAccess
    course_offer: CourseOffers
    group_book: GroupBook
    season_book: SeasonBook
    find_member: Callable[[Session, Actor], tuple[Actor, Me, dt.datetime | None] | None]
    load_member: Callable[[Session, Actor, dt.datetime], tuple[Actor, Me]]
    keep_locale: Callable[[Session, int, str], None]
    limiter: Any
    chat_book: ChatBook | None = None
    connectors: dict[str, ChatConnector] = field(default_factory=dict)
    member_parts: tuple[MemberPart, ...] = ()
    group_parts: tuple[GroupPart, ...] = ()
    made_books: tuple[MadeBook, ...] = ()
    board_books: tuple[BoardBook, ...] = ()
    level_book: LevelBook | None = None
    scanner: FileScanner | None = None
    mail_end: Callable[[ClubState, int, str], MailEnd | None] | None = None
    wake: Callable[[], None] = lambda: None
    huey: Any = None
    standalone: bool = False
    doctors: dict[str, Doctor] = field(default_factory=dict)
    account_endpoints: dict[str, str] = field(default_factory=dict)
    addresses: dict[tuple[Any, ...], str] = field(default_factory=dict)
    menus: dict[tuple[Any, ...], Any] = field(default_factory=dict)
    parts: Parts = field(default_factory=Parts)


def club() -> ClubState:
    """The club of the current app."""
    return cast(ClubState, current_app.extensions[KEY])


def now() -> dt.datetime:
    """The present moment by the club's clock, aware UTC."""
    return club().clock()
