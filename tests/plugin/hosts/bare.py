"""A host with Flask and SQLAlchemy and nothing else: its own people, its own sign-in, its own session."""

from __future__ import annotations

import json
import os

import seed
from flask import Flask, redirect, render_template, request, session
from sqlalchemy import String, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, scoped_session, sessionmaker
from werkzeug.wrappers import Response

import qunclub
from qunclub import Actor, QunClub


class Base(DeclarativeBase):
    """The host's own tables."""


class Person(Base):
    __tablename__ = "person"
    id: Mapped[int] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(String(40), unique=True)
    job: Mapped[str] = mapped_column(String(40), default="")


JOBS = {"teacher": {"instructor"}, "boss": {"admin"}}


def create_app() -> Flask:
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY="the bare host's own", SESSION_COOKIE_NAME="bare", TEMPLATES_AUTO_RELOAD=False
    )
    # Deliberately without the club's SQLite recipe: the club has to manage.
    engine = create_engine(os.environ["HOST_DATABASE_URL"])
    sessions = scoped_session(sessionmaker(engine))

    @app.teardown_appcontext
    def remove(_error: BaseException | None) -> None:
        sessions.remove()

    class People:
        def current(self) -> Actor | None:
            ident = session.get("person")
            person = sessions.get(Person, ident) if ident else None
            if person is None:
                return None
            roles = frozenset(JOBS.get(person.job, set()))
            return Actor(f"person:{person.id}", person.login.title(), f"{person.login}@example.org", roles)

    # Names the club has too; on the host's pages they mean what the host says.
    app.add_template_filter(lambda value: f"host-date:{value}", "date")
    app.add_template_filter(lambda value: f"host-money:{value}", "money")
    app.add_template_global(lambda text: f"host-word:{text}", "_")
    app.add_template_global(lambda text: f"host-text:{text}", "gettext")

    @app.context_processor
    def names() -> dict[str, str]:
        return {"actor": "host-actor", "club_name": "host-name", "here": request.path}

    @app.errorhandler(404)
    def lost(_error: Exception) -> tuple[str, int]:
        return "host-404", 404

    @app.errorhandler(500)
    def broken(_error: Exception) -> tuple[str, int]:
        return "host-500", 500

    @app.get("/")
    def home() -> str:
        return render_template("home.html")

    @app.get("/crash")
    def crash() -> str:
        raise ZeroDivisionError

    @app.route("/enter", methods=["GET", "POST"])
    def enter() -> str | Response:
        if request.method == "GET":
            return render_template("enter.html")
        person = sessions.scalars(select(Person).where(Person.login == request.form["login"])).one()
        session.clear()
        session["person"] = person.id
        return redirect(request.args.get("next", "/"))

    @app.cli.command("host-tables")
    def host_tables() -> None:
        Base.metadata.create_all(engine)
        sessions.add_all(
            [Person(login="lin"), Person(login="wang", job="teacher"), Person(login="zhou", job="boss")]
        )
        sessions.commit()

    made = QunClub().init_app(
        app,
        session=sessions,
        identity=People(),
        url_prefix="/club",
        clock=seed.clock,
        account_endpoints={"sign_in": "enter"},
    )

    def heard(name: str) -> None:
        def listen(sender: object, **facts: object) -> None:
            assert sender is app
            # The commit is behind us: the host may use the same session for work of its own.
            person = sessions.scalars(select(Person).where(Person.login == "lin")).one()
            line = json.dumps({"signal": name, "facts": facts, "seen_by": person.login}, default=str)
            with (made.settings.instance_path / "heard.jsonl").open("a") as handle:
                handle.write(line + "\n")

        getattr(qunclub, name).connect(listen, sender=app, weak=False)

    for name in seed.SIGNALS:
        heard(name)
    app.cli.add_command(seed.command)
    return app
