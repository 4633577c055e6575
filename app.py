"""The standalone site: Flask, Flask-SQLAlchemy, Flask-Login and QunClub, nothing else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from flask import Flask
from flask_login import LoginManager
from flask_sqlalchemy import SQLAlchemy
from werkzeug.middleware.proxy_fix import ProxyFix

from qunclub import QunClub, config, configure_engine
from qunclub.adapters import accounts

db = SQLAlchemy()


def create_app(overrides: Mapping[str, Any] | None = None) -> Flask:
    """The club as a site of its own; *overrides* are settings by their environment names, for tests."""
    given = dict(overrides or {})
    settings = config.load(given, os.environ)
    settings.instance_path.mkdir(parents=True, exist_ok=True)
    app = Flask(__name__, static_folder=None)
    app.config.update(
        SECRET_KEY=config.secret_key(settings),
        SECRET_KEY_FALLBACKS=list(settings.secret_key_previous),
        SQLALCHEMY_DATABASE_URI=config.database_url(settings),
        MAX_CONTENT_LENGTH=max(
            settings.upload_max_bytes * settings.upload_max_files, settings.media_max_bytes
        )
        + 1_000_000,
        SESSION_COOKIE_NAME="qunclub",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.production,
        TESTING=bool(given.get("TESTING")),
    )
    if settings.proxies:
        hops = settings.proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]  # Flask's own way
    db.init_app(app)
    with app.app_context():
        configure_engine(db.engine)
    QunClub().init_app(
        app,
        session=lambda: db.session(),
        identity=accounts.install(app, LoginManager(app), session=lambda: db.session(), settings=settings),
        settings=settings,
        standalone=True,
        jobs_too=not app.testing,
        accounts=accounts.bp,
        account_endpoints=accounts.ENDPOINTS,
    )
    return app
