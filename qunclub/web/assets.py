"""Where templates, static files and migrations are, in a checkout and when installed; and the vendor files."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from flask import Blueprint, Response, abort, send_from_directory
from jinja2 import BaseLoader, ChoiceLoader, FileSystemLoader, PrefixLoader

from .guards import allow

PACKAGE = Path(__file__).resolve().parent.parent


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


bp = Blueprint("vendor", __name__)


@bp.get("/vendor/<path:filename>")
@allow("anyone")
def file(filename: str) -> Response:
    """One file of a vendor package."""
    name, _, inside = filename.partition("/")
    base = vendor_folders().get(name)
    if base is None:
        abort(404)
    response = send_from_directory(base, inside, max_age=31_536_000)
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response
