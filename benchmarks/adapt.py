"""Adaptation against everything a user could pick instead: `python benchmarks/adapt.py` writes results/adapt.json.

The same work for all, from features, targets and label vectors to the complete folded head; each result is held to
float64 before it is timed; all take turns in one process. One thread, then all.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from counts import dense_multiply_adds, multiply_adds, necessary_bytes
from machine import Limits, measured_limits
from native import native_times
from peers.contender import Contender, UnavailableError
from peers.numpy_lowrank import NumpyLowrank
from peers.ort_training import OrtTraining
from peers.ours import Ours, OursLabelsKept
from peers.ours_in_c import OursInC, empty_call_seconds
from peers.torch_compiled import TorchCompiled
from peers.torch_eager import TorchEager
from peers.torch_manual import TorchManual, TorchManualProduct, TorchManualUnfolded
from problem import DIMENSION, HIDDEN, STEPS, TOLERANCE, Problem, random_problem, relative_error
from record import write_result
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits
from timing import Timing, interleaved, without_overrides

SHAPES = ((5, 5), (25, 5), (10, 10), (50, 10), (160, 32))
PEAK_SHAPES = ((5, 5), (50, 10))
BASE_LABELS = (600, 6000)
CONTENDERS: tuple[type[Contender], ...] = (
    Ours,
    OursInC,
    OursLabelsKept,
    NumpyLowrank,
    TorchEager,
    TorchManual,
    TorchManualProduct,
    TorchManualUnfolded,
    TorchCompiled,
    OrtTraining,
)
SPEEDUPS = {
    "speedup_torch_eager_5x5": TorchEager.name,
    "speedup_torch_manual_5x5": TorchManual.name,
    "speedup_ort_training_5x5": OrtTraining.name,
    "speedup_numpy_5x5": NumpyLowrank.name,
}


@dataclass(frozen=True)
class Cell:
    """What one contender took for one problem on so many threads, and how far it was from float64."""

    contender: str
    S: int
    N: int
    B: int
    threads: int
    timing: Timing
    error: float

    def to_json(self, ours: Timing, limits: Limits) -> dict[str, Any]:
        """As JSON values, beside what the machine could do."""
        lowrank = multiply_adds(self.S, self.N, DIMENSION, HIDDEN, STEPS)
        bytes_moved = necessary_bytes(self.N, DIMENSION, HIDDEN)
        return {
            "contender": self.contender,
            "shape": f"{self.S}x{self.N}",
            "base_labels": self.B,
            "threads": self.threads,
            **self.timing.to_json(),
            "times_ours": round(self.timing.median / ours.median, 3),
            "error": self.error,
            "multiply_adds": round(lowrank),
            "dense_multiply_adds": round(
                dense_multiply_adds(self.S, self.N, DIMENSION, HIDDEN, self.B, STEPS)
            ),
            "of_fma_peak": round(lowrank / self.timing.median / limits.multiply_adds_per_second, 4),
            "of_bandwidth": round(bytes_moved / self.timing.median / limits.bytes_per_second, 4),
        }


def main() -> None:
    """Measure, and write the result."""
    without_overrides()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON in place of the table")
    parser.add_argument("--shapes", type=_shapes, default=SHAPES, help="examples x labels: 5x5,50x10")
    parser.add_argument("--repeats", type=int, default=30, help="turns that each contender gets")
    arguments = parser.parse_args()
    native = native_times(arguments.repeats)
    cells: list[Cell] = []
    skipped: dict[str, str] = {}
    with on_threads(1):
        limits = measured_limits(native)
    for threads in sorted({1, os.cpu_count() or 1}):
        with on_threads(threads):
            for S, N in arguments.shapes:
                cells += measure(S, N, threads, arguments.repeats, skipped)
    rows = [cell.to_json(_ours(cells, cell), limits) for cell in cells]
    details: dict[str, Any] = {
        "limits_of_one_core": limits.to_json(),
        "native": native,
        "work": {contender.name: contender.work for contender in CONTENDERS},
        "skipped": skipped,
    }
    figures = metrics(cells) | native_metrics(native)
    path = write_result("adapt", figures, cells=rows, **details)
    if arguments.json:
        print(path.read_text(encoding="utf-8"), end="")
    else:
        show(rows, skipped)
        print(json.dumps(figures, indent=2))


def measure(S: int, N: int, threads: int, rounds: int, skipped: dict[str, str]) -> list[Cell]:
    """All contenders on the problems of one shape, taking turns; both numbers of base labels in the same turns."""
    torch.compiler.reset()
    contenders: dict[tuple[str, int], Contender] = {}
    errors = {}
    try:
        for B in BASE_LABELS:
            problem = random_problem(S, N, B)
            for kind in CONTENDERS:
                given = problem.with_one_step_size() if kind is OrtTraining else problem
                try:
                    contender = kind(given)
                except UnavailableError as error:
                    skipped[kind.name] = str(error)
                    continue
                contenders[kind.name, B] = contender
                errors[kind.name, B] = checked_error(contender, given)
        calls = {f"{name} {B}": contender.seconds for (name, B), contender in contenders.items()}
        timings = interleaved(calls, rounds)
        return [
            Cell(name, S, N, B, threads, timings[f"{name} {B}"], errors[name, B]) for name, B in contenders
        ]
    finally:
        for contender in contenders.values():
            contender.close()


def checked_error(contender: Contender, problem: Problem) -> float:
    """The contender's error on fresh rows; a program that times wrong results ends here."""
    reference = TorchEager(problem.astype(np.float64))
    reference.seconds()
    contender.seconds()
    error = relative_error(contender.logits(), reference.logits())
    if not error <= TOLERANCE:
        raise SystemExit(f"{contender.name} is off by {error:.1e}: its time would say nothing")
    return error


