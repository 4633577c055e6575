"""A fresh, migrated database for each test: a copied file for SQLite, a copied template for PostgreSQL."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from qunclub import migrate
from qunclub.kernel.engine import create_club_engine
from qunclub.web import uow
from tests.support import postgres, recycled, run

T = TypeVar("T")
Kind = Literal["sqlite", "postgres"]
TEMPLATE = "club_template"


@dataclass
class Db:
    """One database under test."""

    kind: Kind
    url: str
    engine: Engine

    def session(self) -> Session:
        """A new session, to be used in a ``with``; nothing is committed for you."""
        return Session(self.engine)

    @contextmanager
    def uow(self) -> Iterator[Session]:
        """A committing unit of work, the web's own. What it loaded stays readable afterwards."""
        with Session(self.engine, expire_on_commit=False) as session, uow.transaction(session):
            yield session

    @contextmanager
    def rolled_back(self) -> Iterator[Session]:
        """An open unit of work whose changes nobody else sees and that never commits."""
        with Session(self.engine, expire_on_commit=False) as session:
            uow.begin_writing(session)
            try:
                yield session
            finally:
                session.rollback()
                uow.end_writing(session)

    def transact(self, command: Callable[[Session], T]) -> T:
        """Run an idempotent command as the web does: three tries when it loses a race."""
        with Session(self.engine, expire_on_commit=False) as session:
            return uow.retrying(session, command)


def engine_for(url: str) -> Engine:
    """An engine with connections enough for the concurrency tests."""
    return create_club_engine(url, pool_size=4, max_overflow=60)


def sqlite_template() -> Path:
    """A migrated SQLite file, made once a run."""
    path = run.folder() / "template.db"
    with run.one_at_a_time("sqlite-template") as marker:
        if not marker.exists():
            engine = create_club_engine(f"sqlite:///{path}")
            migrate.upgrade(engine)
            with engine.connect() as connection:
                # Everything into the one file that is copied.
                connection.exec_driver_sql("COMMIT")
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
                connection.exec_driver_sql("BEGIN")
            engine.dispose()
            marker.touch()
    return path


def migrated_instance(folder: Path) -> Path:
    """The instance *folder* of a club that is migrated and empty, for a process of its own; made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "club.db").exists():
        shutil.copyfile(sqlite_template(), folder / "club.db")
    return folder


def postgres_template() -> str:
    """The name of a migrated PostgreSQL database, made once a run."""
    postgres.url()
    with run.one_at_a_time("postgres-template") as marker:
        if not marker.exists():
            engine = create_club_engine(postgres.create(TEMPLATE))
            migrate.upgrade(engine)
            engine.dispose()
            marker.touch()
    return TEMPLATE


@contextmanager
def fresh(kind: Kind, folder: Path, *, migrated: bool = True) -> Iterator[Db]:
    """A database of its own, gone afterwards; *folder* is where SQLite's file goes."""
    name = f"club_{uuid.uuid4().hex[:12]}"
    if kind == "sqlite":
        path = folder / f"{name}.db"
        if migrated:
            shutil.copyfile(sqlite_template(), path)
        url = f"sqlite:///{path}"
    elif migrated:
        name = recycled.take(postgres_template())
        url = postgres.url(name)
    else:
        url = postgres.create(name)
    engine = engine_for(url)
    try:
        yield Db(kind, url, engine)
    finally:
        engine.dispose()
        if kind == "postgres" and migrated:
            recycled.give_back(name, TEMPLATE)
        elif kind == "postgres":
            postgres.drop(name)
