"""How far names, base labels and examples are trusted, learned from the data's own base labels.

A default travels badly: base labels of a small corpus say little, names that share no space with the features say less.
So each fold of base labels is played as novel, by a closed form that has not seen them, on query rows that it has not
seen either, and the scalars learn through the solver. They are held to `cautious` ones: the fewer tasks the folds give,
the less they move.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from desire_edge.data import Episode, EpisodeSampler
from desire_edge.errors import DesireEdgeError
from desire_edge.training.episodes import EpisodeBatcher
from desire_edge.training.folds import Fold
from desire_edge.training.inner_loop import EpisodeBatch
from desire_edge.training.prior.closed_form import fit
from desire_edge.training.prior.learner import PriorLearner, Terms
from desire_edge.training.prior.scalars import cautious

CELLS = ((2, 1), (2, 5), (5, 1), (5, 2), (5, 5), (5, 10), (10, 1), (10, 5), (20, 2), (20, 5))
"""Ways and shots of the tasks, where the labels of a fold give them."""
FOLDS = 3  # where none has features of its own
EPISODES, QUERIES, BATCH = 16, 10, 8
STEPS, LEARNING_RATE = 80, 0.05
HOLD, HOLD_LABELS = 0.05, 50
"""How strongly the scalars are held to the cautious ones where there are that many base labels, or more."""
PAIRS = 400

Report = Callable[[int, int, float], None]
"""Called with steps done and in all, and the latest loss."""


@dataclass(frozen=True, eq=False)
class Tasks:
    """Episodes of one size, as a fold's learner sees them: the terms, and the targets of the query rows [E, Q, N]."""

    terms: Terms
    wanted: Tensor


def learn_trust(
    learner: PriorLearner,
    batcher: EpisodeBatcher,
    folds: Sequence[tuple[Fold, Tensor]],
    *,
    seed: int,
    report: Report = lambda done, total, loss: None,
) -> int:
    """Set the scalars of `learner`; how many tasks they were learned from, 0 where they stay as they are.

    Args:
        learner: its sizes and spaces are those of each fold's.
        batcher: of the run's features, targets and names.
        folds: base labels and rows that are held out, and the features [rows, d] for them.
        seed: of the tasks.
        report: called as it goes on.
    """
    rng = np.random.default_rng([seed, 13])
    groups = [group for fold, z in folds for group in _tasks(learner, batcher, fold, z, rng)]
    tasks = sum(len(group.wanted) for group in groups)
    if not groups:
        return 0
    start = cautious(learner.r.shape[1]).to(learner.scalars.device)
    hold = HOLD * max(1.0, HOLD_LABELS / sum(len(fold.labels) for fold, _ in folds))
    scalars = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([scalars], lr=LEARNING_RATE)
    late = []
    generator = torch.Generator().manual_seed(seed)
    for step in range(STEPS):
        group = groups[int(rng.integers(len(groups)))]
        some = torch.from_numpy(rng.permutation(len(group.wanted))[:BATCH]).to(scalars.device)
        loss = task_loss(group.terms.of(some), group.wanted[some], scalars, generator)
        loss = loss + hold * (scalars - start).square().sum()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if scalars.grad is not None and torch.isfinite(scalars.grad).all():
            optimizer.step()
        if step >= STEPS // 2:
            late.append(scalars.detach().clone())
        report(step + 1, STEPS, loss.item())
    with torch.no_grad():
        learner.scalars.copy_(torch.stack(late).mean(dim=0))
    return tasks


def _tasks(
    learner: PriorLearner, batcher: EpisodeBatcher, fold: Fold, z: Tensor, rng: np.random.Generator
) -> Iterator[Tasks]:
    """The tasks over a fold's labels, those of a size together, by a closed form without them and the query rows."""
    if (blind := blind_learner(learner, batcher, fold, z)) is None:
        return
    for ways, shots in CELLS:
        count = EPISODES if ways < 20 else EPISODES // 2
        if episodes := fold_episodes(batcher, fold, fold.labels, ways, shots, count, rng):
            with torch.no_grad():
                batch = blind_batch(batcher, episodes, z)
                yield Tasks(blind[0].terms(batch), batch.targets[:, batch.support :])


