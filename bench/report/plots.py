"""Plots as SVG pictures, drawn by matplotlib for a light and for a dark page.

Owns: how bars look. Must not know: what is plotted.
"""

from __future__ import annotations

from io import StringIO
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.rcsetup import cycler

from bench.report.document import Bar, Plot

LIGHT: Any = {
    "figure.facecolor": "#ffffff",
    "text.color": "#1a1a1a",
    "axes.prop_cycle": cycler(color=["#2b6cb0", "#8fb8de", "#c9cdd2"]),
}
DARK: Any = {
    "figure.facecolor": "#15181b",
    "text.color": "#e8e8e8",
    "axes.prop_cycle": cycler(color=["#63a4e0", "#3f6f9f", "#596068"]),
}
STYLE: Any = {
    "font.size": 10,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "report",
    "text.parse_math": False,
}
WIDTH, ROW, LEGEND = 4.6, 0.42, 0.3
"""Inches. A picture of this width can be read on a phone without being enlarged."""
BAR = 0.4
"""The height of a bar, as a share of its row; its name and label stand above it."""


def svg(plot: Plot, *, dark: bool = False) -> str:
    """The plot as an SVG file. The same plot gives the same bytes."""
    file = StringIO()
    with mpl.rc_context({**STYLE, **(DARK if dark else LIGHT)}):
        figure(plot).savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def figure(plot: Plot) -> Figure:
    """The plot in the current style: a row for each bar, all on one scale."""
    legend = LEGEND if plot.parts else 0.0
    rows = max(len(plot.bars), 1)
    height = ROW * rows + legend
    drawn = Figure(figsize=(WIDTH, height))
    axes = drawn.add_axes((0.01, 0, 0.98, 1 - legend / height))
    axes.set_axis_off()
    axes.set_xlim(0, max((sum(bar.parts) for bar in plot.bars), default=0) or 1)
    axes.set_ylim(rows, 0)
    for row, bar in enumerate(plot.bars):
        _draw(axes, bar, row)
    if plot.parts:
        marks = [Patch(color=f"C{part}") for part in range(len(plot.parts))]
        drawn.legend(marks, plot.parts, loc="upper left", ncols=len(plot.parts), borderaxespad=0)
    return drawn


def _draw(axes: Axes, bar: Bar, row: int) -> None:
    """Draw a bar below its name (left) and its label (right)."""
    above = axes.get_yaxis_transform()
    axes.text(0, row + 0.45, bar.name, transform=above, ha="left", va="baseline")
    axes.text(1, row + 0.45, bar.label, transform=above, ha="right", va="baseline", alpha=0.75)
    left = 0.0
    for part, width in enumerate(bar.parts):
        axes.barh(row + 0.58, width, height=BAR, left=left, align="edge", color=f"C{part}")
        left += width
