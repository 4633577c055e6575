"""The frame's own routes: language, health, and the pages that say what went wrong."""

from __future__ import annotations

import logging
from typing import Any

from flask import Blueprint, Response, jsonify, redirect, request, session, url_for
from sqlalchemy import text
from sqlalchemy.exc import DataError
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.wrappers import Response as BaseResponse

from qunclub import migrate
from qunclub.kernel import ClubError, Forbidden

from .guards import allow, current_actor_or_none, forget_actor
from .i18n import LOCALES, N_, _, explain
from .render import is_htmx, render, safe_next
from .state import club
from .uow import reading, unit_of_work

bp = Blueprint("frame", __name__)
log = logging.getLogger("qunclub.web")

TITLES = {
    400: N_("That request made no sense to us"),
    403: N_("Not open to you"),
    404: N_("Nothing here"),
    405: N_("That cannot be done here"),
    409: N_("That is no longer possible"),
    413: N_("Too large"),
    422: N_("That did not work"),
    429: N_("A little too fast"),
    500: N_("Something broke on our side"),
}


@bp.get("/language/<code>")
@allow("anyone")
def language(code: str) -> BaseResponse:
    """Speak another language, and remember it for the member."""
    if code in LOCALES:
        session["qunclub_locale"] = code
        actor = current_actor_or_none()
        if actor is not None and actor.member_id is not None:
            with unit_of_work() as work:
                club().keep_locale(work, actor.member_id, code)
            forget_actor()
    return redirect(safe_next(request.args.get("next"), url_for("qunclub.home.index")), 303)


@bp.get("/healthz")
@allow("anyone")
def healthz() -> Response:
    """The process is alive."""
    return jsonify(status="ok")


@bp.get("/readyz")
@allow("anyone")
def readyz() -> tuple[Response, int]:
    """The database answers and has this version's tables."""
    try:
        with reading() as work:
            work.execute(text("SELECT 1"))
            behind = migrate.pending(work.connection())
    except Exception:
        log.exception("readiness check failed")
        return jsonify(status="database unavailable"), 503
    if behind:
        return jsonify(status="migrations pending"), 503
    return jsonify(status="ready"), 200


def error_page(status: int, message: str, how: str = "") -> tuple[str, int]:
    """The page (or the htmx fragment) of an error."""
    title = _(TITLES.get(status, TITLES[422 if status < 500 else 500]))
    template = "error_fragment.html" if is_htmx() else "error.html"
    return render(template, status=status, title=title, message=message, how=how), status


def on_club_error(error: ClubError) -> Any:
    """A service said no."""
    how = _(error.how) if isinstance(error, Forbidden) and error.how else ""
    return error_page(error.status, explain(error), how)


def on_http_error(error: HTTPException) -> Any:
    """Werkzeug said no: an unknown address, a body too large."""
    if error.response is not None or error.code is None or error.code < 400:
        return error
    messages = {
        404: _("There is no page at this address. It may have moved, or the link was cut short."),
        405: _("Go back and use the buttons of the page."),
        413: _("What you sent is larger than the club takes. Send smaller files."),
    }
    return error_page(error.code, messages.get(error.code, _("Go back and try again.")))


def on_crash(error: Exception) -> Any:
    """A fault of ours: logged with its trace, shown without."""
    if isinstance(error, OverflowError | DataError):
        # A number in the address larger than any id: what nobody can have is not there.
        club().session().rollback()
        return on_http_error(NotFound())
    log.exception("unhandled error")
    try:
        club().session().rollback()
        return error_page(
            500, _("It is noted with the number below. Nothing was half-written; try again in a while.")
        )
    except Exception:
        log.exception("error page failed")
        return Response("500", status=500, mimetype="text/plain")
