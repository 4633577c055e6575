"""What went wrong, as ``application/problem+json`` (RFC 9457), in the caller's language."""

from __future__ import annotations

import logging
from typing import Any

import flask_smorest
from flask import Blueprint, Response, g, json
from sqlalchemy.exc import DataError
from werkzeug.exceptions import HTTPException, default_exceptions

from qunclub.kernel import ClubError, Forbidden, Invalid, NotFound, Stale
from qunclub.web import N_, _, club, explain

from .bodies import Parser

PREFIX = "/api/v1"
log = logging.getLogger("qunclub.api")

TITLES = {
    400: N_("That request made no sense to us"),
    401: N_("No token, or not a good one"),
    403: N_("Not open to you"),
    404: N_("Nothing here"),
    405: N_("That cannot be done here"),
    409: N_("That is no longer possible"),
    413: N_("Too large"),
    415: N_("Send JSON"),
    422: N_("That did not work"),
    429: N_("A little too fast"),
    500: N_("Something broke on our side"),
}
# What the schemas say of a field.
FIELD_WORDS = (
    N_("Missing data for required field."),
    N_("Unknown field."),
    N_("Not a valid string."),
    N_("Field may not be null."),
    N_("Invalid input type."),
    N_("Invalid JSON body."),
)


class Problem(ClubError):
    """A refusal with a name of its own that programs can rely on."""

    def __init__(self, status: int, code: str, message: str, **params: Any) -> None:
        super().__init__(message, **params)
        self.status = status
        self.code = code


def answer(status: int, code: str, detail: str, **more: Any) -> Response:
    """A problem as a response."""
    body = {
        "type": f"urn:qunclub:problem:{code}",
        "title": _(TITLES.get(status, TITLES[422 if status < 500 else 500])),
        "status": status,
        "detail": detail,
        "code": code,
        **{name: value for name, value in more.items() if value},
    }
    response = Response(json.dumps(body), status=status, mimetype="application/problem+json")
    response.headers["Cache-Control"] = "no-store"
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if status == 429:
        response.headers["Retry-After"] = "60"
    return response


def _on_club_error(error: ClubError) -> Response:
    named = {429: "too-many", 404: "not-found", 409: "conflict", 403: "forbidden"}.get(
        error.status, "invalid"
    )
    code = error.code if isinstance(error, Problem) else "stale" if isinstance(error, Stale) else named
    errors = {error.field: [explain(error)]} if isinstance(error, Invalid) and error.field else None
    how = _(error.how) if isinstance(error, Forbidden) and error.how else None
    return answer(error.status, code, explain(error), errors=errors, how=how)


def _on_http_error(error: HTTPException) -> Any:
    if error.response is not None or error.code is None or error.code < 400:
        return error
    said = getattr(error, "data", None) or {}
    errors = _translated(said.get("messages", {}))
    detail = {
        404: _("There is no such address in the API."),
        405: _("This address takes another method."),
        413: _("What you sent is larger than the API takes."),
        422: _("Some of the fields need another look: see errors."),
    }.get(error.code, _("Look at the request again; the API's document says what it takes."))
    code = {404: "not-found", 405: "method", 413: "too-large", 422: "invalid"}.get(error.code, "bad-request")
    return answer(error.code, code, detail, errors=errors)


def _translated(messages: Any) -> Any:
    if isinstance(messages, dict):
        return {name: _translated(value) for name, value in messages.items()}
    if isinstance(messages, list | tuple):
        return [_translated(one) for one in messages]
    return _(str(messages))


def _on_crash(error: Exception) -> Response:
    club().session().rollback()
    if isinstance(error, OverflowError | DataError):
        return _on_club_error(NotFound())
    log.exception("unhandled error")
    return answer(
        500, "crash", _("It is noted under the request's id. Nothing was half-written."),
        request_id=g.get("qunclub_request_id"),
    )  # fmt: skip


def handle(bp: Blueprint) -> None:
    """Answer with problems whatever goes wrong in *bp*; the app's own handlers stay as they are."""
    bp.register_error_handler(ClubError, _on_club_error)
    bp.register_error_handler(HTTPException, _on_http_error)
    for code in default_exceptions:
        # Also by code: else the club's pages for people would come before.
        bp.register_error_handler(code, _on_http_error)
    bp.register_error_handler(Exception, _on_crash)


class ApiBlueprint(flask_smorest.Blueprint):  # type: ignore[misc]  # flask-smorest has no types
    """One that reads bodies as the club does."""

    ARGUMENTS_PARSER = Parser()


def blueprint(name: str, *, under: str, description: str) -> flask_smorest.Blueprint:
    """A part of the API under ``/api/v1<under>``; its views take and give what their schemas say."""
    bp = ApiBlueprint(name, name, url_prefix=PREFIX + under, description=description)
    handle(bp)
    return bp
