"""A report's pictures, as SVG that takes the page's colours, light or dark, and its letters."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from desire_edge.evaluation.comparison.canvas import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION

INK, GRID = "#010203", "#040506"  # stand for the page's own colours until the SVG is written
SIZE = (4.8, 3.3)  # inches: readable where the page is as wide as a phone
OURS = VERMILLION
OTHERS = (BLUE, GREEN, PURPLE, ORANGE, SKY, GREY)
MARKERS = "sD^vP*"


def lines(
    cells: Mapping[str, Any],
    names: Sequence[str],
    ticks: Sequence[str],
    label: str,
    first: float | None = None,
) -> str | None:
    """Micro AUC over the cells `names`, ours and each baseline a line with its 95 % intervals.

    Args:
        cells: the measured parts by name; a cell that could not be measured is left out.
        names: those of the cells, along the x axis.
        ticks: what to write under them.
        label: the axis' name.
        first: ours before any step, drawn before the first cell under "0".

    Returns:
        The SVG, or None where nothing was measured.
    """
    curves: dict[str, list[tuple[int, float, float]]] = {}
    titles: dict[str, str] = {}
    for index, name in enumerate(names):
        for row in cells.get(name, {}).get("rows", ()):
            titles[row["name"]] = row["title"]
            if row["micro_auc"]["mean"] is not None:
                point = (index, row["micro_auc"]["mean"], row["micro_auc"]["half_width"] or 0.0)
                curves.setdefault(row["name"], []).append(point)
    if not curves:
        return None
    figure, axes = _axes(SIZE[1] + (0.5 if len(curves) > 1 else 0))
    others = iter(zip(OTHERS * len(curves), MARKERS * len(curves), strict=True))
    for name, points in sorted(curves.items(), key=lambda item: item[0] != "ours"):
        colour, marker = (OURS, "o") if name == "ours" else next(others)
        x, mean, half = (np.array(values) for values in zip(*points, strict=True))
        if name == "ours" and first is not None:
            axes.plot(
                [-1, x[0]], [100 * first, 100 * mean[0]], color=colour, ls=":", lw=1.6, marker="o", ms=4
            )
        style: dict[str, Any] = {"color": colour, "marker": marker, "capsize": 2, "elinewidth": 0.9}
        style |= {"lw": 2.4, "ms": 6, "zorder": 4} if name == "ours" else {"lw": 1.2, "ms": 4, "zorder": 3}
        axes.errorbar(x, 100 * mean, 100 * half, label=_plain(titles[name]), **style)
    axes.set_xticks(range(len(ticks)), ticks)
    if first is not None:
        axes.set_xticks([-1, *range(len(ticks))], ["0", *ticks])
    axes.set_xlabel(label)
    axes.set_ylabel("micro AUC, %")
    if len(curves) > 1:
        figure.legend(loc="outside lower center", frameon=False, fontsize=8.5, labelcolor=INK, ncols=2)
    return _svg(figure, label)


def reliability(found: Mapping[str, Any]) -> str:
    """What came true of each bin of probabilities, and the share of all that is in it."""
    figure = Figure((SIZE[0], SIZE[1] + 0.6), layout="constrained")
    FigureCanvasSVG(figure)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    _dress(above)
    _dress(below)
    above.plot([0, 1], [0, 1], color=GREY, lw=1, ls="--", label="as it should be")
    above.plot(found["probability"], found["frequency"], color=OURS, marker="o", ms=5, lw=2, label="measured")
    above.set_ylabel("came true")
    above.set_ylim(-0.03, 1.03)
    above.legend(frameon=False, fontsize=8, labelcolor=INK)
    shares = 100 * np.array(found["count"]) / sum(found["count"])
    below.bar(found["probability"], shares, width=0.06, color=SKY)
    below.set_ylabel("% of all", fontsize=9)
    below.set_xlabel("probability given")
    below.set_xlim(-0.03, 1.03)
    return _svg(figure, "reliability")


def thresholds(cells: Mapping[str, Any], names: Mapping[str, str]) -> str | None:
    """Micro F1 by threshold: 0.5, learned, and the best for each task; a group of bars a cell, `names` their titles."""
    there = [name for name in names if "micro_f1" in cells.get(name, {})]
    if not there:
        return None
    figure, axes = _axes()
    kinds = (
        ("micro_f1_half", "0.5", SKY),
        ("micro_f1", "learned", OURS),
        ("micro_f1_oracle", "an oracle's", GREY),
    )
    for index, (key, title, colour) in enumerate(kinds):
        x = np.arange(len(there)) + (index - 1) * 0.27
        mean, half = (
            np.array([100 * (cells[name][key][figure] or 0.0) for name in there])
            for figure in ("mean", "half_width")
        )
        axes.bar(x, mean, 0.25, color=colour, label=title)
        axes.errorbar(x, mean, half, fmt="none", ecolor=INK, elinewidth=0.9)
    axes.set_xticks(range(len(there)), [names[name] for name in there])
    axes.grid(visible=False, axis="x")
    axes.set_ylabel("micro F1, %")
    axes.set_ylim(top=axes.get_ylim()[1] * 1.15)
    axes.legend(frameon=False, fontsize=8, labelcolor=INK, ncols=3, loc="upper left", title=None)
    return _svg(figure, "thresholds")


def training(
    history: Sequence[Mapping[str, Any]], stage: str, figure_name: str, ylabel: str, xlabel: str
) -> str | None:
    """A figure of training's record against what was done of its stage; None of fewer than two points."""
    points = [
        (entry["finished"], entry[figure_name])
        for entry in history
        if entry.get("stage") == stage and _numbers(entry.get("finished"), entry.get(figure_name))
    ]
    if len(points) < 2:
        return None
    figure, axes = _axes()
    x, y = zip(*points, strict=True)
    axes.plot(x, y, color=BLUE, lw=1.8, marker="o", ms=3.5)
    if min(y) > 0 and max(y) > 100 * min(y):
        axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    return _svg(figure, f"{stage} {figure_name}")


