"""Addresses: absolute ones that know where the club lives, and the way back to the present page."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import current_app, has_request_context, request, url_for
from werkzeug.routing import MapAdapter

from .state import club


def _adapter() -> MapAdapter:
    state = club()
    root = state.settings.site_url
    if not (state.settings.public_url or state.standalone) and has_request_context():
        # A host that did not say where it lives (only in development) lives where it was asked.
        root = request.url_root
    parts = urlsplit(root)
    return current_app.url_map.bind(
        parts.netloc, script_name=parts.path.rstrip("/") + "/", url_scheme=parts.scheme
    )


def absolute_url(endpoint: str, **values: Any) -> str:
    """The address of one of our pages for the world outside: mail, QR codes, the pay page, shares.

    Works without a request too; what the host put before the club (``/club``) is in it.
    """
    return _adapter().build(endpoint, values, force_external=True)


def club_url() -> str:
    """The club's own address without a trailing slash: ``https://example.com/club``."""
    return absolute_url("qunclub.home.index").rstrip("/")


def here() -> str:
    """The path of the present page, to come back to; after a POST, of the page that sent it."""
    if request.method in ("GET", "HEAD"):
        return request.script_root + request.full_path.rstrip("?")
    sent_from = urlsplit(request.referrer or "")
    if sent_from.netloc == request.host and sent_from.path:
        return sent_from.path + (f"?{sent_from.query}" if sent_from.query else "")
    return url_for("qunclub.home.index")
