"""The OpenAPI document of this app's API, made from the blueprints' schemas once it is asked for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import flask_smorest
from flask import Flask
from marshmallow import Schema, fields

from qunclub import config


class ProblemSchema(Schema):
    """What went wrong (RFC 9457)."""

    type = fields.String()
    title = fields.String()
    status = fields.Integer()
    detail = fields.String(metadata={"description": "In the caller's language."})
    code = fields.String(metadata={"description": "The same in every language."})
    errors = fields.Dict(metadata={"description": "Of a 422: what is wrong with which field."})


class _Book(flask_smorest.Api):  # type: ignore[misc]  # published without types
    """flask-smorest's writer of the document and nothing else of it: the app is left as it is.

    Its ``init_app`` would put error handlers on the whole app, a host's own pages among them.
    """

    ERROR_SCHEMA = ProblemSchema

    def __init__(self, title: str) -> None:
        super().__init__()
        self._app: Any = SimpleNamespace(cli=SimpleNamespace(add_command=lambda _command: None))
        self.config: dict[str, Any] = {}
        self._init_spec(title=title, version="1", openapi_version="3.1.0")


def document(
    app: Flask, blueprints: dict[str, flask_smorest.Blueprint], settings: config.Settings
) -> dict[str, Any]:
    """The document.

    Args:
        blueprints: those of the API by their full names in *app*.
    """
    book = _Book(f"{settings.club_name} API")
    spec = book.spec
    spec.components.security_scheme("token", {"type": "http", "scheme": "bearer"})
    for name, bp in sorted(blueprints.items()):
        bp.register_views_in_doc(book, app, spec, name=name, parameters=None)
    made: dict[str, Any] = spec.to_dict()
    made["security"] = [{"token": []}]
    for path in made["paths"].values():
        for operation in path.values():
            if isinstance(operation, dict):
                operation["tags"] = [tag.rpartition(".")[2] for tag in operation.get("tags", [])]
    return made
