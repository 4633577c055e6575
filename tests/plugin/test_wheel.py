"""What is in the wheel: the club with its assets, and nothing that is only for its makers."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest

from tests.plugin.conftest import ROOT


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as packed:
        return set(packed.namelist())


def files(folder: str, pattern: str = "*") -> list[str]:
    """Every file under a folder of the checkout, by its path in it."""
    base = ROOT / folder
    found = (path for path in base.rglob(pattern) if path.is_file() and "__pycache__" not in path.parts)
    return sorted(str(path.relative_to(ROOT)) for path in found)


@pytest.mark.parametrize("folder", ["templates", "static", "migrations"])
def test_top_level_folders_are_packed_into_the_package(names, folder):
    expected = {f"qunclub/_assets/{name}" for name in files(folder)}

    assert expected
    assert expected == {name for name in names if name.startswith(f"qunclub/_assets/{folder}/")}


def test_catalogues_demo_content_and_pay_page_are_there(names):
    expected = [
        *files("qunclub/translations", "*.po"),
        *files("qunclub/demo/content"),
        *files("qunclub/sandbox/templates"),
        *files("qunclub/sandbox/static"),
        "qunclub/py.typed",
    ]

    assert len(expected) > 20
    assert set(expected) <= names


def test_nothing_of_the_makers_is_in_it(names):
    tops = {name.partition("/")[0] for name in names}

    assert {top for top in tops if not top.endswith(".dist-info")} == {"qunclub"}
    # "contests" is a room of the club.
    ours = re.compile(r"devtools|(?<!con)test|\.pyc$")
    assert not [name for name in names if ours.search(name)]


def test_the_installed_package_finds_its_own_assets(make_host, installed):
    said = make_host("bare").script("show_places").splitlines()

    assert len(said) == 5
    assert all(Path(place).is_relative_to(installed / "qunclub") for place in said), said


def test_the_checkout_cannot_be_imported_in_a_host(make_host):
    said = make_host("bare").script("show_path")

    assert str(ROOT) + "\n" not in said
    assert "no tests, no app" in said
