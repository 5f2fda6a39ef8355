"""Whether probabilities are what they say: of what is given 0.3, are three in ten true?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from desire_edge.data import EpisodeSampler
from desire_edge.training.device import one_thread
from desire_edge.training.episodes import EpisodeBatcher
from desire_edge.training.inner_loop import chosen_logits
from desire_edge.training.learner import Learner

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
        tally = Tally()
        tally.add(probabilities, truths)
        return tally.calibration()


@dataclass
class Tally:
    """Probabilities and what came true, counted as they come.

    Attributes:
        count, said, came: [BINS], of each bin how many, the sum of their probabilities, and how many came true.
        squares: the sum of (probability - truth)².
    """

    count: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))
    said: NDArray[np.float64] = field(default_factory=lambda: np.zeros(BINS))
    came: NDArray[np.float64] = field(default_factory=lambda: np.zeros(BINS))
    squares: float = 0.0

    def add(self, probabilities: NDArray[np.floating], truths: NDArray[np.bool_]) -> None:
        """Count some more, of any shape alike."""
        p, truth = probabilities.ravel().astype(np.float64), truths.ravel()
        of_bin = np.minimum((p * BINS).astype(np.int64), BINS - 1)
        self.count += np.bincount(of_bin, minlength=BINS)
        self.said += np.bincount(of_bin, p, BINS)
        self.came += np.bincount(of_bin, truth, BINS)
        self.squares += float(((p - truth) ** 2).sum())

    def extend(self, other: Tally) -> None:
        """Count what another has counted as well."""
        self.count += other.count
        self.said += other.said
        self.came += other.came
        self.squares += other.squares

    def calibration(self) -> Calibration:
        """Of all that was counted, which is not nothing."""
        there, n = self.count > 0, int(self.count.sum())
        said, came = (sums[there] / self.count[there] for sums in (self.said, self.came))
        return Calibration(
            tuple(said.tolist()),
            tuple(came.tolist()),
            tuple(self.count[there].tolist()),
            float((np.abs(said - came) * self.count[there]).sum() / n),
            self.squares / n,
            float(self.came.sum() / n),
        )


@torch.no_grad()
@one_thread()
def calibrate(
    learner: Learner,
    batcher: EpisodeBatcher,
    sampler: EpisodeSampler,
    *,
    tasks: int,
    rng: np.random.Generator,
    report: Callable[[int], None] = lambda done: None,
) -> Calibration:
    """The calibration of adapted probabilities over the query rows × labels of `tasks` tasks together."""
    tally = Tally()
    for done in range(tasks):
        batch = batcher.stack([sampler.sample(rng)])
        logits = learner(batch)
        adapted = chosen_logits(logits, learner.kept(batch, logits))[0, batch.support :]
        truths = batch.targets[0, batch.support :] > 0
        tally.add(torch.sigmoid(adapted).cpu().numpy(), truths.cpu().numpy())
        report(done + 1)
    return tally.calibration()
