"""A plot as SVG, readable at any width, in light and dark.

Owns: how bars are drawn. Colours and type come from the page: the SVG has classes, and a style of its own
where it stands alone, with a legend. Must not know: what is plotted.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from bench.report.document import Bar, Plot

WIDTH, ROW, BAR, TOP = 640, 46, 16, 8
LETTER = 8.1
"""The width of a letter of a legend, about."""
STYLE = (
    "text{font:14px system-ui,sans-serif;fill:#1a1a1a}.label{fill:#555}"
    ".part0{fill:#2b6cb0}.part1{fill:#8fb8de}.part2{fill:#c9cdd2}"
)


def svg(plot: Plot, *, alone: bool = False) -> str:
    """The plot; *alone* as a file of its own, with its style and legend."""
    legend = 26 if alone and plot.parts else 0
    height = TOP + legend + ROW * len(plot.bars)
    inside = list(_legend(plot.parts)) if legend else []
    most = max((sum(bar.parts) for bar in plot.bars), default=0) or 1
    for row, bar in enumerate(plot.bars):
        inside += _bar(bar, TOP + legend + row * ROW, most)
    styled = f"<style>{STYLE}</style>" if alone else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(plot.caption)}">{styled}{"".join(inside)}</svg>'
    )


def _legend(parts: tuple[str, ...]) -> Iterator[str]:
    x = 0.0
    for index, name in enumerate(parts):
        yield f'<rect class="part{index}" x="{x:.0f}" y="{TOP}" width="12" height="12"/>'
        yield f'<text x="{x + 18:.0f}" y="{TOP + 11}">{escape(name)}</text>'
        x += 36 + LETTER * len(name)


def _bar(bar: Bar, y: int, most: float) -> Iterator[str]:
    """A name with its number above a bar."""
    yield f'<text x="0" y="{y + 15}">{escape(bar.name)}</text>'
    yield f'<text class="label" x="{WIDTH}" y="{y + 15}" text-anchor="end">{escape(bar.label)}</text>'
    x = 0.0
    for index, part in enumerate(bar.parts):
        width = part / most * WIDTH
        yield f'<rect class="part{index}" x="{x:.1f}" y="{y + 21}" width="{width:.1f}" height="{BAR}"/>'
        x += width
