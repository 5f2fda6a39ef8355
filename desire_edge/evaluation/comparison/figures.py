"""What is measured of a row: the figures of each task, column by column, and the curve against shots."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desire_edge.data import EpisodeSampler
from desire_edge.evaluation.comparison.plan import COLUMNS, Job, Plan, Setting, column_name
from desire_edge.evaluation.comparison.shared import SharedData
from desire_edge.evaluation.comparison.tasks import tasks_rng
from desire_edge.metrics import best_micro_f1, macro_auc, micro_auc, micro_f1
from desire_edge.training.scoring import TaskScores

CURVE_SHOTS = (0, 1, 2, 5, 10, 20)
CURVE_WAYS, CURVE_TASKS = 5, 200
Score = Callable[[EpisodeSampler, int, np.random.Generator], TaskScores]
"""(sampler, number of tasks, generator) -> the figures of each task."""


def figures(shared: SharedData, job: Job, score: Score) -> dict[str, Any]:
    """What is kept of a job: by column the figures of each task, and the curve."""
    started = time.perf_counter()
    cells = {}
    for protocol in job.protocols:
        for ways, shots in COLUMNS:
            sampler = shared.sampler(job.setting, protocol, ways, shots)
            scores = score(sampler, shared.plan.tasks, tasks_rng(ways, shots))
            cells[column_name(protocol, ways, shots)] = {
                "labels": len(sampler.drawn),
                "by_step": [_mean(step) for step in zip(*scores.micro_auc_by_step, strict=True)],
                **{
                    name: _rounded(values)
                    for name, values in asdict(scores).items()
                    if name != "micro_auc_by_step"
                },
            }
    return {
        "cells": cells,
        "score_seconds": time.perf_counter() - started,
        "curve": _curve(shared, job, score),
    }


def add_scores(
    scores: TaskScores,
    truth: NDArray[np.bool_],
    found: NDArray[np.floating],
    decision: float = 0.0,
) -> None:
    """Add a task of a row that takes no steps: scores `found` [Q, N] that say yes from `decision` on."""
    auc = micro_auc(truth, found)
    scores.micro_auc_by_step.append([auc])
    scores.micro_auc.append(auc)
    scores.macro_auc.append(macro_auc(truth, found))
    scores.micro_f1.append(micro_f1(truth, found >= decision))
    scores.micro_f1_half.append(micro_f1(truth, found >= decision))
    scores.micro_f1_oracle.append(best_micro_f1(truth, found))


def _curve(shared: SharedData, job: Job, score: Score) -> dict[str, float]:
    """Mean micro AUC against shots, at the first seed and under the setting's own protocol; 0 is before any step."""
    if not has_curve(shared.plan, job.setting) or job.raw:
        return {}
    points = {}
    for shots in CURVE_SHOTS:
        sampler = shared.sampler(job.setting, job.setting.protocol, CURVE_WAYS, max(1, shots))
        scores = score(sampler, min(shared.plan.tasks, CURVE_TASKS), tasks_rng(CURVE_WAYS, shots))
        values = [steps[0] for steps in scores.micro_auc_by_step] if shots == 0 else scores.micro_auc
        points[str(shots)] = _mean(values)
    return points


def has_curve(plan: Plan, setting: Setting) -> bool:
    """Whether rows of a setting have a curve."""
    return setting.seed == plan.seeds[0] and not setting.sizes


def _mean(values: Iterable[float]) -> float:
    return float(np.nanmean(list(values)))


def _rounded(values: Iterable[float]) -> list[float | None]:
    """Six digits are a hundred times finer than any interval here; null stands for NaN."""
    return [None if np.isnan(value) else round(value, 6) for value in values]
