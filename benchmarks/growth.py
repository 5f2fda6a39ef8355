"""How the cost of adapting grows: `python benchmarks/growth.py` writes results/growth.json and docs/adapt-cost.png.

Time against examples, labels, base labels and steps, one thread, around 10 examples, 10 labels, 600 base labels and 5
steps; beside it what the counted multiply-adds (`counts`) would take at the FMA peak of the machine, and for the base
labels what training on the weights as they stand takes.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import torch
from counts import dense_multiply_adds, multiply_adds
from machine import measured_limits
from native import ROOT, native_times
from peers.ours import Ours
from peers.torch_manual import TorchManual
from problem import DIMENSION, HIDDEN, random_problem
from record import write_result
from threadpoolctl import threadpool_limits
from timing import Timing, interleaved, without_overrides

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter

from desire_edge.evaluation.comparison.canvas import BLUE, VERMILLION

PICTURE = ROOT / "docs" / "adapt-cost.png"
DENSE = "torch, gradients by hand, on w_i [B, d]"


@dataclass(frozen=True)
class Size:
    """One task: S examples, N labels, B base labels, T steps."""

    S: int = 10
    N: int = 10
    B: int = 600
    T: int = 5

    @property
    def multiply_adds(self) -> float:
        """Of the low-rank form."""
        return multiply_adds(self.S, self.N, DIMENSION, HIDDEN, self.T)

    @property
    def dense_multiply_adds(self) -> float:
        """Of SGD on the weights as they stand."""
        return dense_multiply_adds(self.S, self.N, DIMENSION, HIDDEN, self.B, self.T)


SWEEPS = {
    "S": ("examples S", (1, 2, 5, 10, 20, 40, 80, 160, 320)),
    "N": ("labels N", (1, 2, 5, 10, 20, 40, 80)),
    "B": ("base labels B", (300, 600, 1500, 3000, 6000, 12000)),
    "T": ("steps T", (0, 1, 2, 4, 8, 16, 32)),
}


def main() -> None:
    """Measure, draw, and write the result."""
    without_overrides()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=30, help="turns that each size gets")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        peak = measured_limits(native_times(arguments.repeats)).multiply_adds_per_second
        found = {field: sweep(field, arguments.repeats) for field in SWEEPS}
    rows = [
        {"size": vars(size), "contender": name, "multiply_adds": count, **timing.to_json()}
        for points in found.values()
        for size, name, count, timing in points
    ]
    draw(found, peak, PICTURE)
    ours = [timing.median for _, name, _, timing in found["B"] if name == Ours.name]
    metrics = {"largest_over_smallest_b": max(ours) / min(ours)}
    print(write_result("growth", metrics, fma_peak_multiply_adds_per_second=peak, points=rows))


Point = tuple[Size, str, float, Timing]


def sweep(field: str, rounds: int) -> list[Point]:
    """All sizes of one sweep, taking turns: ours, and where base labels grow the dense form too."""
    calls, points = {}, []
    for value in SWEEPS[field][1]:
        size = replace(Size(), **{field: value})
        problem = random_problem(size.S, size.N, size.B, T=size.T)
        points.append((size, Ours.name, size.multiply_adds))
        calls[f"{Ours.name} {value}"] = Ours(problem).seconds
        if field == "B":
            points.append((size, TorchManual.name, size.dense_multiply_adds))
            calls[f"{TorchManual.name} {value}"] = TorchManual(problem).seconds
    timings = interleaved(calls, rounds)
    return [(*point, timings[f"{point[1]} {getattr(point[0], field)}"]) for point in points]


def draw(found: dict[str, list[Point]], peak: float, path: Path) -> None:
    """A panel a sweep."""
    figure, panels = plt.subplots(2, 2, figsize=(10, 7.2), layout="constrained")
    for (field, points), axes in zip(found.items(), panels.flat, strict=True):
        draw_sweep(axes, field, points, peak)
    panels[0, 0].legend(frameon=False)
    panels[1, 0].legend(frameon=False)
    figure.suptitle(
        f"One adaptation, one thread, d = h = {DIMENSION}; where not said, "
        f"S = {Size().S}, N = {Size().N}, B = {Size().B}, T = {Size().T}"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)


def draw_sweep(axes: Axes, field: str, points: list[Point], peak: float) -> None:
    """Medians over one size, and the counted multiply-adds at the peak as a line."""
    styles: dict[str, dict[str, Any]] = {
        Ours.name: {"label": "ours", "color": BLUE},
        TorchManual.name: {"label": DENSE, "color": VERMILLION},
    }
    for name, style in styles.items():
        mine = [point for point in points if point[1] == name]
        if not mine:
            continue
        x = [getattr(size, field) for size, _, _, _ in mine]
        axes.plot(x, [1e3 * timing.median for _, _, _, timing in mine], "o", **style)
        counted = [1e3 * count / peak for _, _, count, _ in mine]
        axes.plot(x, counted, "-", color=style["color"], alpha=0.5, label="its multiply-adds at the FMA peak")
    if field == "T":
        axes.set_ylim(bottom=0)
    else:
        axes.set_xscale("log")
        axes.set_yscale("log")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(SWEEPS[field][0])
    axes.set_ylabel("ms")
    axes.grid(alpha=0.3)


if __name__ == "__main__":
    main()
