"""The rows of what a user would write in scikit-learn, on the data of the recipe `prior`'s run."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from desire_edge.baselines import PlainData
from desire_edge.baselines import Setting as Tuned
from desire_edge.data import EpisodeSampler
from desire_edge.evaluation.comparison.figures import CURVE_SHOTS, CURVE_WAYS, add_scores, figures, has_curve
from desire_edge.evaluation.comparison.plan import COLUMNS, PLAIN_ROWS, Job, Plan, Setting
from desire_edge.evaluation.comparison.shared import SharedData
from desire_edge.evaluation.tuning import chosen_settings, tuning_tasks
from desire_edge.training.run import Run
from desire_edge.training.scoring import TaskScores


def tune_plain(run: Run, plan: Plan, setting: Setting) -> None:
    """Choose the settings of all of them on the validation labels, for tasks of every size; kept in the run's folder.

    They share a file, and much of the work.
    """
    curve = [(CURVE_WAYS, shots) for shots in CURVE_SHOTS if shots] if has_curve(plan, setting) else []
    for ways, shots in dict.fromkeys([*COLUMNS, *curve]):
        tuned(run, plan, ways, shots)


def tuned(run: Run, plan: Plan, ways: int, shots: int) -> Mapping[str, Tuned]:
    """What `tune_plain` chose for tasks of a size, by the baseline's name."""
    return chosen_settings(
        run, ways, shots, tasks=tuning_tasks(plan.tasks, ways), baselines=tuple(PLAIN_ROWS.values())
    )


def plain_figures(shared: SharedData, job: Job, run: Run) -> dict[str, Any]:
    """A baseline fitted to each task's support; a user says yes where it gives a probability of one half."""
    started = time.perf_counter()
    data = PlainData.of(run.data, run.lexicon, run.data.rows.train)
    baseline, targets = PLAIN_ROWS[job.method], run.data.dataset.targets
    seconds = time.perf_counter() - started
    chosen: dict[str, Tuned] = {}

    def score(sampler: EpisodeSampler, tasks: int, rng: np.random.Generator) -> TaskScores:
        setting = tuned(run, shared.plan, sampler.ways, sampler.shots)[baseline.NAME]
        chosen[f"{sampler.ways}w{sampler.shots}s"] = setting
        scores = TaskScores([], [], [], [], [], [])
        with threadpool_limits(1):
            for _ in range(tasks):
                episode = sampler.sample(rng)
                found = baseline.scores(data.task(episode), setting)
                truth = targets[np.ix_(episode.query, episode.labels)]
                add_scores(scores, truth, found, baseline.DECISION)
        return scores

    found = figures(shared, job, score)
    return {"train_seconds": seconds, "overrides": {job.setting.name: chosen}, **found}
