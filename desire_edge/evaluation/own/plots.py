"""The benchmark as pictures: AUC against shots for each number of labels, and a map of the margins."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from desire_edge.data import TARGETS
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
from desire_edge.evaluation.own.plan import CORPORA
from desire_edge.evaluation.own.summary import OURS, TITLES, shots_of, ways_of

LINES = {
    OURS: (VERMILLION, "-", "o"),
    "cosine": (GREY, "-", "s"),
    "eszsl": (GREY, "--", "^"),
    "centroid": (SKY, "-", "v"),
    "ridge": (GREEN, "-", "s"),
    "logistic": (BLUE, "-", "o"),
    "logistic_cosine": (BLUE, "--", "D"),
    "logistic_offset": (PURPLE, "-", "^"),
    "logistic_priors": (PURPLE, "--", "s"),
    "tfidf": (ORANGE, "-", "D"),
}
"""Colour, line and marker of a row."""
WIDEST = 5.0  # points of margin at which the map's colours end


def draw(folder: Path, summary: Mapping[str, Any]) -> list[Path]:
    """Draw what `summary` has figures of: `auc-CORPUS.png` and `margins.png`; returns the files written."""
    figures = {
        f"auc-{corpus.replace('/', '-')}": auc_by_shots(corpus, summary["cells"][corpus]["full"])
        for corpus in CORPORA
        if summary["cells"].get(corpus, {}).get("full")
    }
    if summary["cells"]:
        figures["margins"] = margins(summary["cells"])
    return save_figures(folder, figures)


def auc_by_shots(corpus: str, cells: Mapping[str, Any]) -> Figure:
    """Micro AUC against shots, a line a row, a panel a number of labels; a row without shots is a point."""
    ways = sorted({ways_of(size) for size in cells})
    shots = sorted({shots_of(size) for size in cells})
    figure, panels = new_figure(len(ways), (3 + 2.6 * len(ways), 5))
    for axes, number in zip(panels, ways, strict=True):
        for name, style in LINES.items():
            points = [
                (index, 100 * cells[size]["rows"][name]["micro_auc"]["mean"])
                for index, shot in enumerate(shots)
                if name in cells.get(size := f"{number}w{shot}s", {}).get("rows", {})
            ]
            if points:
                x, y = zip(*points, strict=True)
                draw_line(axes, style, x, y, TITLES[name], strong=name == OURS)
        axes.set_xticks(range(len(shots)), [str(shot) for shot in shots])
        axes.set_xlabel("examples a label")
        axes.set_title(f"{number} labels", fontsize=10)
    heading = f"{corpus}: tasks over novel labels, all targets known"
    return with_legend(figure, panels, list(TITLES.values()), heading)


def margins(cells: Mapping[str, Any]) -> Figure:
    """Ours less the best baseline of each cell, a panel a kind of targets: corpus and labels down, shots across."""
    kinds = [kind for kind in TARGETS if any(kind in found for found in cells.values())]
    rows = [
        (corpus, number)
        for corpus in CORPORA
        if corpus in cells
        for number in sorted({ways_of(size) for kind in cells[corpus].values() for size in kind})
    ]
    columns = {
        kind: sorted({shots_of(size) for found in cells.values() for size in found.get(kind, {})})
        for kind in kinds
    }
    widths = [len(columns[kind]) for kind in kinds]
    size = (4.5 + 0.75 * sum(widths), 1.8 + 0.27 * len(rows))
    figure, panels = new_figure(len(kinds), size, widths)
    for axes, kind in zip(panels, kinds, strict=True):
        points = np.full((len(rows), len(columns[kind])), np.nan)
        for y, (corpus, number) in enumerate(rows):
            for x, shot in enumerate(columns[kind]):
                cell = cells[corpus].get(kind, {}).get(f"{number}w{shot}s")
                if cell is not None:
                    points[y, x] = 100 * cell["margin"]
                    mark = f"{points[y, x]:+.1f}{'▼' if cell['below'] else ''}"
                    dark = abs(points[y, x]) > 0.7 * WIDEST
                    colour = "white" if dark else BLACK
                    axes.text(x, y, mark, ha="center", va="center", fontsize=7, color=colour)
        image = axes.imshow(points, cmap="RdBu", vmin=-WIDEST, vmax=WIDEST, aspect="auto")
        axes.grid(visible=False)
        axes.set_xticks(range(len(columns[kind])), [str(shot) for shot in columns[kind]])
        axes.set_xlabel("examples a label")
        axes.set_title(kind, fontsize=10)
    panels[0].set_yticks(range(len(rows)), [f"{corpus}, {number} labels" for corpus, number in rows])
    figure.colorbar(image, ax=panels, shrink=0.6, label="points of micro AUC")
    figure.suptitle("Ours less the best baseline of the cell", fontsize=11)
    return figure
