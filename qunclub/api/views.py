"""The API's own addresses: what it is, its document, the token that asks, and what is not there."""

from __future__ import annotations

from typing import Any

import flask_smorest
from flask import Blueprint, current_app, jsonify
from marshmallow import Schema, fields

from qunclub.web import N_, allow, club, csrf_exempt, render
from qunclub.web.i18n import locale

from .document import document
from .guard import bearer, current_token
from .problems import Problem, blueprint

bp = blueprint("api_v1", under="", description="The token that asks.")


class TokenOut(Schema):
    """A token's own rights."""

    name = fields.String()
    scopes = fields.List(fields.String())
    group = fields.String(
        allow_none=True, metadata={"description": "Address of its one group; null: every group."}
    )
    per_minute = fields.Integer()


@bp.get("/token")
@bearer(None)
@bp.response(200, TokenOut)
def token() -> Any:
    """What this token may do."""
    found = current_token()
    state = club()
    slugs = state.group_book.slugs(state.session(), [found.group_id]) if found.group_id is not None else {}
    return {
        "name": found.name,
        "scopes": list(found.scopes),
        "group": slugs.get(found.group_id) if found.group_id is not None else None,
        "per_minute": found.per_minute,
    }


def _document() -> dict[str, Any]:
    parts = {
        name: part
        for name, part in current_app.blueprints.items()
        if name.startswith("qunclub.") and isinstance(part, flask_smorest.Blueprint)
    }
    return document(current_app, parts, club().settings)


# Not in the document itself: these are for whoever reads it, and are added as an ordinary blueprint's are.
@allow("anyone")
def openapi() -> Any:
    """The OpenAPI document."""
    return jsonify(_document())


@allow("anyone")
def docs() -> Any:
    """The document as a page for people."""
    made = _document()
    operations = [
        {"path": path, "method": method.upper(), **operation}
        for path, methods in made["paths"].items()
        for method, operation in methods.items()
        if isinstance(operation, dict)
    ]
    return render(
        "api/docs.html", operations=operations, schemas=made["components"]["schemas"], language=locale()
    )


@csrf_exempt
@allow("anyone")
def nothing(rest: str = "") -> Any:
    """What is not there, told as everything else of the API is."""
    raise Problem(404, "not-found", N_("There is no such address in the API."))


Blueprint.add_url_rule(bp, "/openapi.json", "openapi", openapi)
Blueprint.add_url_rule(bp, "/docs", "docs", docs)
Blueprint.add_url_rule(
    bp, "/<path:rest>", "nothing", nothing, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]
)