def sizes(files: Sequence[Mapping[str, Any]]) -> str:
    """What each file of a bundle weighs."""
    figure, axes = _axes(height=0.6 + 0.3 * len(files))
    weights = [file["bytes"] / 1e6 for file in files]
    bars = axes.barh(range(len(files)), weights, color=BLUE)
    axes.bar_label(bars, [_megabytes(weight) for weight in weights], padding=3, fontsize=8, color=INK)
    axes.set_yticks(range(len(files)), [_plain(file["name"]) for file in files])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.margins(x=0.2)
    axes.set_xlabel("MB")
    return _svg(figure, "sizes")


def _megabytes(value: float) -> str:
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}" if value >= 0.01 else f"{value:.4f}"


def _numbers(*values: Any) -> bool:
    return all(
        isinstance(value, int | float) and not isinstance(value, bool) and np.isfinite(value)
        for value in values
    )


def _plain(text: str) -> str:
    """A name that matplotlib takes as it is, not as mathematics."""
    return text.replace("$", r"\$")


def _axes(height: float = SIZE[1]) -> tuple[Figure, Axes]:
    figure = Figure((SIZE[0], height), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.subplots()
    _dress(axes)
    return figure, axes


def _dress(axes: Axes) -> None:
    axes.set_facecolor("none")
    axes.grid(color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[:].set_color(INK)
    axes.tick_params(labelsize=9, colors=INK)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _svg(figure: Figure, name: str) -> str:
    """The figure as an <svg> element: no XML head, ids of its own on the page, letters as letters."""
    content = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(content, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = content.getvalue()[content.getvalue().index("<svg") :]
    prefix = re.sub(r"\W+", "-", name)
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    svg = re.sub(r'(url\(#|href="#)', rf"\g<1>{prefix}-", svg)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg))
    return svg.replace(INK, "currentColor").replace(GRID, "var(--grid)")
