"""Every text of the club that asks for a translation, found in its Python files and templates."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jinja2 import TemplateSyntaxError
from jinja2.ext import babel_extract

ROOT = Path(__file__).resolve().parents[2]
SINGULAR = {"_", "_l", "N_", "gettext", "lazy_gettext"}
PLURAL = {"_n", "ngettext"}
# A message given to one of these without N_ would reach people untranslated.
REFUSALS = {"ClubError", "NotFound", "Forbidden", "Conflict", "Invalid", "Stale"}


@dataclass(frozen=True)
class Text:
    """One msgid where it is used; *plural* is empty for most."""

    msgid: str
    plural: str
    file: str
    line: int

    @property
    def where(self) -> str:
        """``file:line``."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Mistake:
    """A use that no catalogue can serve."""

    file: str
    line: int
    reason: str


def constants(node: ast.expr) -> Iterator[str]:
    """The strings an argument can be: a literal, or either side of ``a if x else b``."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from constants(node.body)
        yield from constants(node.orelse)


def called(node: ast.Call) -> str:
    """The name of what is called, without what stands before the dot."""
    if isinstance(node.func, ast.Name):
        return node.func.id
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


def in_python(source: str, file: str) -> Iterator[Text | Mistake]:
    """Texts and mistakes of one Python file."""
    for node in ast.walk(ast.parse(source, file)):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = called(node)
        if name in PLURAL and len(node.args) >= 2:
            for one, many in zip(constants(node.args[0]), constants(node.args[1]), strict=False):
                yield Text(one, many, file, node.lineno)
        elif name in SINGULAR:
            if isinstance(node.args[0], ast.JoinedStr):
                yield Mistake(file, node.lineno, f"{name}() is given an f-string; use %(name)s placeholders")
            for message in constants(node.args[0]):
                yield Text(message, "", file, node.lineno)
        if name in REFUSALS:
            how = [keyword.value for keyword in node.keywords if keyword.arg == "how"]
            for argument in (node.args[0], *how):
                if isinstance(argument, ast.JoinedStr) or any(constants(argument)):
                    yield Mistake(file, node.lineno, f"the message of {name}() is not marked with N_()")


def in_template(path: Path, file: str) -> Iterator[Text | Mistake]:
    """Texts and mistakes of one Jinja template."""
    keywords = dict.fromkeys(sorted(SINGULAR | PLURAL))
    options = {"silent": "false", "encoding": "utf-8", "extensions": "jinja2.ext.do"}
    with path.open("rb") as handle:
        try:
            for line, name, message, _comments in babel_extract(handle, list(keywords), [], options):
                parts = [message] if isinstance(message, str) else [part for part in message or () if part]
                if parts and parts[0]:
                    plural = str(parts[1]) if name in PLURAL and len(parts) > 1 else ""
                    yield Text(str(parts[0]), plural, file, line)
        except TemplateSyntaxError as error:
            yield Mistake(file, error.lineno, f"the template does not parse: {error.message}")


def everything(root: Path = ROOT) -> Iterator[Text | Mistake]:
    """Texts and mistakes of the whole project."""
    for path in sorted([root / "app.py", *root.glob("qunclub/**/*.py")]):
        file = path.relative_to(root).as_posix()
        if path.exists() and not file.startswith("qunclub/devtools/"):
            yield from in_python(path.read_text(encoding="utf-8"), file)
    for path in sorted(root.glob("templates/**/*")):
        if path.suffix in (".html", ".txt", ".xml"):
            yield from in_template(path, path.relative_to(root).as_posix())
