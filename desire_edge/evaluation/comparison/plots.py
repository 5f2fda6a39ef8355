"""The comparison as pictures: bars by method, lines by shots and by steps, and a map of one inference."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from desire_edge.data import PROTOCOLS
from desire_edge.evaluation.comparison.canvas import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    draw_line,
    new_figure,
    save_figures,
    with_legend,
)
from desire_edge.evaluation.comparison.kept import Kept
from desire_edge.evaluation.comparison.label_map import label_map
from desire_edge.evaluation.comparison.markdown import title
from desire_edge.evaluation.comparison.plan import (
    BEST,
    COLUMNS,
    KNOWN,
    PRIOR,
    PUBLISHED_AUC,
    ROWS,
    SUPERVISED,
    columns_of,
)

COLUMN_COLOURS = ((SKY, BLACK), (BLUE, "white"), (ORANGE, BLACK), (VERMILLION, "white"))
"""Of a column's bars and of the figures on them: the hue says how many ways, the darker one more shots."""
LINES = {
    "pretrained": (GREY, "-", "s"),
    "maml": (GREEN, "-", "o"),
    "reptile": (GREEN, "--", "s"),
    "ataml": (PURPLE, "-", "^"),
    "maml++": (PURPLE, "--", "D"),
    "no-l2": (SKY, "-", "v"),
    "no-pretraining": (SKY, "--", "^"),
    "no-inference": (SKY, ":", "D"),
    "desire-net": (BLUE, "-", "o"),
    "plain-pretraining": (BLUE, "--", "s"),
    "protonet": (ORANGE, "-", "s"),
    "all-positive": (GREY, ":", ""),
    "logistic": (GREY, "--", "o"),
    "logistic-cosine": (GREY, "-.", "D"),
    BEST: (VERMILLION, "-", "o"),
    PRIOR: (BLACK, "-", "o"),
    KNOWN: (VERMILLION, "--", "D"),
    SUPERVISED: (BLACK, ":", ""),
}
"""Colour, line and marker of a row."""
EMPHASISED = ("desire-net", BEST, PRIOR)
SHOTS = ("0", "1", "2", "5", "10", "20")
STEP_COLUMNS, MOST_STEPS = ("5w1s", "5w5s"), 10


def draw(kept: Kept, summary: Mapping[str, Any]) -> list[Path]:
    """Draw what `summary` (of `summarise`) has figures of into the comparison's folder.

    Returns the files written: `bars-PROTOCOL.png`, `shots.png`, `steps.png` and `map.png`, less those whose data are
    not there yet.
    """
    run = kept.finished_run()
    figures = {
        **{f"bars-{protocol}": bars(summary, protocol) for protocol in PROTOCOLS},
        "shots": shots(summary),
        "steps": steps(summary),
        "map": None if run is None else label_map(run),
    }
    return save_figures(kept.folder, figures)


def bars(summary: Mapping[str, Any], protocol: str) -> Figure | None:
    """Micro AUC by row and column under a protocol, with 95 % intervals and what was published."""
    columns = columns_of(protocol)
    ranking = [row for row in ROWS if row != "all-positive"]  # which ranks nothing
    rows = [row for row in ranking if any(column in summary["cells"].get(row, {}) for column in columns)]
    if not rows:
        return None

    def of_all(figure: str) -> NDArray[np.float64]:
        """[columns, rows] in percent, NaN where there is no cell yet."""
        cells = [[summary["cells"][row].get(column) for row in rows] for column in columns]
        values = [[np.nan if cell is None else cell["all"]["micro_auc"][figure] for cell in c] for c in cells]
        return 100 * np.array(values, np.float64)

    means, half_widths = of_all("mean"), of_all("half_width")
    papers = PUBLISHED_AUC if protocol == "label-disjoint" else {}
    published = np.array([papers.get(row, (np.nan,) * len(COLUMNS)) for row in rows]).T
    least, greatest = np.nanmin([means - half_widths, published]), np.nanmax([means, published])
    floor = least - 0.15 * max(1.0, greatest - least)  # leaves the lowest bar room for its figure

    figure, (axes,) = new_figure(1, (max(6.0, 1 + 0.72 * len(rows)), 5))
    width = 0.21
    for index, (ways, shots) in enumerate(COLUMNS):
        x = np.arange(len(rows)) + (index - 1.5) * width
        colour, on_it = COLUMN_COLOURS[index]
        axes.bar(x, means[index] - floor, 0.94 * width, floor, color=colour, label=f"{ways}-way {shots}-shot")
        axes.errorbar(x, means[index], half_widths[index], fmt="none", ecolor=BLACK, elinewidth=1)
        for at, mean in zip(x, means[index], strict=True):
            figures: dict[str, Any] = {"rotation": 90, "ha": "center", "fontsize": 7, "color": on_it}
            if np.isfinite(mean):
                axes.annotate(f"{mean:.1f}", (at, floor), (0.5, 4), textcoords="offset points", **figures)
    if papers:
        x = np.arange(len(rows)) + (np.arange(len(COLUMNS))[:, None] - 1.5) * width
        marks: dict[str, Any] = {"s": 15, "marker": "D", "color": "white", "edgecolor": BLACK}
        axes.scatter(x, published, linewidth=0.9, zorder=3, label="as published", **marks)
    axes.set_xticks(range(len(rows)), [textwrap.fill(title(row), 12) for row in rows], fontsize=8)
    axes.set_xlim(-0.6, len(rows) - 0.4)
    axes.set_ylim(bottom=floor)
    axes.grid(visible=False, axis="x")
    axes.tick_params(axis="x", length=0)
    axes.set_ylabel("micro AUC, %")
    figure.suptitle(f"Tasks over novel labels, {protocol}: mean and 95 % interval", fontsize=11)
    figure.legend(loc="outside lower center", ncols=5, frameon=False, fontsize=9)
    return figure


