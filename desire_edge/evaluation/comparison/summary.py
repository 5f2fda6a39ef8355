"""From the figures of each task to cells, paired differences and the named metrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from desire_edge.baselines import METHODS
from desire_edge.data import PROTOCOLS
from desire_edge.evaluation.comparison.kept import Kept
from desire_edge.evaluation.comparison.plan import (
    BEST,
    COLUMNS,
    KNOWN,
    PLAIN_ROWS,
    PRIOR,
    SUPERVISED,
    Job,
    column_name,
    columns_of,
)
from desire_edge.metrics import Estimate

FIGURES = ("micro_auc", "macro_auc", "micro_f1", "micro_f1_half", "micro_f1_oracle")
CLAIMS = (
    *((name, other) for name in ("desire-net", BEST, PRIOR) for other in METHODS if other != name),
    (BEST, SUPERVISED),
    *((PRIOR, other) for other in (*PLAIN_ROWS, BEST, SUPERVISED)),
)
"""(row, row it is compared with): differences are taken task by task."""

NAMED = ("desire-net", *PLAIN_ROWS, BEST, PRIOR, SUPERVISED)
"""Rows that the named metrics have under their own names."""
VARIANT = "plain-pretraining"
"""The row that is neither a baseline nor an ablation of the paper's: DESIRE-Net's head on another F."""

Cells = dict[str, dict[str, dict[str, Any]]]
"""Row -> column -> what is said of it, `seeds` first."""
Tasks = dict[tuple[str, str, str], list[float | None]]
"""(row, column, seed) -> the micro AUC of each task, of what was measured here."""


def summarise(kept: Kept) -> dict[str, Any]:
    """The whole comparison as JSON values: `cells`, `differences`, `metrics`, `search`, and the settings chosen.

    `default` says under each protocol which recipe the validation labels chose.

    What is not finished here is taken from the comparison's record, where that has it.
    """
    record, done = kept.record, dict(kept.all_finished())
    recorded: list[Job] = []
    cells: Cells = {}
    tasks: Tasks = {}
    for job in kept.plan.jobs():
        if job in done:
            _add_measured(job, done[job], kept.made_with(job), cells, tasks)
        elif kept.recorded(job):
            recorded.append(job)
            seed = str(job.setting.seed)
            for column in job.columns:
                _seeds(cells, job, column)[seed] = record["cells"][job.row][column]["seeds"][seed]
    for columns in cells.values():
        for cell in columns.values():
            cell["all"] = {
                name: asdict(Estimate.pooled(Estimate(**seed[name]) for seed in cell["seeds"].values()))
                for name in FIGURES
            }
    differences = _differences(cells, tasks, record)
    default = {protocol: choice for protocol in PROTOCOLS if (choice := kept.default(protocol)) is not None}
    settings: dict[str, dict[str, Any]] = {job.row: dict(record["settings"][job.row]) for job in recorded}
    for job, value in done.items():
        settings.setdefault(job.row, {}).update(value.get("overrides", {}))
    return {
        "metrics": metrics(
            cells, differences, {protocol: choice["chosen"] for protocol, choice in default.items()}
        ),
        "cells": cells,
        "differences": differences,
        "default": default,
        "settings": settings,
        "search": {
            method: {**searched, "made_with": kept.search_made_with(method)}
            for method in METHODS
            if (searched := kept.searched(method)) is not None
        },
        "curves": _curves(done.items(), recorded, record),
    }


def _add_measured(job: Job, value: Mapping[str, Any], made_with: str, cells: Cells, tasks: Tasks) -> None:
    seed = str(job.setting.seed)
    for column, cell in value["cells"].items():
        _seeds(cells, job, column)[seed] = {
            "made_with": made_with,
            "labels": cell["labels"],
            "train_seconds": value["train_seconds"],
            "score_seconds": value["score_seconds"],
            **{name: _estimate(cell[name]) for name in FIGURES},
            "micro_auc_by_step": cell["by_step"],
        }
        tasks[job.row, column, seed] = cell["micro_auc"]


def _seeds(cells: Cells, job: Job, column: str) -> dict[str, Any]:
    found: dict[str, Any] = cells.setdefault(job.row, {}).setdefault(column, {"seeds": {}})["seeds"]
    return found


def _differences(cells: Cells, tasks: Tasks, record: Mapping[str, Any]) -> dict[str, Any]:
    """By claim and column: the mean difference over the tasks of the seeds both rows have, task by task.

    Positive where the first row is better. Two rows on record keep the difference on record; of one measured here and
    one on record the tasks do not stand side by side.
    """
    found: dict[str, Any] = {}
    for row, other in CLAIMS:
        name = f"{row} - {other}"
        for column, cell in cells.get(row, {}).items():
            seeds: dict[str, Any] = {}
            for seed in (
                cell["seeds"].keys() & cells.get(other, {}).get(column, {"seeds": {}})["seeds"].keys()
            ):
                ours, theirs = tasks.get((row, column, seed)), tasks.get((other, column, seed))
                if ours is not None and theirs is not None:
                    seeds[seed] = asdict(paired(ours, theirs))
                elif ours is None and theirs is None:
                    recorded = record["differences"].get(name, {}).get(column, {}).get("seeds", {})
                    seeds |= {seed: recorded[seed]} if seed in recorded else {}
            if seeds:
                seeds = {seed: seeds[seed] for seed in sorted(seeds)}
                pooled = Estimate.pooled(Estimate(**estimate) for estimate in seeds.values())
                found.setdefault(name, {})[column] = {**asdict(pooled), "seeds": seeds}
    return found


def _curves(
    done: Iterable[tuple[Job, Mapping[str, Any]]], recorded: Iterable[Job], record: Mapping[str, Any]
) -> dict[str, dict[str, dict[str, float]]]:
    """Micro AUC against shots, by row and protocol; a method that takes no steps has no figure without examples."""
    curves: dict[str, dict[str, dict[str, float]]] = {}
    for job in recorded:
        points = record["curves"].get(job.row, {}).get(job.setting.protocol)
        if points:
            curves.setdefault(job.row, {})[job.setting.protocol] = points
    for job, value in done:
        steps = max(len(cell["by_step"]) for cell in value["cells"].values())
        points = {shots: auc for shots, auc in value["curve"].items() if steps > 1 or shots != "0"}
        if points:
            curves.setdefault(job.row, {})[job.setting.protocol] = points
    return curves


def paired(ours: Iterable[float | None], theirs: Iterable[float | None]) -> Estimate:
    """The mean difference over the tasks that both have a figure of, with its interval."""
    return Estimate.of([a - b for a, b in zip(ours, theirs, strict=True) if a is not None and b is not None])


def metrics(
    cells: Mapping[str, Any], differences: Mapping[str, Any], default: Mapping[str, str] | None = None
) -> dict[str, float]:
    """The numbers that have names, in fractions of 1; those whose cells are not there yet are left out.

    Names without a row's are of the recipe that is the `default` under a protocol: of `best` where none is chosen.
    """
    found: dict[str, float] = {}

    def mean(row: str, column: str, figure: str) -> float | None:
        cell = cells.get(row, {}).get(column)
        return None if cell is None else float(cell["all"][figure]["mean"])

    def put(name: str, value: float | None) -> None:
        if value is not None:
            found[name] = round(value, 5)

    for ways, shots in COLUMNS:
        short = f"{ways}w{shots}s"
        for protocol in PROTOCOLS:
            prefix, column = protocol.replace("-", "_"), f"{protocol} {short}"
            row = (default or {}).get(protocol, BEST)
            put(f"{prefix}_{short}_micro_auc", mean(row, column, "micro_auc"))
            for named in NAMED:
                infix = named.replace("-", "_")
                put(f"{prefix}_{short}_{infix}_micro_auc", mean(named, column, "micro_auc"))
            for figure in ("micro_f1", "micro_f1_half", "micro_f1_oracle"):
                put(f"{prefix}_{short}_{figure}", mean(row, column, figure))
            put(f"{prefix}_{short}_minus_supervised", _margin(cells, differences, row, SUPERVISED, column))
            for other in (BEST, *PLAIN_ROWS):
                margin = _margin(cells, differences, PRIOR, other, column)
                put(f"{prefix}_{short}_prior_minus_{other.replace('-', '_')}", margin)
        put(f"known_tags_{short}_micro_auc", mean(KNOWN, f"example-disjoint {short}", "micro_auc"))
    for protocol in PROTOCOLS:
        prefix = protocol.replace("-", "_")
        put(f"{prefix}_5w0s_micro_auc", _by_name(cells, (default or {}).get(protocol, BEST), protocol))
        for row in (BEST, PRIOR):
            put(f"{prefix}_5w0s_{row}_micro_auc", _by_name(cells, row, protocol))
    for protocol in ("label-disjoint", "example-disjoint"):
        prefix = protocol.replace("-", "_")
        others = [name for name in METHODS if name not in ("desire-net", VARIANT)]
        put(f"{prefix}_min_margin_over_baselines", _least_margin(differences, protocol, others))
        put(f"{prefix}_min_margin_over_plain_pretraining", _least_margin(differences, protocol, [VARIANT]))
    return found


def _by_name(cells: Mapping[str, Any], row: str, protocol: str) -> float | None:
    """The mean over seeds of a recipe's micro AUC before any example counts, on the 5-way tasks of one."""
    cell = cells.get(row, {}).get(column_name(protocol, 5, 1))
    return (
        None if cell is None else float(np.mean([s["micro_auc_by_step"][0] for s in cell["seeds"].values()]))
    )


