"""The head `prior` on record: `python benchmarks/own.py` writes results/own.json.

Parts (`--part`): `adaptation`, what teaching a task takes in the core; `default`, what the default scalars are worth
where nothing is learned, every corpus left out of their choice in turn; `cells`, ours beside what a user would write,
which also writes the page and the pictures in docs/own. For that it runs what `desire-edge benchmark own --resume`
runs, in `--runs`, and takes the figures from there; corpora that `--corpora` leaves out keep their cells
on record (`--afresh` drops them), and with `--report-only` nothing is measured. `cells_missing` says how
many of the cells asked for are not finished, `cells_asked` and `cells_whole_plan` how many these are and could be.
`maps`, only when asked for, is what meta-learned residuals of W_I and W_Z add to the closed form of finished runs in
`--runs` that were trained with `maps=off`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from parts import adapt_prior, default_scalars, maps
from record import RESULTS, merge_result, rounded
from rich.console import Console

from desire_edge.evaluation.own.kept import OwnKept
from desire_edge.evaluation.own.plan import CORPORA, OwnPlan
from desire_edge.evaluation.own.results import write_results
from desire_edge.evaluation.own.runner import OwnBenchmark
from desire_edge.files import read_json
from desire_edge.training.progress import count_parts

PICTURES = Path(__file__).parent.parent / "docs" / "own"


def record(summary: Mapping[str, Any]) -> Path:
    """Write the part of the result: the named metrics, and the figures of every cell and row."""
    cells = {
        corpus: {
            targets: {
                size: {name: figures for name, figures in cell.items() if name != "seeds"}
                for size, cell in by_size.items()
            }
            for targets, by_size in by_targets.items()
        }
        for corpus, by_targets in summary["cells"].items()
    }
    scope = {f"cells_{name}": count for name, count in summary["scope"].items() if name != "left_out"}
    metrics = {**summary["metrics"], **scope}
    details = {"plan": summary["plan"], "left_out": summary["left_out"], "cells": cells}
    return merge_result("own", "cells", rounded(metrics), rounded(details))


def numbers(given: str) -> tuple[int, ...]:
    """1,2 -> (1, 2)."""
    return tuple(map(int, given.split(",")))


def measure_default(arguments: argparse.Namespace) -> None:
    """Judge the default scalars and write the part, or, without novel labels, show it."""
    novel = not arguments.validation_only
    corpora, seeds = arguments.corpora.split(","), numbers(arguments.seeds)
    found = default_scalars.measure(arguments.runs, corpora, seeds, novel=novel)
    metrics, details = rounded(found.metrics), rounded(found.details)
    if novel:
        print(merge_result("own", "default", metrics, details))
    else:
        print(json.dumps({"metrics": metrics, **details}, indent=2))


def measure_cells(arguments: argparse.Namespace) -> None:
    """Measure what is missing of all cells, and write the part, the page and the pictures."""
    plan = replace(
        OwnPlan(),
        corpora=tuple(arguments.corpora.split(",")),
        seeds=numbers(arguments.seeds),
        ways=numbers(arguments.ways),
        shots=numbers(arguments.shots),
        targets=tuple(arguments.targets.split(",")),
        tasks=arguments.tasks,
    )
    if not arguments.report_only:
        benchmark = OwnBenchmark(arguments.runs, plan, remeasure=arguments.remeasure)
        with count_parts(Console(stderr=True)) as report:
            benchmark.run(report, arguments.jobs)
    before = RESULTS / "own.json"
    recorded = None if arguments.afresh or not before.exists() else read_json(before)["parts"].get("cells")
    print(record(write_results(OwnKept(arguments.runs, plan), recorded)))
    PICTURES.mkdir(parents=True, exist_ok=True)
    for file in [arguments.runs / "own.md", *arguments.runs.glob("*.png")]:
        shutil.copyfile(file, PICTURES / file.name)


def main() -> None:
    """Measure what is asked for, or all parts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    plan = OwnPlan()
    parser.add_argument(
        "--part", choices=("adaptation", "default", "cells", "maps"), help="default: the first three"
    )
    parser.add_argument("--runs", type=Path, default=Path("runs/own"), help="where the cells are kept")
    for name, default in (
        ("corpora", tuple(CORPORA)),
        ("seeds", plan.seeds),
        ("ways", plan.ways),
        ("shots", plan.shots),
        ("targets", plan.targets),
    ):
        parser.add_argument(f"--{name}", default=",".join(map(str, default)), help="separated by commas")
    parser.add_argument("--tasks", type=int, default=plan.tasks, help="a cell and seed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="cells made at once")
    parser.add_argument("--remeasure", action="store_true", help="measure ours again")
    parser.add_argument("--afresh", action="store_true", help="leave the cells on record out")
    parser.add_argument("--report-only", action="store_true", help="measure nothing")
    parser.add_argument(
        "--validation-only", action="store_true", help="of the part `default`: leave the novel labels alone"
    )
    arguments = parser.parse_args()
    if arguments.part == "maps":
        with count_parts(Console(stderr=True)) as report:
            seeds, corpora = map(int, arguments.seeds.split(",")), arguments.corpora.split(",")
            found = maps.measure(arguments.runs, corpora, tuple(seeds), arguments.tasks, report)
        print(merge_result("own", "maps", rounded(found.metrics), rounded(found.details)))
        return
    if arguments.part in (None, "adaptation"):
        found = adapt_prior.measure()
        print(merge_result("own", "adaptation", found.metrics, found.details))
    if arguments.part in (None, "default"):
        measure_default(arguments)
    if arguments.part in (None, "cells"):
        measure_cells(arguments)


if __name__ == "__main__":
    main()
