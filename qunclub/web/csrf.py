"""Cross-site request forgery: every POST on the club's routes carries a token, but for the signed webhook.

Done here and not with a second CSRFProtect, so that a host's own one (or none) makes no difference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import current_app, request
from flask_wtf.csrf import validate_csrf
from markupsafe import Markup
from wtforms.validators import ValidationError

from qunclub.kernel import Forbidden

from .i18n import N_
from .parts import csrf_token

F = TypeVar("F", bound=Callable[..., Any])
EXEMPT = "__qunclub_csrf_exempt__"


def csrf_exempt(view: F) -> F:
    """Mark a view whose caller proves itself otherwise (a signature, a bearer token)."""
    setattr(view, EXEMPT, True)
    return view


def protect() -> None:
    """Check the token of an unsafe request (a ``before_request`` of the root blueprint)."""
    if request.method in ("GET", "HEAD", "OPTIONS") or request.endpoint is None:
        return
    view = current_app.view_functions.get(request.endpoint)
    if view is not None and getattr(view, EXEMPT, False):
        return
    try:
        validate_csrf(request.headers.get("X-CSRFToken") or request.form.get(field_name()))
    except ValidationError:
        raise Forbidden(
            N_("This form was open for too long, or came from another site."),
            how=N_(
                "Go back, load the page again and send it once more; what you typed is kept by your browser."
            ),
        ) from None


def field_name() -> str:
    """The name of the hidden field; a host's CSRFProtect, which looks at our forms too, may have another."""
    return str(current_app.config.get("WTF_CSRF_FIELD_NAME", "csrf_token"))


def csrf_field() -> Markup:
    """The hidden field for a form."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(field_name(), csrf_token())
