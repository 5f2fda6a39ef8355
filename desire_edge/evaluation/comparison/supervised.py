"""The supervised reference's row."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from desire_edge.baselines import SupervisedReference
from desire_edge.data import EpisodeSampler, protocol_rows
from desire_edge.evaluation.comparison.figures import add_scores, figures
from desire_edge.evaluation.comparison.plan import Job, Setting
from desire_edge.evaluation.comparison.shared import SharedData
from desire_edge.metrics import micro_auc
from desire_edge.training.scoring import TaskScores


def choose_supervised(shared: SharedData, setting: Setting) -> dict[str, Any]:
    """The learner that does best on the validation labels of `setting`: its kind and options."""
    data = shared.prepared(setting)
    labels = data.split.validation
    rows = protocol_rows(data.dataset, setting.protocol, hold_out=True, seed=setting.seed)
    sampler = shared.sampler(setting, setting.protocol, 5, 1, novel=False)
    rng = np.random.default_rng(1)
    episodes = [sampler.sample(rng) for _ in range(shared.plan.budget.search_tasks)]
    column = {int(label): index for index, label in enumerate(labels)}

    def auc(scores: Any) -> float:
        figures = [
            micro_auc(
                data.dataset.targets[np.ix_(e.query, e.labels)],
                scores[np.searchsorted(rows.query, e.query)][:, [column[int(n)] for n in e.labels]],
            )
            for e in episodes
        ]
        return float(np.nanmean(figures))

    targets, others = (data.dataset.targets[np.ix_(rows.train, those)] for those in (labels, data.split.base))
    best = SupervisedReference.choose(
        data.x[rows.train], targets, data.x[rows.query], auc, others=others, seed=setting.seed
    )
    return {"kind": best.kind, "options": best.options, "divide_priors": best.divide_priors}


def supervised_figures(shared: SharedData, job: Job, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """A learner that sees every training example of novel and base labels: `chosen` on the validation labels."""
    data = shared.prepared(job.setting)
    rows, split = data.rows.train, data.split
    targets, others = (data.dataset.targets[np.ix_(rows, those)] for those in (split.novel, split.base))
    started = time.perf_counter()
    reference = SupervisedReference(
        chosen["kind"], chosen["options"], divide_priors=chosen["divide_priors"], seed=job.setting.seed
    ).fit(data.x[rows], targets, others)
    all_scores = reference.scores(data.x)
    seconds = time.perf_counter() - started
    columns = {int(label): index for index, label in enumerate(split.novel)}

    def score(sampler: EpisodeSampler, tasks: int, rng: np.random.Generator) -> TaskScores:
        scores = TaskScores([], [], [], [], [], [])
        for _ in range(tasks):
            episode = sampler.sample(rng)
            found = all_scores[episode.query][:, [columns[int(label)] for label in episode.labels]]
            truth = data.dataset.targets[np.ix_(episode.query, episode.labels)]
            add_scores(scores, truth, found)
        return scores

    return {"train_seconds": seconds, "overrides": dict(chosen), **figures(shared, job, score)}