def blind_learner(
    learner: PriorLearner, batcher: EpisodeBatcher, fold: Fold, z: Tensor
) -> tuple[PriorLearner, NDArray[np.int64]] | None:
    """The closed form without a fold's labels and query rows, and its base labels; None where none are left."""
    rest = np.setdiff1d(batcher.base.cpu().numpy(), fold.labels)
    if not len(rest) or not len(fold.labels):
        return None
    blind = learner.like(len(rest))
    rows, labels = torch.from_numpy(fold.rows).to(z.device), torch.from_numpy(rest).to(z.device)
    fit(blind, z[rows], batcher.targets[rows][:, labels], batcher.w[:, labels])
    return blind, rest


def fold_episodes(
    batcher: EpisodeBatcher,
    fold: Fold,
    labels: NDArray[np.int64],
    ways: int,
    shots: int,
    count: int,
    rng: np.random.Generator,
) -> list[Episode]:
    """Episodes over some labels, their queries from a fold's; none where labels or rows are too few for the size."""
    try:
        sampler = EpisodeSampler(
            batcher.targets.cpu().numpy(),
            labels,
            fold.rows,
            fold.queries,
            ways=ways,
            shots=shots,
            queries=QUERIES,
        )
        return [sampler.sample(rng) for _ in range(count)]
    except DesireEdgeError:
        return []


def blind_batch(batcher: EpisodeBatcher, episodes: Sequence[Episode], z: Tensor) -> EpisodeBatch:
    """Episodes for a blind learner: it has its own base labels, and none of the episodes' is among them."""
    return replace(batcher.stack(episodes, z=z), base_mask=None)


def task_loss(terms: Terms, wanted: Tensor, scalars: Tensor, generator: torch.Generator) -> Tensor:
    """What probabilities and ranks of the query rows cost, with the examples and, a little, by name alone."""
    logits = PriorLearner.logits(terms, scalars)[:, terms.mask.shape[1] :]
    by_name = PriorLearner.logits(terms.without_examples, scalars)[:, terms.mask.shape[1] :]
    share = wanted.mean(dim=(1, 2)).clamp(1e-3, 1 - 1e-3)
    entropy = -(share * share.log() + (1 - share) * (1 - share).log())
    surprise = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none").mean(dim=(1, 2)) / entropy
    return (
        surprise.mean()
        + _micro_pairs(logits, wanted, generator)
        + 1.5 * _macro_pairs(logits, wanted)
        + 0.1 * F.binary_cross_entropy_with_logits(by_name, wanted)
    )


def _micro_pairs(logits: Tensor, wanted: Tensor, generator: torch.Generator) -> Tensor:
    """softplus(negative − positive) over a sample of pairs of any row and label of an episode: micro AUC, soft."""
    found = []
    for values, truth in zip(logits.flatten(1), wanted.flatten(1) > 0, strict=True):
        positive, negative = values[truth], values[~truth]
        if len(positive) and len(negative):
            i, j = (torch.randint(len(part), (PAIRS,), generator=generator) for part in (positive, negative))
            found.append(F.softplus(negative[j] - positive[i]).mean())
    return torch.stack(found).mean() if found else logits.sum() * 0


def _macro_pairs(logits: Tensor, wanted: Tensor) -> Tensor:
    """The same over all pairs of rows of one label, the mean over labels: macro AUC, soft."""
    weight = wanted[:, :, None] * (1 - wanted[:, None])
    costs = (F.softplus(logits[:, None] - logits[:, :, None]) * weight).sum(dim=(1, 2))
    pairs = weight.sum(dim=(1, 2))
    return (costs / pairs.clamp(min=1))[pairs > 0].mean() if (pairs > 0).any() else logits.sum() * 0