def shots(summary: Mapping[str, Any]) -> Figure | None:
    """Micro AUC against shots, a line a row, a panel a protocol."""
    curves = summary["curves"]
    protocols = [name for name in PROTOCOLS if any(name in curves.get(row, {}) for row in ROWS)]
    if not protocols:
        return None
    figure, panels = new_figure(len(protocols))
    for axes, protocol in zip(panels, protocols, strict=True):
        for row in ROWS:
            points = curves.get(row, {}).get(protocol, {})
            there = [index for index, number in enumerate(SHOTS) if number in points]
            if there:
                _line(axes, row, there, [points[SHOTS[index]] for index in there])
        axes.set_xticks(range(len(SHOTS)), SHOTS)
        axes.set_xlabel("examples a label (0: before any step)")
        axes.set_title(protocol, fontsize=10)
    return with_legend(
        figure,
        panels,
        [title(row) for row in ROWS],
        "5-way tasks over novel labels, by the number of examples",
    )


def steps(summary: Mapping[str, Any]) -> Figure | None:
    """Micro AUC against inner steps, the mean over seeds, of the rows that take any."""
    for protocol in ("example-disjoint", *PROTOCOLS):
        found = [_by_step(summary, f"{protocol} {column}") for column in STEP_COLUMNS]
        if any(found):
            break
    else:
        return None
    figure, panels = new_figure(len(STEP_COLUMNS))
    for axes, column, lines in zip(panels, ("5-way 1-shot", "5-way 5-shot"), found, strict=True):
        for row, values in lines.items():
            _line(axes, row, range(len(values)), values)
        axes.set_xlim(-0.3, MOST_STEPS + 0.3)
        axes.set_xticks(range(0, MOST_STEPS + 1, 2))
        axes.set_xlabel("inner steps")
        axes.set_title(column, fontsize=10)
    return with_legend(
        figure,
        panels,
        [title(row) for row in ROWS],
        f"Tasks over novel labels, {protocol}, after each inner step",
    )


def _by_step(summary: Mapping[str, Any], column: str) -> dict[str, list[float]]:
    """The mean over seeds after 0, 1, …, `MOST_STEPS` steps, by row that takes them."""
    found: dict[str, list[float]] = {}
    for row in ROWS:
        if row == PRIOR:  # which goes from names to all examples at once
            continue
        seeds = summary["cells"].get(row, {}).get(column, {}).get("seeds", {})
        curves = [seed["micro_auc_by_step"][: MOST_STEPS + 1] for seed in seeds.values()]
        if curves and len(curves[0]) > 1:
            found[row] = np.mean(curves, axis=0).tolist()
    return found


def _line(axes: Axes, row: str, x: Sequence[int], aucs: Sequence[float]) -> None:
    y = (100 * np.asarray(aucs)).tolist()
    draw_line(axes, LINES[row], x, y, title(row), strong=row in EMPHASISED)
