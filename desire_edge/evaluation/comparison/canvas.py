"""What every picture is drawn on and with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from desire_edge.files import atomic_path

# Okabe and Ito's palette, which colour-blind readers tell apart.
ORANGE, SKY, GREEN, BLUE = "#E69F00", "#56B4E9", "#009E73", "#0072B2"
VERMILLION, PURPLE, GREY, BLACK = "#D55E00", "#CC79A7", "#8C8C8C", "#222222"


def new_figure(
    panels: int, size: tuple[float, float] = (10, 5), widths: Sequence[float] | None = None
) -> tuple[Figure, list[Axes]]:
    """A figure of `panels` side by side that share their y axis; `size` in inches, `widths` in proportion."""
    figure = Figure(size, dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = list(figure.subplots(1, panels, squeeze=False, sharey=True, width_ratios=widths)[0])
    for panel in axes:
        panel.grid(color="#E6E6E6", linewidth=0.7)
        panel.set_axisbelow(True)
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(labelsize=9)
    return figure, axes


def draw_line(
    axes: Axes,
    style: tuple[str, str, str],
    x: Sequence[int],
    y: Sequence[float],
    label: str,
    *,
    strong: bool,
) -> None:
    """A row's line, of its colour, line and marker; what the picture is about is drawn strong."""
    colour, line, marker = style
    axes.plot(
        x,
        y,
        color=colour,
        linestyle=line,
        marker=marker,
        linewidth=2.6 if strong else 1.3,
        markersize=6 if strong else 3.5,
        zorder=3 if strong else 2,
        label=label,
    )


def with_legend(figure: Figure, panels: Sequence[Axes], titles: Sequence[str], heading: str) -> Figure:
    """Name what the panels share: the y axis and, each row once in the order of `titles`, the lines."""
    lines = {line.get_label(): line for axes in panels for line in axes.get_lines()}
    names = [name for name in titles if name in lines]
    figure.legend(
        [lines[name] for name in names], names, loc="outside right center", frameon=False, fontsize=9
    )
    panels[0].set_ylabel("micro AUC, %")
    figure.suptitle(heading, fontsize=11)
    return figure


def save_figures(folder: Path, figures: Mapping[str, Figure | None]) -> list[Path]:
    """Write NAME.png into `folder` for each figure that is there; returns the files."""
    written = []
    for name, figure in figures.items():
        if figure is not None:
            path = folder / f"{name}.png"
            with atomic_path(path) as temporary:
                figure.savefig(temporary, format="png")
            written.append(path)
    return written
