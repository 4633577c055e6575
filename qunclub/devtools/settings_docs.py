"""``docs/settings.md`` from :class:`qunclub.config.Settings`: ``--write`` writes it, else it is compared."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path
from typing import Any

from qunclub.config import Settings, env_name

PAGE = Path(__file__).resolve().parents[2] / "docs" / "settings.md"
HEAD = """\
# Settings

Every setting is an environment variable; a host app may put the same name into `app.config`, which wins.
A wrong value stops the start with a sentence. This page is written by
`python -m qunclub.devtools.settings_docs --write` from `qunclub/config.py`.

| Setting | Type | Default | What it does |
|---|---|---|---|
"""


def kind(default: Any, choices: tuple[str, ...]) -> str:
    """The type of a setting, in words."""
    if choices:
        return " or ".join(f"`{choice}`" for choice in choices)
    if isinstance(default, bool):
        return "true or false"
    if isinstance(default, int):
        return "whole number"
    return "list" if isinstance(default, tuple) else "text"


def shown(default: Any) -> str:
    """A default as one would type it into the environment."""
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    text = ",".join(default) if isinstance(default, tuple) else str(default)
    return f"`{text}`" if text else "empty"


def page() -> str:
    """The whole page."""
    rows = []
    for entry in fields(Settings):
        name = env_name(entry.name, entry.metadata)
        choices = entry.metadata["choices"]
        help_line = entry.metadata["help"].replace("|", "\\|")
        rows.append(f"| `{name}` | {kind(entry.default, choices)} | {shown(entry.default)} | {help_line} |\n")
    return HEAD + "".join(rows)


def main(arguments: list[str] | None = None) -> int:
    """Compare or write the page; 1 when it is out of date."""
    parser = argparse.ArgumentParser(prog="settings_docs", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/settings.md")
    if parser.parse_args(arguments).write:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == page():
        return 0
    print("docs/settings.md is out of date: python -m qunclub.devtools.settings_docs --write")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
