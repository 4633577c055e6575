"""What every page is compared with: a bare Flask page, one SELECT of 20 rows or of one, in Jinja, nothing else."""

from __future__ import annotations

import os

from flask import Flask, render_template
from sqlalchemy import select

from qunclub.kernel.engine import create_club_engine
from qunclub.members.models import Member

DATABASE = "BASELINE_DATABASE_URL"
ROWS = 20
TABLE = Member.__table__.c


def create_app() -> Flask:
    """The bare app, on the same engine and the same table as the club."""
    app = Flask(__name__)
    engine = create_club_engine(os.environ[DATABASE])

    @app.get("/")
    def page() -> str:
        query = select(TABLE.id, TABLE.number, TABLE.name, TABLE.city).order_by(TABLE.id).limit(ROWS)
        with engine.connect() as connection:
            rows = connection.execute(query).all()
        return render_template("baseline.html", rows=rows)

    @app.get("/one/<int:ident>")
    def one(ident: int) -> str:
        query = select(TABLE.id, TABLE.number, TABLE.name, TABLE.city).where(TABLE.id == ident)
        with engine.connect() as connection:
            rows = connection.execute(query).all()
        return render_template("baseline.html", rows=rows)

    return app
