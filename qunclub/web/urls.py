"""Addresses: remembered once built, absolute ones that know where the club lives, the way back to this page."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import current_app, has_request_context, request, url_for
from werkzeug.routing import MapAdapter

from .state import club

ADDRESSES = "qunclub.addresses"
MOST_REMEMBERED = 20_000
SIMPLE = frozenset((str, int, type(None)))


class Addresses:
    """``url_for`` of one request for paths on this site: what was built before is looked up."""

    __slots__ = ("_blueprint", "_built", "_root")

    def __init__(self) -> None:
        # A host that puts values of its own into addresses (``url_defaults``) has each of them built anew.
        self._built = None if current_app.url_default_functions else club().addresses
        self._blueprint = request.blueprint
        self._root = request.script_root

    def __call__(self, endpoint: str, **values: Any) -> str:
        """The path of *endpoint*; a leading dot means the blueprint of this request, as in ``url_for``."""
        built = self._built
        if built is None or "_external" in values or not SIMPLE.issuperset(map(type, values.values())):
            return url_for(endpoint, **values)
        blueprint = self._blueprint if endpoint.startswith(".") else None
        key = (self._root, blueprint, endpoint, *values.items())
        found = built.get(key)
        if found is None:
            if len(built) >= MOST_REMEMBERED:
                built.clear()
            found = built[key] = url_for(endpoint, **values)
        return found


def path_to(endpoint: str, **values: Any) -> str:
    """``url_for``, remembered."""
    if not has_request_context():
        return url_for(endpoint, **values)
    found: Addresses | None = request.environ.get(ADDRESSES)
    if found is None:
        found = request.environ[ADDRESSES] = Addresses()
    return found(endpoint, **values)


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
    state = club()
    if not (state.settings.public_url or state.standalone) or not SIMPLE.issuperset(
        map(type, values.values())
    ):
        return _adapter().build(endpoint, values, force_external=True)
    key = ("absolute", None, endpoint, *values.items())
    found = state.addresses.get(key)
    if found is None:
        if len(state.addresses) >= MOST_REMEMBERED:
            state.addresses.clear()
        found = state.addresses[key] = _adapter().build(endpoint, values, force_external=True)
    return found


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
