"""What every template of ours keeps to, so that it works in anybody's app."""

from __future__ import annotations

import re

from jinja2 import Environment, nodes

from qunclub.web.render import FILTERS
from tests.plugin.conftest import ROOT

TEMPLATES = sorted((ROOT / "templates").rglob("*.*"))
PLAIN = Environment(autoescape=True)
# An address that begins at the root of the host's site, or a whole one put together by hand.
HARD = re.compile(r"""(?:href|src|action|hx-[a-z-]+)\s*=\s*["']/|site_url\s*\}\}/(?!\S*\}\})""")


def test_filters_are_jinjas_own_or_carry_our_prefix():
    known = set(PLAIN.filters) | set(FILTERS)
    foreign = {
        f"{path.relative_to(ROOT)}: {node.name}"
        for path in TEMPLATES
        for node in PLAIN.parse(path.read_text()).find_all(nodes.Filter)
        if node.name not in known
    }

    assert len(TEMPLATES) > 50
    assert not foreign
    assert all(name.startswith("qc_") for name in FILTERS)


def test_no_address_is_written_by_hand():
    found = {
        f"{path.relative_to(ROOT)}: {match}"
        for path in TEMPLATES
        if path.suffix == ".html"
        for match in HARD.findall(path.read_text())
    }

    assert not found
