"""A cell measured: our learner on its tasks, and the baselines on the same."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from threadpoolctl import threadpool_limits

from desire_edge.baselines import PlainBaseline, PlainData, Setting
from desire_edge.data import EpisodeSampler, Targets
from desire_edge.evaluation.own.scores import MethodScores, tasks_of_cell
from desire_edge.training.device import one_thread
from desire_edge.training.episodes import EpisodeBatcher
from desire_edge.training.learner import Learner
from desire_edge.training.scoring import Method, adapt


@torch.no_grad()
@one_thread()
def measure_ours(
    learner: Learner | Method,
    batcher: EpisodeBatcher,
    sampler: EpisodeSampler,
    dataset_targets: NDArray[np.bool_],
    kind: Targets,
    tasks: int,
) -> MethodScores:
    """Ours, one task at a time, with each label's learned threshold where the learner has learned any, else 0.5."""
    found = MethodScores()
    for episode, known in tasks_of_cell(sampler, dataset_targets, kind, tasks):
        truth = dataset_targets[np.ix_(episode.query, episode.labels)]
        started = time.process_time()
        batch = batcher.stack([episode])
        if known is not None:
            mask = batch.mask.clone()
            mask[0, : batch.support] = torch.from_numpy(known).to(mask)
            # What is unknown is no more told as a target than as a mask.
            batch = replace(batch, mask=mask, targets=batch.targets * mask)
        _, logits, thresholds = adapt(learner, batch, learner(batch))
        found.seconds += time.process_time() - started
        scores = logits[0, batch.support :].double().cpu().numpy()
        found.add(truth, scores, scores >= thresholds[0].astype(np.float64), expit(scores))
    return found


def measure_plain(
    data: PlainData,
    sampler: EpisodeSampler,
    kind: Targets,
    tasks: int,
    chosen: Mapping[str, Setting],
    baselines: Sequence[PlainBaseline],
) -> dict[str, MethodScores]:
    """Each baseline that has a setting in `chosen`, by name, on one core; yes is said from a probability of 0.5 on."""
    measured = [baseline for baseline in baselines if baseline.NAME in chosen]
    found = {baseline.NAME: MethodScores() for baseline in measured}
    targets = data.dataset.targets
    with threadpool_limits(1):
        for episode, known in tasks_of_cell(sampler, targets, kind, tasks):
            truth = targets[np.ix_(episode.query, episode.labels)]
            for baseline in measured:
                started = time.process_time()
                # A task of its own for each, so that none is spared what another has fitted.
                scores = baseline.scores(data.task(episode, known), chosen[baseline.NAME])
                found[baseline.NAME].seconds += time.process_time() - started
                probabilities = baseline.probabilities(scores)
                found[baseline.NAME].add(truth, scores, scores >= baseline.DECISION, probabilities)
    return found
