"""Meta-training: second-order MAML over θ = {W_Z, W_I, γ1, γ2} and the step sizes, F frozen.

Finn et al. 2017 (MAML) as DESIRE-Net uses it, with learned step sizes (one a tensor a step, as in MAML++,
Antoniou et al. 2019). Every batch plays some base labels as novel.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from desire_edge.data import EpisodeSampler
from desire_edge.errors import DesireEdgeError
from desire_edge.models import SemanticInference
from desire_edge.training.config import MetaConfig
from desire_edge.training.episodes import EpisodeBatcher
from desire_edge.training.folds import Fold
from desire_edge.training.inner_loop import Episodes, inner_loop
from desire_edge.training.loss import masked_bce
from desire_edge.training.schedule import schedule
from desire_edge.training.thresholds import FEATURES


class MetaLearner(nn.Module):
    """What meta-training learns: the inference head and the inner loop's step sizes [T, 5], kept as logarithms.

    `threshold_weights` [FEATURES] are learned after it (`training.thresholds`); zeros stand for a probability of 0.5.
    """

    threshold_weights: Tensor

    def __init__(self, w_base: Tensor, config: MetaConfig) -> None:
        super().__init__()
        self.head = SemanticInference(w_base, config.hidden)
        self.log_step_sizes = nn.Parameter(
            torch.full((config.inner_steps, 5), math.log(config.step_size)),
            requires_grad=config.learn_step_sizes,
        )
        self.register_buffer("threshold_weights", torch.zeros(FEATURES))

    @property
    def step_sizes(self) -> Tensor:
        """[T, 5], positive."""
        return self.log_step_sizes.exp()

    def forward(self, episodes: Episodes) -> list[Tensor]:
        """Logits of all rows after 0 … T steps."""
        return inner_loop(self.head, episodes, self.step_sizes)

    def optimizer(self, config: MetaConfig) -> torch.optim.Optimizer:
        """Adam for the outer loop; `initial_lr` is what the schedule scales."""
        return torch.optim.Adam(
            [
                {"params": list(self.head.parameters()), "initial_lr": config.learning_rate},
                {"params": [self.log_step_sizes], "initial_lr": config.step_size_learning_rate},
            ]
        )


class EpisodeStream:
    """The training batches, each a function of the seed and its number alone, so that a resumed run repeats them."""

    def __init__(
        self,
        targets: NDArray[np.bool_],
        base: NDArray[np.int64],
        rows: NDArray[np.int64],
        batcher: EpisodeBatcher,
        config: MetaConfig,
        seed: int,
        folds: Sequence[tuple[Fold, Tensor]] = (),
    ) -> None:
        self._config, self._seed, self._batcher, self._folds = config, seed, batcher, folds

        @cache
        def sampler(ways: int, shots: int, fold: int | None) -> EpisodeSampler:
            labels, support, query = base, rows, rows
            if fold is not None:
                labels, support, query = folds[fold][0].labels, folds[fold][0].rows, folds[fold][0].queries
            return EpisodeSampler(
                targets, labels, support, query, ways=ways, shots=shots, queries=config.queries
            )

        self._sampler = sampler

    def batch(self, index: int) -> Episodes:
        """Batch number `index`: episodes of one size, drawn from the configured ways and shots."""
        config = self._config
        rng = np.random.default_rng([self._seed, index])
        ways, shots = (int(rng.integers(low, high + 1)) for low, high in (config.ways, config.shots))
        fold = int(rng.integers(len(self._folds))) if self._folds else None
        sampler = self._sampler(ways, shots, fold)
        episodes = [sampler.sample(rng) for _ in range(config.episodes)]
        known_labels = bool(rng.random() < config.known_labels)
        if fold is None:
            return self._batcher.stack(episodes, known_labels=known_labels)
        held_out, z = self._folds[fold]
        return self._batcher.stack(episodes, known_labels=known_labels, z=z, masked=held_out.labels)


def check_episodes(
    targets: NDArray[np.bool_],
    labels: NDArray[np.int64],
    support: NDArray[np.int64],
    query: NDArray[np.int64],
    config: MetaConfig,
) -> None:
    """Raise a `DesireEdgeError` that names the settings if the largest episodes cannot be drawn from these labels."""
    ways, shots = config.ways[1], config.shots[1]
    try:
        sampler = EpisodeSampler(
            targets, labels, support, query, ways=ways, shots=shots, queries=config.queries
        )
        rng = np.random.default_rng(0)
        for _ in range(20):
            sampler.sample(rng)
    except DesireEdgeError as error:
        raise DesireEdgeError(
            f"{len(labels)} base labels do not give training episodes of {ways} ways and {shots} shots ({error}); "
            "lower meta.ways, meta.shots, meta.queries or meta.folds, as in --set 'meta.ways=[1, 4]'"
        ) from error


def outer_loss(query_loss: Callable[[Tensor], Tensor], logits: list[Tensor], config: MetaConfig) -> Tensor:
    """The query loss after the last step and, by their weights, before any step and after each in between: a scalar.

    The weights of all steps are as in MAML++'s multi-step loss (Antoniou et al. 2019), but stay as they are.

    Args:
        query_loss: logits [E, S+Q, N] -> a scalar.
        logits: after 0 … T steps.
        config: `zero_shot_weight` and `multi_step_weight`.
    """
    zero = config.zero_shot_weight
    loss = (1 - zero) * query_loss(logits[-1]) + zero * query_loss(logits[0])
    if config.multi_step_weight and len(logits) > 2:
        loss = (
            loss + config.multi_step_weight * torch.stack([query_loss(step) for step in logits[1:-1]]).sum()
        )
    return loss


def meta_step(
    learner: MetaLearner,
    optimizer: torch.optim.Optimizer,
    episodes: Episodes,
    config: MetaConfig,
    progress: float,
) -> float:
    """One outer update; returns its loss.

    Raises:
        FloatingPointError: the loss or its gradient is not finite; the weights are then as they were.
    """
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] * schedule(progress)
    query = slice(episodes.support, None)

    def query_loss(logits: Tensor) -> Tensor:
        return masked_bce(logits[:, query], episodes.targets[:, query], episodes.mask[:, query]).mean()

    logits = learner(episodes)
    loss = outer_loss(query_loss, logits, config)
    if not torch.isfinite(loss):
        raise FloatingPointError("the outer loss is not finite")
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    norm = nn.utils.clip_grad_norm_(learner.head.parameters(), config.gradient_clip)
    if not torch.isfinite(norm):
        raise FloatingPointError("the outer gradient is not finite")
    optimizer.step()
    return float(loss.detach())
