"""A host with everything a Flask app usually has: Flask-SQLAlchemy, -Migrate, -Login, CSRFProtect, a ``user`` table."""

from __future__ import annotations

import json
import os
from typing import Any

import seed
from flask import Flask, redirect, render_template, request
from flask_login import LoginManager, UserMixin, current_user, login_user
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import Mapped, mapped_column
from werkzeug.wrappers import Response

import qunclub
from qunclub import Actor, QunClub, configure_engine, exclude_qunclub_tables

db: Any = SQLAlchemy()
login_manager = LoginManager()
csrf = CSRFProtect()


class User(UserMixin, db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(120), unique=True)
    staff: Mapped[str] = mapped_column(String(20), default="")


class Invoice(db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    number: Mapped[str] = mapped_column(String(40), unique=True)


class Heard(db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    signal: Mapped[str] = mapped_column(String(40))
    facts: Mapped[str] = mapped_column(db.Text)


class Users:
    def current(self) -> Actor | None:
        if not current_user.is_authenticated:
            return None
        roles = frozenset({current_user.staff} - {""})
        return Actor(
            f"user:{current_user.id}", current_user.email.partition("@")[0], current_user.email, roles
        )


def create_app() -> Flask:
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY="the full host's own",
        SQLALCHEMY_DATABASE_URI=os.environ["HOST_DATABASE_URL"],
        WTF_CSRF_FIELD_NAME="_token",
    )
    if os.environ.get("HOST_BASE_TEMPLATE"):
        app.config["QUNCLUB_BASE_TEMPLATE"] = os.environ["HOST_BASE_TEMPLATE"]
    db.init_app(app)
    kept = {} if os.environ.get("HOST_WITHOUT_FILTER") else {"include_name": exclude_qunclub_tables}
    Migrate(app, db, **kept)
    login_manager.init_app(app)
    login_manager.login_view = "signin"
    csrf.init_app(app)
    # The pay service signs what it sends; it has no token.
    csrf.exempt("qunclub.orders.webhook.stripe")
    # Programs show a bearer token; no browser sends it by itself.
    csrf.exempt("qunclub.passes.api_door.check")
    csrf.exempt("qunclub.chats.webhook.telegram")
    with app.app_context():
        configure_engine(db.engine)

    @login_manager.user_loader
    def load_user(ident: str) -> User | None:
        found: User | None = db.session.get(User, int(ident))
        return found

    @app.get("/")
    def home() -> str:
        return render_template("home.html")

    @app.route("/signin", methods=["GET", "POST"])
    def signin() -> str | Response:
        if request.method == "GET":
            return render_template("enter.html")
        email = request.form["login"] + "@example.org"
        login_user(db.session.scalars(select(User).where(User.email == email)).one())
        return redirect(request.args.get("next", "/"))

    @app.cli.command("host-people")
    def host_people() -> None:
        for email, staff in (("lin", ""), ("wang", "instructor"), ("zhou", "admin")):
            db.session.add(User(email=f"{email}@example.org", staff=staff))
        db.session.commit()

    before = dict(vars(login_manager)), set(app.extensions), csrf._exempt_blueprints.copy()
    QunClub().init_app(
        app,
        session=lambda: db.session(),
        identity=Users(),
        url_prefix="/club",
        clock=seed.clock,
        account_endpoints={"sign_in": "signin"},
    )
    assert dict(vars(login_manager)) == before[0], "the club touched the host's LoginManager"
    assert set(app.extensions) == before[1] | {"qunclub"}, "the club initialised an extension of its own"
    assert csrf._exempt_blueprints == before[2], "the club touched the host's CSRFProtect"

    def heard(name: str) -> None:
        def listen(_sender: object, **facts: object) -> None:
            db.session.add(Heard(signal=name, facts=json.dumps(facts, default=str)))
            db.session.commit()

        getattr(qunclub, name).connect(listen, sender=app, weak=False)

    for name in seed.SIGNALS:
        heard(name)
    app.cli.add_command(seed.command)
    return app