def _margin(
    cells: Mapping[str, Any], differences: Mapping[str, Any], row: str, other: str, column: str
) -> float | None:
    """The mean difference of two rows over the same tasks.

    Where these do not stand side by side it is that of the means, if both have the same seeds.
    """
    paired = differences.get(f"{row} - {other}", {}).get(column)
    ours, theirs = cells.get(row, {}).get(column), cells.get(other, {}).get(column)
    if ours is None or theirs is None or ours["seeds"].keys() != theirs["seeds"].keys():
        return None if paired is None else float(paired["mean"])
    if paired is not None and paired["seeds"].keys() == ours["seeds"].keys():
        return float(paired["mean"])
    return float(ours["all"]["micro_auc"]["mean"] - theirs["all"]["micro_auc"]["mean"])


def _least_margin(differences: Mapping[str, Any], protocol: str, others: Iterable[str]) -> float | None:
    """The least mean margin of DESIRE-Net over any of the others in any column; None until all are there."""
    wanted = [(f"desire-net - {name}", column) for name in others for column in columns_of(protocol)]
    margins = [differences.get(name, {}).get(column, {}).get("mean") for name, column in wanted]
    return None if None in margins else min(margins)


def _estimate(values: Iterable[float | None]) -> dict[str, Any]:
    return asdict(Estimate.of([np.nan if value is None else value for value in values]))
