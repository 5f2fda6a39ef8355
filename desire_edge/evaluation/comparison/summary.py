"""From the figures of each task to cells, paired differences and the named metrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from desire_edge.baselines import METHODS
from desire_edge.data import Protocol
from desire_edge.evaluation.comparison.plan import BEST, COLUMNS, KNOWN, SUPERVISED
from desire_edge.evaluation.comparison.runner import Comparison, Job
from desire_edge.metrics import Estimate

FIGURES = ("micro_auc", "macro_auc", "micro_f1", "micro_f1_half", "micro_f1_oracle")
CLAIMS = (
    *((name, other) for name in ("desire-net", BEST) for other in METHODS if other != name),
    (BEST, SUPERVISED),
)
"""(row, row it is compared with): differences are taken task by task."""

Scores = dict[tuple[str, bool, int], dict[str, Any]]
"""By method, whether on raw x, and seed: what `Comparison.scores` gives, over the usual label sizes."""


def finished(comparison: Comparison) -> list[tuple[Job, dict[str, Any]]]:
    """Every job of the plan that is done, and its scores; nothing is trained."""
    return [(job, value) for job in comparison.jobs() if (value := comparison.finished(job)) is not None]


def summarise(comparison: Comparison) -> dict[str, Any]:
    """The whole comparison as JSON values: `cells`, `differences`, `metrics`, `search`, and the settings chosen."""
    done = finished(comparison)
    cells: dict[str, Any] = {}
    tasks: dict[tuple[str, str], dict[int, list[float]]] = {}
    for job, value in done:
        for column, cell in value["cells"].items():
            row = row_name(job)
            into = cells.setdefault(row, {}).setdefault(column, {"seeds": {}})
            into["seeds"][str(job.world.seed)] = {
                "labels": cell["labels"],
                "train_seconds": value["train_seconds"],
                "score_seconds": value["score_seconds"],
                **{name: _estimate(cell[name]) for name in FIGURES},
                "micro_auc_by_step": cell["by_step"],
            }
            tasks.setdefault((row, column), {})[job.world.seed] = cell["micro_auc"]
            pooled = into.setdefault("tasks", {name: [] for name in FIGURES})
            for name in FIGURES:
                pooled[name] += cell[name]
    for columns in cells.values():
        for cell in columns.values():
            cell["all"] = {name: _estimate(values) for name, values in cell.pop("tasks").items()}
    differences = {
        f"{row} - {other}": {
            column: asdict(paired(tasks[row, column], tasks[other, column]))
            for column in cells.get(row, {})
            if tasks[row, column].keys() & tasks.get((other, column), {}).keys()
        }
        for row, other in CLAIMS
    }
    differences = {name: columns for name, columns in differences.items() if columns}
    return {
        "metrics": metrics(cells, differences),
        "cells": cells,
        "differences": differences,
        "settings": {row_name(job): value.get("overrides", {}) for job, value in done},
        "search": {
            method: searched["trials"]
            for method in METHODS
            if (searched := comparison.searched(method)) is not None
        },
        "curves": _curves(done),
    }


def _curves(done: Iterable[tuple[Job, Mapping[str, Any]]]) -> dict[str, dict[str, dict[str, float]]]:
    """Micro AUC against shots, by row and regime; a method that takes no steps has no figure without examples."""
    curves: dict[str, dict[str, dict[str, float]]] = {}
    for job, value in done:
        steps = max(len(cell["by_step"]) for cell in value["cells"].values())
        points = {shots: auc for shots, auc in value["curve"].items() if steps > 1 or shots != "0"}
        if points:
            curves.setdefault(row_name(job), {})[job.world.regime] = points
    return curves


def row_name(job: Job) -> str:
    """A job's row: its method, on raw x, or over SIN's split sizes."""
    return f"{job.method}{' (raw x)' if job.raw else ''}{' (SIN split)' if job.world.sizes else ''}"


def paired(ours: Mapping[int, list[float]], theirs: Mapping[int, list[float]]) -> Estimate:
    """The mean difference over the tasks of the seeds both have, with its interval; positive where ours is better."""
    values: list[float] = []
    for seed in ours.keys() & theirs.keys():
        values += [
            float(a) - float(b) for a, b in zip(ours[seed], theirs[seed], strict=True) if None not in (a, b)
        ]
    return Estimate.of(values)


def metrics(cells: Mapping[str, Any], differences: Mapping[str, Any]) -> dict[str, float]:
    """The numbers that have names, in fractions of 1; those whose cells are not there yet are left out."""
    found: dict[str, float] = {}

    def mean(row: str, column: str, figure: str) -> float | None:
        cell = cells.get(row, {}).get(column)
        return None if cell is None else float(cell["all"][figure]["mean"])

    def put(name: str, value: float | None) -> None:
        if value is not None:
            found[name] = round(value, 5)

    for ways, shots in COLUMNS:
        short = f"{ways}w{shots}s"
        for protocol in ("label-disjoint", "example-disjoint", "streaming"):
            prefix, column = protocol.replace("-", "_"), f"{protocol} {short}"
            for row, infix in ((BEST, ""), ("desire-net", "desire_net_"), (SUPERVISED, "supervised_")):
                put(f"{prefix}_{short}_{infix}micro_auc", mean(row, column, "micro_auc"))
            for figure in ("micro_f1", "micro_f1_half", "micro_f1_oracle"):
                put(f"{prefix}_{short}_{figure}", mean(BEST, column, figure))
            difference = differences.get(f"{BEST} - {SUPERVISED}", {}).get(column)
            put(f"{prefix}_{short}_minus_supervised", None if difference is None else difference["mean"])
        put(f"known_tags_{short}_micro_auc", mean(KNOWN, f"example-disjoint {short}", "micro_auc"))
    put("label_disjoint_min_margin_over_baselines", _least_margin(differences, "label-disjoint"))
    put("example_disjoint_min_margin_over_baselines", _least_margin(differences, "example-disjoint"))
    return found


def _least_margin(differences: Mapping[str, Any], protocol: Protocol) -> float | None:
    """The least mean margin of DESIRE-Net over any other method in any column; None until all are there."""
    wanted = [
        (f"desire-net - {name}", f"{protocol} {n}w{k}s")
        for name in METHODS
        if name != "desire-net"
        for n, k in COLUMNS
    ]
    margins = [differences.get(name, {}).get(column, {}).get("mean") for name, column in wanted]
    return None if None in margins else min(margins)


def _estimate(values: Iterable[float | None]) -> dict[str, Any]:
    return asdict(Estimate.of([np.nan if value is None else value for value in values]))
