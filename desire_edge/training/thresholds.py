"""Decision thresholds: from what adapting leaves on the support set to one threshold a label.

The authors' later SIN (IEEE TNNLS 2023) meta-learns a threshold; here it is a linear function of five figures of a
label's support, so that a label with few positives, or logits that spread widely, gets a threshold of its own. Its five
weights are learned last, on tasks over the validation labels, which nothing else in training has seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from desire_edge.data import EpisodeSampler
from desire_edge.training.episodes import EpisodeBatcher
from desire_edge.training.inner_loop import EpisodeBatch, chosen_logits
from desire_edge.training.learner import Learner
from desire_edge.training.views import View

BATCHES, LEARNING_RATE, SOFTNESS = 200, 0.05, 0.3


def threshold_features(logits: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
    """What a label's threshold is made of: 1; and where examples of it are known, 1 again, the log odds of a positive
    among them (one positive and one negative added), the mean and the standard deviation of their logits.

    Args:
        logits: [..., S, N], of the support after adaptation.
        targets: [..., S, N].
        mask: [..., S, N].

    Returns:
        [..., N, `learner.FEATURES`]
    """
    count = mask.sum(dim=-2)
    positives = (targets * mask).sum(dim=-2)
    odds = torch.log((positives + 1) / (count - positives + 1))
    mean = (logits * mask).sum(dim=-2) / count.clamp(min=1)
    square = ((logits - mean[..., None, :]).square() * mask).sum(dim=-2) / count.clamp(min=1)
    some = (count > 0).to(logits.dtype)
    return torch.stack([torch.ones_like(some), some, some * odds, mean, square.sqrt()], dim=-1)


def learn_thresholds(
    learner: Learner,
    batcher: EpisodeBatcher,
    views: Sequence[View],
    labels: NDArray[np.int64],
    *,
    ways: tuple[int, int],
    shots: tuple[int, int],
    queries: int,
    episodes: int,
    known_labels: bool,
    seed: int,
) -> None:
    """Set `learner.threshold_weights` to what maximises a soft micro F1 of query rows, with examples and by name alone.

    Args:
        learner: meta-trained.
        batcher: of the run.
        views: of it, which take turns.
        labels: the validation labels.
        ways: range that tasks are drawn from.
        shots: the same.
        queries: rows that carry a label of a task.
        episodes: how many a batch.
        known_labels: whether rows are given their true base labels.
        seed: of the tasks.
    """

    @cache
    def sampler(view: View, ways: int, shots: int) -> EpisodeSampler:
        targets = batcher.targets.cpu().numpy()
        return EpisodeSampler(
            targets, labels, view.support, view.queries, ways=ways, shots=shots, queries=queries
        )

    weights = torch.nn.Parameter(learner.threshold_weights.detach().clone())
    optimizer = torch.optim.Adam([weights], lr=LEARNING_RATE)
    rng = np.random.default_rng([seed, 5])
    for index in range(BATCHES):
        view = views[index % len(views)]
        size = int(rng.integers(ways[0], ways[1] + 1)), int(rng.integers(shots[0], shots[1] + 1))
        drawn = [sampler(view, *size).sample(rng) for _ in range(episodes)]
        batch = batcher.stack(drawn, z=view.z, known_labels=known_labels, masked=view.masked)
        with torch.no_grad():
            logits = view.learner(batch)
            adapted = chosen_logits(logits, view.learner.kept(batch, logits))
            rows = slice(0, batch.support)
            with_examples = threshold_features(adapted[:, rows], batch.targets[:, rows], batch.mask[:, rows])
            by_name = torch.zeros_like(with_examples)
            by_name[..., 0] = 1
        loss = -(
            soft_f1(adapted, with_examples @ weights, batch)
            + 0.2 * soft_f1(logits[0], by_name @ weights, batch)
        )
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    learner.threshold_weights.copy_(weights.detach())


def soft_f1(logits: Tensor, thresholds: Tensor, episodes: EpisodeBatch) -> Tensor:
    """Micro F1 of the query rows with decisions σ((logit − threshold) / SOFTNESS), the mean over episodes: a scalar."""
    query = slice(episodes.support, None)
    decisions = torch.sigmoid((logits[:, query] - thresholds[:, None]) / SOFTNESS)
    targets = episodes.targets[:, query]
    found = (decisions * targets).sum(dim=(-2, -1))
    return (2 * found / (decisions.sum(dim=(-2, -1)) + targets.sum(dim=(-2, -1)))).mean()
