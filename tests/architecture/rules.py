"""The house rules as data and pure functions over source text; the tests beside this file apply them."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "qunclub"

# Which capabilities each one stands on. Everything not listed is forbidden; nothing below imports from above.
BELOW: dict[str, frozenset[str]] = {
    "members": frozenset(),
    "notices": frozenset({"members"}),
    "points": frozenset({"members"}),
    "groups": frozenset({"members", "points", "notices"}),
    "board": frozenset({"members", "groups", "notices", "house"}),
    "courses": frozenset({"members", "points", "notices"}),
    "passes": frozenset({"members", "points", "groups", "courses", "notices"}),
    "chats": frozenset({"members", "points", "groups", "courses", "passes", "house", "notices"}),
    "cloning": frozenset(
        {"members", "points", "groups", "courses", "passes", "orders", "seasons", "levels", "house"}
    ),
    "house": frozenset({"members", "groups", "passes", "notices"}),
    "orders": frozenset({"members", "points", "groups", "courses", "passes", "notices"}),
    "contests": frozenset({"members", "points", "notices"}),
    "homework": frozenset({"members", "points", "courses", "notices"}),
    "seasons": frozenset(
        {"members", "points", "groups", "courses", "passes", "homework", "notices", "house"}
    ),
    "levels": frozenset(
        {"members", "points", "groups", "courses", "passes", "house", "homework", "seasons", "notices"}
    ),
    "projects": frozenset({"members", "points", "homework", "seasons", "levels", "notices"}),
    "rewards": frozenset(
        {"members", "points", "groups", "courses", "passes", "orders", "homework", "notices"}
    ),
}
# They put the house together or stand on all of it.
SEE_EVERYTHING = {
    "extension",
    "admin",
    "cli",
    "jobs",
    "serving",
    "demo",
    "replay",
    "home",
    "models",
    "devtools",
}
# The frame knows no capability.
FRAME: dict[str, frozenset[str]] = {
    "kernel": frozenset({"kernel"}),
    "config": frozenset({"config", "kernel"}),
    "web": frozenset({"web", "kernel", "config", "migrate"}),
    "api": frozenset({"api", "web", "kernel", "config"}),
    "adapters": frozenset({"adapters", "kernel", "config"}),
    "adapters.accounts": frozenset({"adapters.accounts", "web", "kernel", "config"}),
    # It shows on a page what the folder mailer kept.
    "adapters.devmail": frozenset({"adapters", "web", "kernel", "config"}),
    "sandbox": frozenset({"sandbox", "kernel", "config"}),
    "migrate": frozenset({"models", "web", "kernel"}),
    "__init__": frozenset({"extension", "kernel", "migrate", "config"}),
}
# Files of a capability that speak HTTP; every other one is the business and knows nothing of it.
HTTP = (
    "views",
    "*_views",
    "views_*",
    "admin",
    "admin_*",
    "api",
    "api_*",
    "forms",
    "forms_*",
    "jobs_*",
    "desk_*",
)
# jobs: the other edge, where a worker opens the unit of work.
HTTP_ROOMS = ("desk", "showcase", "webhook", "jobs", "access_text")
HTTP_LIBRARIES = {"flask", "flask_wtf", "flask_login", "flask_babel", "flask_limiter", "wtforms", "werkzeug"}

BANNED_CALLS = {
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.datetime.today",
    "datetime.date.today",
    "time.time",
    "time.time_ns",
    "time.localtime",
    "time.gmtime",
}


@dataclass(frozen=True)
class Import:
    """One imported module, absolute: ``qunclub.points.models``."""

    module: str
    line: int


def parts_of(path: Path, package: Path = PACKAGE) -> tuple[str, ...]:
    """``qunclub/points/models.py`` → ``("points", "models")``."""
    return path.relative_to(package).with_suffix("").parts


def imports(source: str, parts: tuple[str, ...]) -> Iterator[Import]:
    """Every import of a file of ours, wherever it stands in it, relative ones resolved."""
    package = ("qunclub", *parts[:-1])
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                stem = package[: len(package) - node.level + 1]
                base = ".".join((*stem, base)) if base else ".".join(stem)
            if base == "qunclub" or (base.startswith("qunclub.") and is_package(base)):
                # ``from qunclub import points`` imports the room, ``from .models import X`` the file.
                yield from (Import(f"{base}.{alias.name}", node.lineno) for alias in node.names)
            else:
                yield Import(base, node.lineno)


def is_package(module: str) -> bool:
    """Whether a module of ours is a folder."""
    return (ROOT / Path(*module.split("."))).is_dir()


def file_kind(parts: tuple[str, ...]) -> str:
    """Of a file in a capability: ``rules``, ``models``, ``http`` or ``business``."""
    names = parts[1:]
    if any(fnmatch(name, pattern) for name in names for pattern in ("rules", "rules_*", "*_rules")):
        return "rules"
    if any(fnmatch(name, pattern) for name in names for pattern in ("models", "models_*", "*_models")):
        return "models"
    if any(fnmatch(name, pattern) for name in names for pattern in HTTP) or names[-1] in HTTP_ROOMS:
        return "http"
    return "business"


def is_module(module: str) -> bool:
    """Whether a name of ours is a file or folder, and not something defined in one."""
    path = ROOT / Path(*module.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def objection(parts: tuple[str, ...], wanted: Import) -> str | None:
    """Why a file may not import that, or None."""
    room = parts[0]
    names = wanted.module.split(".")
    if room in SEE_EVERYTHING:
        return None
    if names[0] != "qunclub":
        return _stranger(parts, names[0])
    target = names[1] if len(names) > 1 else "__init__"
    if room in FRAME or room not in BELOW:
        return _frame(parts, names, target)
    return _capability(parts, wanted.module, target)


def _stranger(parts: tuple[str, ...], library: str) -> str | None:
    room = parts[0]
    if room == "kernel" and library in HTTP_LIBRARIES:
        return f"the kernel knows nothing of {library}"
    if room not in BELOW:
        return None
    kind = file_kind(parts)
    if kind == "rules" and library not in sys.stdlib_module_names:
        return f"rules are pure: standard library and kernel only, not {library}"
    if kind in ("models", "business") and library in HTTP_LIBRARIES:
        return f"{library} belongs to views, admin, api and forms"
    return None


def _frame(parts: tuple[str, ...], names: list[str], target: str) -> str | None:
    key = ".".join(parts[:2]) if ".".join(parts[:2]) in FRAME else parts[0]
    if key not in FRAME:
        return f"{parts[0]} is no room of the house: add it to the table of its layer"
    allowed = FRAME[key]
    if target in allowed or ".".join(names[1:3]) in allowed:
        return None
    return f"{key} may import {', '.join(sorted(allowed))}; not {target}"


def _capability(parts: tuple[str, ...], module: str, target: str) -> str | None:
    room, kind = parts[0], file_kind(parts)
    if target == "kernel":
        return None
    if kind == "rules":
        own = module.split(".")[2:3]
        return (
            None
            if target == room and own and file_kind((room, *own)) == "rules"
            else f"rules are pure: not {module}"
        )
    if target == room:
        inner = module.split(".")[2:]
        if kind != "http" and inner and is_module(module) and file_kind((room, *inner)) == "http":
            return f"{module} speaks HTTP, this file must not"
        if kind == "models" and not (inner and file_kind((room, *inner)) in ("models", "rules")):
            return f"models import models only, not {module}"
        return None
    if target in ("web", "config", "api"):
        return None if kind == "http" else f"qunclub.{target} belongs to views, admin, api and forms"
    if target not in BELOW[room]:
        return f"{room} stands on {', '.join(sorted(BELOW[room])) or 'the kernel'}; not on {target}"
    return _downwards(kind, module, target)


def _downwards(kind: str, module: str, target: str) -> str | None:
    inner = module.split(".")[2:]
    deep = bool(inner) and is_module(f"qunclub.{target}.{inner[0]}")
    to_models = deep and file_kind((target, inner[0])) == "models"
    if kind == "models":
        return None if to_models else f"models import models only, not {module}"
    if kind == "business" and deep and not to_models:
        return f"services and queries use the root of {target} and its models, not {module}"
    return None


def naked_clocks(source: str) -> Iterator[tuple[int, str]]:
    """Uses of the machine's clock or of ``random``: they belong to the kernel's ports."""
    tree = ast.parse(source)
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[(alias.asname or alias.name).split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
                if alias.name.split(".")[0] == "random":
                    yield node.lineno, "random"
        elif isinstance(node, ast.ImportFrom) and not node.level:
            if node.module == "random":
                yield node.lineno, "random"
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                if f"{node.module}.{alias.name}" in BANNED_CALLS:
                    yield node.lineno, f"{node.module}.{alias.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            dotted = ast.unparse(node).split(".")
            full = ".".join((names.get(dotted[0], ""), *dotted[1:]))
            if full in BANNED_CALLS:
                yield node.lineno, full


def calls_of(source: str, method: str) -> Iterator[int]:
    """Lines on which ``something.<method>(…)`` is called."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == method:
            yield node.lineno


def dynamic_imports(source: str) -> Iterator[int]:
    """Imports that the rules above cannot see."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("import_module", "__import__"):
                yield node.lineno
