"""Whether probabilities are what they say: of what is given 0.3, are three in ten true?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from desire_edge.data import EpisodeSampler
from desire_edge.training.device import one_thread
from desire_edge.training.episodes import EpisodeBatcher
from desire_edge.training.inner_loop import best_steps, chosen_logits
from desire_edge.training.learner import MetaLearner

BINS = 10


@dataclass(frozen=True)
class Calibration:
    """Of n probabilities and what came true.

    Attributes:
        probability, frequency: [bins], the mean of each bin's probabilities, and the share of them that came true;
            empty bins are left out.
        count: [bins], how many are in each.
        expected_error: the mean over the n of |probability - frequency| of their bins (Naeini, Cooper, Hauskrecht,
            2015).
        brier: the mean of (probability - truth)² (Brier, 1950).
        base_rate: the share r of all n that came true; to say r of each gives a Brier score of r (1 - r).
    """

    probability: tuple[float, ...]
    frequency: tuple[float, ...]
    count: tuple[int, ...]
    expected_error: float
    brier: float
    base_rate: float

    @classmethod
    def of(cls, probabilities: NDArray[np.floating], truths: NDArray[np.bool_]) -> Calibration:
        """Of any shape alike, not empty; ten bins of equal width."""
        p, truth = probabilities.ravel().astype(np.float64), truths.ravel()
        of_bin = np.minimum((p * BINS).astype(np.int64), BINS - 1)
        count = np.bincount(of_bin, minlength=BINS)
        there = count > 0
        said = np.bincount(of_bin, p, BINS)[there] / count[there]
        came = np.bincount(of_bin, truth, BINS)[there] / count[there]
        return cls(
            tuple(said.tolist()),
            tuple(came.tolist()),
            tuple(count[there].tolist()),
            float((np.abs(said - came) * count[there]).sum() / len(p)),
            float(((p - truth) ** 2).mean()),
            float(truth.mean()),
        )


@torch.no_grad()
@one_thread()
def calibrate(
    learner: MetaLearner,
    batcher: EpisodeBatcher,
    sampler: EpisodeSampler,
    *,
    tasks: int,
    rng: np.random.Generator,
    report: Callable[[int], None] = lambda done: None,
) -> Calibration:
    """The calibration of adapted probabilities over the query rows × labels of `tasks` tasks together."""
    probabilities, truths = [], []
    for done in range(tasks):
        batch = batcher.stack([sampler.sample(rng)])
        logits = learner(batch)
        adapted = chosen_logits(logits, best_steps(batch, logits))[0, batch.support :]
        probabilities.append(torch.sigmoid(adapted).cpu().numpy().ravel())
        truths.append((batch.targets[0, batch.support :] > 0).cpu().numpy().ravel())
        report(done + 1)
    return Calibration.of(np.concatenate(probabilities), np.concatenate(truths))