def metrics(cells: Sequence[Cell]) -> dict[str, float]:
    """What the goals name, from medians on one thread at the smaller number of base labels, as far as measured."""
    found = {(cell.contender, cell.S, cell.N, cell.B): cell.timing for cell in cells if cell.threads == 1}
    small, large = BASE_LABELS
    values: dict[str, float] = {}
    ours = found.get((Ours.name, 5, 5, small))
    if ours is not None:
        for metric, peer in SPEEDUPS.items():
            if (peer, 5, 5, small) in found:
                values[metric] = found[peer, 5, 5, small].median / ours.median
        values["adapt_us_5x5"] = ours.median * 1e6
        values["b_independence"] = found[Ours.name, 5, 5, large].median / ours.median
        in_c = found[OursInC.name, 5, 5, small].median - empty_call_seconds()
        values["python_overhead_us"] = (ours.median - in_c) * 1e6
    return {name: round(value, 4) for name, value in values.items()}


def native_metrics(native: dict[str, Any]) -> dict[str, float]:
    """What the goals name of the core without Python: labels and adaptation over the peak of the same turns, and many.

    The count is that of the smallest algorithm (`counts`), not the program's own.
    """
    values = {}
    for shape in native["shapes"]:
        S, N = shape["examples"], shape["labels"]
        if (S, N) in PEAK_SHAPES:
            count = multiply_adds(S, N, DIMENSION, HIDDEN, STEPS)
            rate = count / shape["labels_and_adapt_s"]["median"]
            values[f"peak_fraction_{S}x{N}"] = rate / shape["peak_multiply_adds_per_s"]["median"]
    many = native["adapt_many"]
    values["adapt_many_tasks_per_second_core"] = many["one_thread_tasks_per_s"]["median"]
    values["adapt_many_speedup_2_cores"] = many["speedup"]["median"]
    return {name: round(value, 4) for name, value in values.items()}


def show(cells: Sequence[dict[str, Any]], skipped: dict[str, str]) -> None:
    """The table of all cells."""
    table = Table(title="Adaptation: medians (minima), error against float64")
    for column in ("S×N", "B", "on", "contender", "µs", "(least)", "× ours", "error", "peak"):
        left = column == "contender"
        table.add_column(column, justify="left" if left else "right", no_wrap=True)
    for cell in cells:
        table.add_row(
            cell["shape"],
            str(cell["base_labels"]),
            str(cell["threads"]),
            cell["contender"],
            f"{cell['median_us']:.0f}",
            f"{cell['minimum_us']:.0f}",
            f"{cell['times_ours']:.2f}",
            f"{cell['error']:.0e}",
            f"{cell['of_fma_peak']:.0%}",
            end_section=cell["contender"] == CONTENDERS[-1].name,
        )
    console = Console(width=110)
    console.print(table)
    for name, reason in skipped.items():
        console.print(f"{name} was skipped: {reason}")


@contextmanager
def on_threads(threads: int) -> Iterator[None]:
    """Torch and numpy's BLAS on so many threads; ONNX Runtime's process asks torch."""
    torch.set_num_threads(threads)
    with threadpool_limits(threads):
        yield


def _ours(cells: Sequence[Cell], like: Cell) -> Timing:
    where = (like.S, like.N, like.B, like.threads)
    return next(
        cell.timing
        for cell in cells
        if cell.contender == Ours.name and (cell.S, cell.N, cell.B, cell.threads) == where
    )


def _shapes(text: str) -> tuple[tuple[int, int], ...]:
    try:
        shapes = tuple((int(S), int(N)) for S, N in (shape.split("x") for shape in text.split(",")))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not like 5x5,50x10") from None
    return shapes


if __name__ == "__main__":
    main()
