"""What tests of the comparison share: a real one, as short as it can be, and one whose scores are made up."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

from desire_edge.baselines import METHODS
from desire_edge.data import PROTOCOLS, Protocol
from desire_edge.evaluation.comparison.kept import Kept
from desire_edge.evaluation.comparison.parts import json_part
from desire_edge.evaluation.comparison.plan import BEST, COLUMNS, PRIOR, ROWS, Budget, Job, Plan
from desire_edge.evaluation.comparison.runner import Comparison

BUDGET = Budget(
    batches=4,
    search_batches=2,
    search_tasks=3,
    overrides=(
        "extractor.hidden=[32]",
        "extractor.epochs=2",
        "lexicon.max_mb=1",
        'lexicon.sources=["glove-50"]',
        "text.vocabulary=300",
    ),
)
PLAN = Plan(
    protocols=("label-disjoint",),
    methods=("maml", "all-positive"),
    seeds=(0,),
    tasks=5,
    data="sample",
    budget=BUDGET,
    extras=False,
)


def times(folder: Path) -> dict[str, int]:
    """When each file under `folder` was last written."""
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()
    }


def made(folder: Path, plan: Plan, *, stop_after: int | None = None) -> set[str]:
    """Run `plan` in `folder`; the files that were written."""
    before = times(folder)

    def report(_name: str, done: int, _total: int) -> None:
        if done == stop_after:
            raise KeyboardInterrupt

    Comparison(folder, plan).run(report)
    return {name for name, time in times(folder).items() if before.get(name) != time}


def scores(folder: Path) -> dict[str, Any]:
    """The cells of each row that is scored."""
    return {
        path.stem: json.loads(path.read_text())["value"]["cells"] for path in folder.glob("scores/*.json")
    }


# Scores as a finished comparison leaves them.

ALL = Plan(protocols=PROTOCOLS, methods=ROWS, seeds=(0, 1), tasks=4)
DEFAULT: dict[Protocol, str] = {"label-disjoint": BEST, "example-disjoint": PRIOR}
SPREAD = (-0.03, 0.01, 0.0, 0.04)


def level(row: str, column: str) -> float:
    """A mean for each row and column; it rises by a point from row to row."""
    place = ROWS.index(row)
    return 0.5 + 0.01 * place + 0.001 * len(column)


def figures(job: Job, column: str) -> dict[str, Any]:
    """A cell whose values differ by row, column and seed; one task of MAML's has no AUC."""
    values = [level(job.method, column) + 0.005 * job.setting.seed + more for more in SPREAD]
    auc: list[float | None] = [*values]
    if job.method == "maml" and job.setting.seed == 1:
        auc[2] = None
    return {
        "micro_auc": auc,
        "macro_auc": [value + 0.02 for value in values],
        "micro_f1": [value - 0.2 for value in values],
        "micro_f1_half": [value - 0.3 for value in values],
        "micro_f1_oracle": [value - 0.1 for value in values],
    }


def fabricate(folder: Path, plan: Plan) -> Kept:
    """A comparison whose parts say what `figures` does."""
    kept = Kept(folder, plan)
    for method in plan.methods:
        if method in METHODS and len(METHODS[method].SEARCH) > 1:
            path, settings = kept.search_path(method), kept.search_settings(method)
            json_part(path, settings, lambda: {"chosen": 1, "trials": []})
    if {BEST, PRIOR} <= set(plan.methods):
        for protocol, recipe in DEFAULT.items():
            choice = {"chosen": recipe, "micro_auc": {BEST: 0.7, PRIOR: 0.8}}
            json_part(kept.default_path(protocol), kept.default_settings(protocol), partial(dict, choice))
    for job in kept.plan.jobs():
        json_part(kept.scores_path(job), kept.scores_settings(job), partial(part, job, plan))
    return kept


def part(job: Job, plan: Plan) -> dict[str, Any]:
    """What `Comparison.scores` keeps of a job."""
    columns = [f"{protocol} {n}w{k}s" for protocol in job.protocols for n, k in COLUMNS]
    return {
        "train_seconds": 3.0,
        "score_seconds": 1.0,
        "overrides": {"of": job.method},
        "cells": {
            column: {"labels": 100, "by_step": [0.5, 0.6], **figures(job, column)} for column in columns
        },
        "curve": {"0": 0.5, "1": 0.6} if job.setting.seed == plan.seeds[0] else {},
    }
