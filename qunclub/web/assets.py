"""Where templates, static files and migrations are, in a checkout and when installed; and the vendor files."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from flask import Blueprint, Response, abort, request, send_from_directory
from jinja2 import BaseLoader, ChoiceLoader, FileSystemLoader, PrefixLoader

from .guards import allow
from .state import club
from .urls import path_to

PACKAGE = Path(__file__).resolve().parent.parent
YEAR = 31_536_000


@cache
def folder(name: str) -> Path:
    """The folder ``templates``, ``static`` or ``migrations``: packed into the wheel, or beside the package."""
    packed = PACKAGE / "_assets" / name
    return packed if packed.exists() else PACKAGE.parent / name


@cache
def vendor_folders() -> dict[str, Path]:
    """Third-party front-end files, taken from the packages that carry them: none is committed."""
    found = {}
    for name, package, inside in (
        ("bootstrap", "flask_bootstrap", "static/bootstrap5"),
        ("bootstrap-icons", "flask_bootstrap", "static/bootstrap5/css"),
        ("htmx", "js_lib_htmx", "static/htmx"),
    ):
        spec = find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            raise RuntimeError(f"the package {package} is missing; install requirements.txt")
        found[name] = Path(next(iter(spec.submodule_search_locations))) / inside
    return found


@cache
def version() -> str:
    """Another one when a file of ours or a vendor package changes; addresses carry it, so browsers may keep them."""
    digest = hashlib.sha256()
    for path in sorted((folder("static") / "qunclub").rglob("*")):
        if path.is_file():
            digest.update(path.read_bytes())
    for package in ("bootstrap-flask", "django-js-lib-htmx"):
        digest.update(metadata.version(package).encode())
    return digest.hexdigest()[:10]


def static_url(filename: str) -> str:
    """The address of a static file of ours."""
    return path_to("qunclub.static", filename=filename, v=version())


def vendor_url(filename: str) -> str:
    """The address of a vendor file."""
    return path_to("qunclub.vendor.file", filename=filename, v=version())


class ClubBlueprint(Blueprint):
    """A blueprint whose templates a host may override (``templates/qunclub/…``) and still extend (``@qunclub/…``)."""

    @property
    def jinja_loader(self) -> BaseLoader:
        """Ours by name, and by ``@qunclub/`` whatever the host overrides."""
        templates = folder("templates")
        return ChoiceLoader(
            [
                FileSystemLoader(templates),
                PrefixLoader({"@qunclub": FileSystemLoader(templates / "qunclub")}),
            ]
        )

    def get_send_file_max_age(self, filename: str | None) -> int | None:
        """A year for an address that names this version; whoever works on the files sees each change at once."""
        current = request.args.get("v") == version() and club().settings.production
        return YEAR if current else super().get_send_file_max_age(filename)


bp = Blueprint("vendor", __name__)


@bp.get("/vendor/<path:filename>")
@allow("anyone")
def file(filename: str) -> Response:
    """One file of a vendor package."""
    name, _, inside = filename.partition("/")
    base = vendor_folders().get(name)
    if base is None:
        abort(404)
    response = send_from_directory(base, inside)
    if request.query_string:
        # Ours names the version; the icons' style sheet gives its fonts one of their own.
        response.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable"
    return response
