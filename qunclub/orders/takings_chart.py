"""The takings as a picture: received upward, given back downward, one currency."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence

import pygal
from pygal.style import Style

from qunclub.kernel import to_decimal

from .queries_takings import Line

# pygal puts a finder of Python 2's kind into every process, for map plugins we do not have: whoever asks all finders
# for a module stumbles over it. A host's imports are none of our business, so it goes again.
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "pygal"]

FONT = (
    "system-ui, -apple-system, 'Segoe UI', 'PingFang SC', 'Hiragino Sans GB', 'Microsoft YaHei', "
    "'Noto Sans CJK SC', sans-serif"
)
# The colours of static/qunclub/css/tokens.css: ink, soft, line, what came, what went back.
LIGHT = ("#1f2420", "#5a6058", "#e6e2d7", "#1b5e4b", "#a1282e")
DARK = ("#ebebe3", "#a9b0a7", "#2f3531", "#7fc8ab", "#f3a29d")
MOST_LABELS = 12


def draw(
    lines: Sequence[Line],
    *,
    labels: Sequence[str],
    names: tuple[str, str],
    currency: str,
    dark: bool,
    money: Callable[[float], str],
) -> str:
    """An SVG of *lines*, one bar each.

    Args:
        names: of what was received, and of what was given back.
        money: an amount in major units as text, for the axis.
    """
    ink, soft, line, came, went = DARK if dark else LIGHT
    style = Style(
        background="transparent",
        plot_background="transparent",
        foreground=ink,
        foreground_strong=ink,
        foreground_subtle=soft,
        guide_stroke_color=line,
        major_guide_stroke_color=line,
        font_family=FONT,
        label_font_size=13,
        major_label_font_size=13,
        legend_font_size=14,
        opacity=".95",
        colors=(came, went),
    )
    chart = pygal.StackedBar(
        style=style,
        js=(),
        width=960,
        height=320,
        margin=8,
        legend_at_bottom=True,
        legend_box_size=14,
        print_values=False,
        show_minor_x_labels=False,
        x_labels_major_every=max(1, -(-len(labels) // MOST_LABELS)),
        truncate_label=-1,
        value_formatter=money,
        disable_xml_declaration=True,
    )
    chart.x_labels = list(labels)
    chart.add(names[0], [float(to_decimal(one.received, currency)) for one in lines])
    chart.add(names[1], [-float(to_decimal(one.refunded, currency)) for one in lines])
    drawn: str = chart.render(is_unicode=True)
    # A picture needs no script, and its reader no remark on how and when it was made.
    return re.sub(r"<script.*?</script>|<!--.*?-->", "", drawn, flags=re.DOTALL)
