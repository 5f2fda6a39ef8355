"""How well a learner does on few-shot tasks: the loop that validation and evaluation share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from desire_edge.data import Episode, EpisodeSampler
from desire_edge.metrics import macro_auc, micro_auc, micro_f1
from desire_edge.training.device import one_thread
from desire_edge.training.episodes import EpisodeBatcher
from desire_edge.training.inner_loop import Episodes
from desire_edge.training.loss import masked_bce

BATCH = 20
Learner = Callable[[Episodes], list[Tensor]]
"""Episodes -> logits [E, S+Q, N] of all rows after 0, 1, …, T steps."""


@dataclass(frozen=True)
class TaskScores:
    """The figures of each task, on its query rows.

    Attributes:
        micro_auc_by_step: [tasks][T + 1], after each number of steps; NaN where only one class occurs.
        micro_auc, macro_auc, micro_f1: [tasks], after the step with the lowest support loss, which is where a device
            stops too; F1 with a threshold of 0.5.
    """

    micro_auc_by_step: list[list[float]]
    micro_auc: list[float]
    macro_auc: list[float]
    micro_f1: list[float]


@torch.no_grad()
@one_thread()
def score_tasks(
    learner: Learner,
    batcher: EpisodeBatcher,
    sampler: EpisodeSampler,
    *,
    tasks: int,
    rng: np.random.Generator,
    report: Callable[[int], None] = lambda done: None,
) -> TaskScores:
    """Adapt `learner` to `tasks` tasks of `sampler` and score their query rows; `report` is told how many are done."""
    scores = TaskScores([], [], [], [])
    for episodes in _equal_batches(sampler.sample(rng) for _ in range(tasks)):
        batch = batcher.stack(episodes)
        query = slice(batch.support, None)
        targets = (batch.targets[:, query] > 0).cpu().numpy()
        logits = learner(batch)
        steps = [rows[:, query].cpu().numpy() for rows in logits]
        for task, best in enumerate(best_steps(batch, logits)):
            by_step = [micro_auc(targets[task], rows[task]) for rows in steps]
            scores.micro_auc_by_step.append(by_step)
            scores.micro_auc.append(by_step[best])
            scores.macro_auc.append(macro_auc(targets[task], steps[best][task]))
            scores.micro_f1.append(micro_f1(targets[task], steps[best][task] > 0))
        report(len(scores.micro_auc))
    return scores


def best_steps(episodes: Episodes, logits: list[Tensor]) -> list[int]:
    """For each episode, after how many steps its support loss is lowest (the later of equal ones)."""
    rows = slice(0, episodes.support)
    losses = [masked_bce(step[:, rows], episodes.targets[:, rows], episodes.mask[:, rows]) for step in logits]
    last_first = torch.stack(losses[::-1])  # argmin gives the first of equal ones
    return [len(losses) - 1 - int(index) for index in last_first.argmin(dim=0)]


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
