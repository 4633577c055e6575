"""Lists, locks, wheel metadata and the page of reasons say the same."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.architecture.rules import ROOT

# In the lock for the tests' or one old Python's sake, not something the installed club asks for.
NOT_IN_THE_WHEEL = {"pytest", "async-timeout"}


def names(file: str) -> set[str]:
    """Direct dependencies of a ``requirements*.in``."""
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    return {re.split(r"[\[<>=; ]", line)[0] for line in lines if line and line[0] not in "#-"}


def wheel_names() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {re.split(r"[\[<>=; ]", entry)[0] for entry in project["dependencies"]}


def test_the_wheel_asks_for_what_the_lock_holds() -> None:
    assert wheel_names() == names("requirements.in") - NOT_IN_THE_WHEEL


def test_every_dependency_has_a_reason() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    reasons = re.findall(r"^\| `([\w-]+)` \| \S", page, re.MULTILINE)
    assert len(reasons) == len(set(reasons))
    assert set(reasons) == names("requirements.in") | names("requirements-dev.in")


@pytest.mark.parametrize("kind", ["requirements", "requirements-dev"])
def test_the_lock_is_complete_and_belongs_to_no_machine(kind: str) -> None:
    lock = (ROOT / f"{kind}.txt").read_text(encoding="utf-8")
    entries = re.findall(
        r"^([a-z0-9][\w.-]*)(?:\[[\w,-]+\])?==(\S+) \\\n    --hash=sha256:", lock, re.MULTILINE
    )
    pinned = {name for name, _ in entries}
    assert names(f"{kind}.in") <= pinned
    assert len(entries) == len(re.findall(r"^[a-z0-9]", lock, re.MULTILINE)), "an entry lacks its hash"
    assert not re.search(r"^\s*--(?!hash)|file:/|https?:", lock, re.MULTILINE)


def test_both_locks_pin_the_same_versions() -> None:
    def pins(file: str) -> dict[str, str]:
        return dict(
            re.findall(r"^([a-z0-9][\w.-]*)(?:\[[\w,-]+\])?==(\S+)", (ROOT / file).read_text(), re.MULTILINE)
        )

    first, second = pins("requirements.txt"), pins("requirements-dev.txt")
    assert {name for name in first.keys() & second.keys() if first[name] != second[name]} == set()
