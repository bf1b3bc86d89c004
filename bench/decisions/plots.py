"""Results as pictures.

Owns: three plots, each as PNG and SVG. Must not know: how anything was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.decisions.parts import Parts
from bench.decisions.race import REPLAY, Result
from bench.decisions.results import OPPONENT, Report, cost_us, ratio
from bench.decisions.subjects import BASELINE_NATIVE, NET_NATIVE

COLOURS = {"net": "#0b6e99", NET_NATIVE: "#3b8f6a", "baseline": "#c4551c", BASELINE_NATIVE: "#9a5fa5", "baseline heap": "#e0a458", REPLAY: "#8a8a8a"}  # fmt: skip
SHADES = ("#0b6e99", "#6ba8c4", "#3b8f6a", "#8cc3a6", "#c4551c", "#e0a458", "#9a5fa5", "#c9a8d0", "#6e6e6e", "#b5b5b5")  # fmt: skip
NET = "net, compiled"
NAMES = {"net": NET, NET_NATIVE: "net, machine code", "baseline": "by hand", BASELINE_NATIVE: "by hand, machine code", "baseline heap": "by hand, binary heaps", REPLAY: "driver alone"}  # fmt: skip
MARKERS = {BASELINE_NATIVE: "D", "baseline heap": "D", "net": "o", NET_NATIVE: "o"}
LABEL_OFFSETS = {"net": (0, 6), NET_NATIVE: (17, -3)}
"""Where the numbers of these stand, in points from their marks."""
GOAL, FLOOR = 1.15, 0.95
STYLE: Any = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "bench",
}


def draw(report: Report, folder: Path) -> list[Path]:
    """Draw all plots for which there are results; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    races = report.grid
    files: list[Path] = []
    with mpl.rc_context(STYLE):
        if len(growing(races)) > 1:
            files += _saved(_growth(growing(races)), report, folder / "cost-by-targets")
        if any(ratio(result, "net") is not None for result in races):
            files += _saved(_ratios(races), report, folder / "ratio-to-baseline")
        if report.parts:
            files += _saved(_parts(report.parts), report, folder / "time-by-part")
    return files


def growing(races: Sequence[Result]) -> list[Result]:
    """The points that differ from the first one only in the number of targets."""
    if not races:
        return []
    first = races[0].point
    same = (first.domains, first.proxies, first.kind)
    found = [r for r in races if (r.point.domains, r.point.proxies, r.point.kind) == same]
    return sorted(found, key=lambda result: result.point)


def _saved(figure: Figure, report: Report, path: Path) -> list[Path]:
    figure.supxlabel(str(report.machine), fontsize=7, color="#666666")
    files = [path.with_suffix(f".{kind}") for kind in ("png", "svg")]
    for file in files:
        metadata = {"Date": None} if file.suffix == ".svg" else {}
        figure.savefig(file, dpi=150, metadata=metadata)
    return files


def _axes(title: str, width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title)
    return figure, axes


def _growth(races: Sequence[Result]) -> Figure:
    point = races[0].point
    figure, axes = _axes(
        f"What a decision costs, {point.domains:,} domains and {point.proxies:,} proxies", 8.5, 4.5
    )
    targets = [result.point.targets for result in races]
    for name in races[0].runs:
        costs = [cost_us(result, name) for result in races]
        colour = COLOURS[name]
        medians = [cost.median for cost in costs]
        axes.fill_between(
            targets,
            [cost.low for cost in costs],
            [cost.high for cost in costs],
            color=colour,
            alpha=0.2,
            linewidth=0,
        )
        axes.plot(targets, medians, "o-", color=colour, label=NAMES[name])
        if name in {"baseline heap", BASELINE_NATIVE}:
            continue  # their numbers would be in the way of that of the other queue
        axes.annotate(
            f"{medians[-1]:.1f}",
            (targets[-1], medians[-1]),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            color=colour,
        )
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("targets that wait")
    axes.set_ylabel("CPU for a decision (µs), median and quartiles")
    axes.grid(axis="y", alpha=0.3)
    figure.legend(loc="outside right upper", fontsize=9)
    return figure


def _ratios(races: Sequence[Result]) -> Figure:
    shown = [result for result in races if ratio(result, "net") is not None][::-1]
    figure, axes = _axes(
        "Decisions a second, in those of the scheduler by hand", 8.5, 0.9 + 0.34 * len(shown)
    )
    for name, marker in MARKERS.items():
        if name not in shown[0].runs:
            continue
        found = [ratio(result, name) or 0.0 for result in shown]
        axes.plot(
            found, range(len(shown)), marker, color=COLOURS[name], label=NAMES[name], markersize=7
        )
        for row, value in enumerate(found if name in LABEL_OFFSETS else ()):
            axes.annotate(
                f"{value:.2f}",
                (value, row),
                xytext=LABEL_OFFSETS[name],
                textcoords="offset points",
                ha="center",
                fontsize=8,
                color=COLOURS[name],
            )
    axes.axvline(1, color=COLOURS[OPPONENT], label=NAMES[OPPONENT])
    axes.axvline(
        GOAL, color="#666666", linestyle=":", linewidth=1, label=f"goal for the median, {GOAL}"
    )
    axes.axvline(
        FLOOR, color="#666666", linestyle="--", linewidth=1, label=f"goal for the least, {FLOOR}"
    )
    axes.set_yticks(range(len(shown)), [str(result.point) for result in shown], fontsize=8)
    axes.set_xlim(left=0)
    axes.set_ylim(-0.6, len(shown) - 0.3)
    axes.set_xlabel("rate in rates of the scheduler by hand (more is faster)")
    axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside upper center", ncols=4, fontsize=8)
    return figure


def _parts(found: Sequence[Parts]) -> Figure:
    figure, axes = _axes(
        f"Where a decision's time goes\n{found[0].point}", 9, 1.7 + 0.6 * len(found)
    )
    names = sorted({name for each in found for name in each.us})
    for row, each in enumerate(reversed(found)):
        left = 0.0
        for number, name in enumerate(names):
            width = each.us.get(name, 0.0)
            axes.barh(
                row,
                width,
                left=left,
                height=0.6,
                color=SHADES[number % len(SHADES)],
                label=name if row == 0 else None,
            )
            if width > sum(each.us.values()) * 0.04:
                axes.text(
                    left + width / 2,
                    row,
                    f"{width:.1f}",
                    ha="center",
                    va="center",
                    color="black",
                    fontsize=8,
                )
            left += width
        axes.text(left, row, f" {left:.1f}", va="center")
    axes.set_yticks(range(len(found)), [NAMES[each.subject] for each in reversed(found)])
    axes.set_xlabel("CPU for a decision (µs), by the call that is under way")
    figure.legend(loc="outside right upper", fontsize=8)
    return figure
