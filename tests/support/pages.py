"""Visiting pages with Flask's test client: signing in without the form, posting with the CSRF token."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from flask import Flask, session
from flask.testing import FlaskClient
from flask_login.utils import _create_identifier
from flask_wtf.csrf import generate_csrf
from werkzeug.test import TestResponse

from qunclub.adapters.accounts.identity import SignedIn
from qunclub.adapters.accounts.models import Account


def sign_in(client: FlaskClient, account: Account) -> FlaskClient:
    """Make *client* the session of *account*, as the sign-in form would (and without its password hashing)."""
    app: Flask = client.application
    with app.test_request_context(headers={"User-Agent": _agent(client)}):
        identifier = _create_identifier()
    with client.session_transaction() as cookie:
        cookie.clear()
        cookie.update(_user_id=SignedIn(account).get_id(), _fresh=True, _id=identifier)
    return client


def _agent(client: FlaskClient) -> str:
    builder: Any = client.environ_base
    return str(builder.get("HTTP_USER_AGENT", ""))


def csrf_token(client: FlaskClient) -> str:
    """A token that fits the client's session."""
    with client.session_transaction() as cookie:
        raw = cookie.setdefault("csrf_token", secrets.token_hex(20))
    with client.application.test_request_context():
        session["csrf_token"] = raw
        return str(generate_csrf())


def post(
    client: FlaskClient,
    path: str,
    data: Mapping[str, Any] | None = None,
    *,
    htmx: bool = False,
    **options: Any,
) -> TestResponse:
    """POST a form as the page would, token and all."""
    headers = {**options.pop("headers", {}), "X-CSRFToken": csrf_token(client)}
    if htmx:
        headers["HX-Request"] = "true"
    return client.post(path, data=dict(data or {}), headers=headers, **options)


def in_language(client: FlaskClient, code: str) -> FlaskClient:
    """Make *client* speak ``zh`` or ``en`` from now on."""
    with client.session_transaction() as cookie:
        cookie["qunclub_locale"] = code
    return client


def text_of(response: TestResponse) -> str:
    """The answer as text."""
    return response.get_data(as_text=True)
