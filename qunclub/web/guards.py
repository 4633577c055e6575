"""Who may use a route. Every route says so, with :func:`allow`; a test walks them all."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Literal, TypeVar, cast

from flask import g, redirect, url_for

from qunclub.kernel import Actor, Forbidden, Me

from .i18n import N_
from .state import club, now
from .uow import transact
from .urls import here

Who = Literal["anyone", "signed_in", "member", "instructor", "host", "admin"]
F = TypeVar("F", bound=Callable[..., Any])
ATTRIBUTE = "__qunclub_allow__"

DENIED = {
    "instructor": (N_("This is the instructors' desk."), N_("An admin can make you an instructor.")),
    "host": (N_("This is for the hosts of groups."), N_("An admin can make you a host.")),
    "admin": (N_("This is for the admins of the club."), N_("An admin can give you the role.")),
    "member": (N_("This is for members."), N_("A pass makes you a member and opens this page.")),
}


def current_actor_or_none() -> Actor | None:
    """Who is here, with member id and roles, or None for a stranger. Found once a request."""
    if "qunclub_actor" not in g:
        _load()
    return cast("Actor | None", g.qunclub_actor)


def current_me() -> Me | None:
    """What pages show of the signed-in member, or None."""
    if "qunclub_actor" not in g:
        _load()
    return cast("Me | None", g.qunclub_me)


def _load() -> None:
    state = club()
    identity = state.identity.current()
    g.qunclub_actor = g.qunclub_me = g.qunclub_suspended = None
    if identity is None:
        return
    found = state.find_member(state.session(), identity)
    if found is None:
        # First visit of this identity: the one write a GET may cause.
        transact(lambda session: state.load_member(session, identity, now()))
        found = state.find_member(state.session(), identity)
    if found is not None:
        g.qunclub_actor, g.qunclub_me, g.qunclub_suspended = found


def forget_actor() -> None:
    """Look the actor up again on next use: after signing in or out, or a change of one's own member row."""
    g.pop("qunclub_actor", None)
    g.pop("qunclub_me", None)


def current_actor() -> Actor:
    """Who is here; only in routes that are not for anyone."""
    actor = current_actor_or_none()
    if actor is None:
        raise Forbidden(N_("Sign in to go on."))
    return actor


def member_id() -> int:
    """The id of the member who is here."""
    found = current_actor().member_id
    if found is None:
        raise Forbidden(N_("Sign in to go on."))
    return found


def allow(who: Who) -> Callable[[F], F]:
    """Declare who may use the view below: put it directly under the route.

    Strangers are sent to sign in and come back; others get a 403 that says what would give access.
    """

    def decorate(view: F) -> F:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if who != "anyone":
                refused = _refuse(who)
                if refused is not None:
                    return refused
            return view(*args, **kwargs)

        setattr(guarded, ATTRIBUTE, who)
        return cast(F, guarded)

    return decorate


def _refuse(who: Who) -> Any:
    actor = current_actor_or_none()
    if actor is None:
        endpoint = club().account_endpoints.get("sign_in")
        if endpoint is None:
            raise Forbidden(N_("Sign in to go on."), how=N_("Sign in on this site first."))
        return redirect(url_for(endpoint, next=here()), 303)
    if g.get("qunclub_suspended") is not None and who != "signed_in":
        raise Forbidden(
            N_("Your membership is suspended."),
            how=N_("Your own page says why; what you bought stays yours."),
        )
    me = current_me()
    numbered = me is not None and me.number is not None
    if who == "member" and not (numbered or actor.has("instructor") or actor.has("host")):
        raise Forbidden(DENIED["member"][0], how=DENIED["member"][1])
    if who in ("instructor", "host", "admin") and not actor.has(who):
        raise Forbidden(DENIED[who][0], how=DENIED[who][1])
    return None
