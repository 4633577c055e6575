"""What every template of ours keeps to, so that it works in anybody's app."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

from qunclub.web.render import FILTERS
from tests.plugin.conftest import ROOT

TEMPLATES = sorted((ROOT / "templates").rglob("*.*"))
PLAIN = Environment(autoescape=True)
# An address that begins at the root of the host's site, or a whole one put together by hand.
HARD = re.compile(r"""(?:href|src|action|hx-[a-z-]+)\s*=\s*["']/|site_url\s*\}\}/(?!\S*\}\})""")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_filters_are_jinjas_own_or_carry_our_prefix(path: Path):
    used = {node.name for node in PLAIN.parse(path.read_text()).find_all(nodes.Filter)}

    assert used <= set(PLAIN.filters) | set(FILTERS)


def test_our_filters_carry_a_prefix():
    assert all(name.startswith("qc_") for name in FILTERS)


@pytest.mark.parametrize(
    "path",
    [path for path in TEMPLATES if path.suffix == ".html"],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_no_address_is_written_by_hand(path: Path):
    assert not HARD.findall(path.read_text())
