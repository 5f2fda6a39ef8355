"""How well a learner does on few-shot tasks: the loop that validation and evaluation share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from desire_edge.data import Episode, EpisodeSampler
from desire_edge.metrics import best_micro_f1, macro_auc, micro_auc, micro_f1
from desire_edge.training.device import one_thread
from desire_edge.training.episodes import EpisodeBatcher
from desire_edge.training.inner_loop import EpisodeBatch, best_steps, chosen_logits
from desire_edge.training.learner import Learner
from desire_edge.training.thresholds import threshold_features

BATCH = 20
Method = Callable[[EpisodeBatch], list[Tensor]]
"""An episode batch -> logits [E, S+Q, N] of all rows after 0, 1, …, T steps."""


@dataclass(frozen=True)
class TaskScores:
    """The figures of each task, on its query rows.

    Attributes:
        micro_auc_by_step: [tasks][T + 1], after each number of steps; NaN where only one class occurs.
        micro_auc, macro_auc: [tasks], after the step with the lowest support loss, which is where a device stops too.
        micro_f1: [tasks], there, with each label's learned threshold; with 0.5 where the learner has learned none.
        micro_f1_half, micro_f1_oracle: with a threshold of 0.5, and with the one that is best for the task.
    """

    micro_auc_by_step: list[list[float]]
    micro_auc: list[float]
    macro_auc: list[float]
    micro_f1: list[float]
    micro_f1_half: list[float]
    micro_f1_oracle: list[float]


@torch.no_grad()
@one_thread()
def score_tasks(
    learner: Learner | Method,
    batcher: EpisodeBatcher,
    sampler: EpisodeSampler,
    *,
    tasks: int,
    rng: np.random.Generator,
    report: Callable[[int], None] = lambda done: None,
    known_labels: bool = False,
) -> TaskScores:
    """Adapt `learner` to `tasks` tasks of `sampler` and score their query rows; `report` gets how many are done."""
    scores = TaskScores([], [], [], [], [], [])
    for episodes in _equal_batches(sampler.sample(rng) for _ in range(tasks)):
        batch = batcher.stack(episodes, known_labels=known_labels)
        query = slice(batch.support, None)
        targets = (batch.targets[:, query] > 0).cpu().numpy()
        logits = learner(batch)
        best, adapted, thresholds = adapt(learner, batch, logits)
        steps = [rows[:, query].cpu().numpy() for rows in logits]
        found = adapted[:, query].cpu().numpy()
        for task, (truth, score) in enumerate(zip(targets, found, strict=True)):
            by_step = [micro_auc(truth, step[task]) for step in steps]
            scores.micro_auc_by_step.append(by_step)
            scores.micro_auc.append(by_step[best[task]])
            scores.macro_auc.append(macro_auc(truth, score))
            scores.micro_f1.append(micro_f1(truth, score >= thresholds[task]))
            scores.micro_f1_half.append(micro_f1(truth, score >= 0))
            scores.micro_f1_oracle.append(best_micro_f1(truth, score))
        report(len(scores.micro_auc))
    return scores


def adapt(
    learner: Learner | Method, batch: EpisodeBatch, logits: list[Tensor]
) -> tuple[list[int], Tensor, NDArray[np.float32]]:
    """What a device goes by, of what `learner` gives for a batch of E episodes.

    Returns:
        Which of `logits` it keeps of each episode; these [E, S+Q, N]; and each label's threshold on them [E, N], 0
        where the learner has learned none.
    """
    rows = slice(0, batch.support)
    kept = learner.kept if isinstance(learner, Learner) else best_steps
    best = kept(batch, logits)
    adapted = chosen_logits(logits, best)
    if not isinstance(learner, Learner):
        return best, adapted, np.zeros((len(adapted), adapted.shape[-1]), np.float32)
    features = threshold_features(adapted[:, rows], batch.targets[:, rows], batch.mask[:, rows])
    return best, adapted, (features @ learner.threshold_weights).cpu().numpy()


def _equal_batches(episodes: Iterator[Episode]) -> Iterator[list[Episode]]:
    """Neighbouring episodes of the same size, at most `BATCH` of them together."""
    batch: list[Episode] = []
    for episode in episodes:
        if batch and (len(batch) == BATCH or len(batch[0].query) != len(episode.query)):
            yield batch
            batch = []
        batch.append(episode)
    if batch:
        yield batch
