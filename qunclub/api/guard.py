"""Who may use a route of the API: a bearer token with the right scope, so many times a minute."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Any, TypeVar, cast

from flask import g, request
from limits import parse

from qunclub.web import N_, csrf_exempt, now, reading_ahead, transact
from qunclub.web.guards import ATTRIBUTE
from qunclub.web.limits import check

from . import tokens
from .problems import Problem

F = TypeVar("F", bound=Callable[..., Any])
_scopes: dict[str, Any] = {}
# Strangers who try texts: counted by address.
MISSES = parse("30 per minute")


def register_scope(name: str, label: Any) -> None:
    """Say that there is something tokens may be good for; *label* is for admins."""
    _scopes[name] = label


def scopes() -> dict[str, Any]:
    """What tokens may be good for, with labels."""
    return dict(sorted(_scopes.items()))


def current_token() -> tokens.Found:
    """The token of this request; only behind :func:`bearer`."""
    return cast(tokens.Found, g.qunclub_token)


def bearer(scope: str | None) -> Callable[[F], F]:
    """Declare that the view below asks for a bearer token, with *scope* unless None.

    Put it under the route and above what reads the body. Refused: 401 without a good token, 403 without the
    scope, 429 beyond the token's own limit.
    """

    def decorate(view: F) -> F:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            g.qunclub_token = _admitted(scope)
            return view(*args, **kwargs)

        setattr(guarded, ATTRIBUTE, "token")
        return csrf_exempt(cast(F, guarded))

    return decorate


def _admitted(scope: str | None) -> tokens.Found:
    kind, _sep, text = request.headers.get("Authorization", "").partition(" ")
    moment = now()
    with reading_ahead() as session:
        found = tokens.find(session, text.strip(), moment) if kind.lower() == "bearer" else None
    if found is None:
        check(MISSES, "api_misses", request.remote_addr or "")
        raise Problem(
            401, "token", N_("Send a good token: Authorization: Bearer …. An admin of the club makes them.")
        )
    check(_rate(found.per_minute), "api", str(found.id))
    if scope is not None and scope not in found.scopes:
        raise Problem(403, "scope", N_("This token is not good for %(scope)s."), scope=scope)
    if tokens.is_to_be_noted(found, moment):
        transact(lambda session: tokens.note_use(session, found.id, moment))
    return found


@cache
def _rate(per_minute: int) -> Any:
    return parse(f"{per_minute} per minute")
