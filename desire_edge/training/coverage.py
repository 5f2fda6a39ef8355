"""What sets of labels can state, from tasks over the validation labels on rows that nothing was fitted on.

Thresholds come from these labels too, but sets do not depend on thresholds. `desire_edge.coverage` says what is stated,
and why labels are what counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from desire_edge.coverage import BY_NAME, LEVELS, NEGATIVES, POSITIVES, Coverage, kind_of, lift, quantile
from desire_edge.data import Episode, EpisodeSampler
from desire_edge.errors import DesireEdgeError
from desire_edge.training.episodes import EpisodeBatcher
from desire_edge.training.inner_loop import EpisodeBatch, chosen_logits
from desire_edge.training.views import View

LEAST_TASKS = 60
"""Of a number of shots, over all folds; one a label where there are more labels."""
BATCH = 5
"""Tasks of one size."""
QUERIES = 5
"""Rows that carry a label of a task."""

Scores = Mapping[int, Mapping[int, NDArray[np.float64]]]
"""By kind of label, then by label: the log odds above its `lift` that it gets where it is true."""


def state_coverage(
    views: Sequence[View],
    batcher: EpisodeBatcher,
    labels: NDArray[np.int64],
    *,
    ways: tuple[int, int],
    known_labels: bool,
    seed: int,
) -> tuple[Coverage, ...]:
    """What sets of labels state; nothing of a coverage that too few labels can state.

    Args:
        views: one a fold.
        batcher: of the run's targets and names.
        labels: the validation labels.
        ways: range that tasks are drawn from.
        known_labels: whether rows are given their true base labels.
        seed: of the tasks.
    """
    rng = np.random.default_rng([seed, 15])
    scores = scores_of(views, batcher, labels, ways=ways, known_labels=known_labels, rng=rng)
    found = []
    for level in LEVELS:
        numbers = {kind: quantile(list(of_kind.values()), level) for kind, of_kind in scores.items()}
        examples = tuple((count, number) for count in POSITIVES if (number := numbers.get(count)) is not None)
        if numbers.get(BY_NAME) is not None or examples:
            found.append(Coverage(level, numbers.get(BY_NAME), numbers.get(NEGATIVES), examples))
    return tuple(found)


@torch.no_grad()
def scores_of(
    views: Sequence[View],
    batcher: EpisodeBatcher,
    labels: NDArray[np.int64],
    *,
    ways: tuple[int, int],
    known_labels: bool,
    rng: np.random.Generator,
) -> Scores:
    """What true labels get in tasks over `labels`, of each kind of label there is. Arguments as `state_coverage`."""
    scores: dict[int, dict[int, list[NDArray[np.float64]]]] = defaultdict(lambda: defaultdict(list))
    batches = -(-max(LEAST_TASKS, len(labels)) // (BATCH * len(views)))
    for view in views:
        for episodes in _episodes(view, batcher.targets.cpu().numpy(), labels, ways, batches, rng):
            most = max(len(episode.query) for episode in episodes)
            padded = [replace(episode, query=np.resize(episode.query, most)) for episode in episodes]
            batch = batcher.stack(padded, z=view.z, known_labels=known_labels, masked=view.masked)
            for mask in _masks(batch):
                logits = view.learner(replace(batch, mask=mask))
                kept = chosen_logits(logits, view.learner.kept(replace(batch, mask=mask), logits))
                for task, episode in enumerate(episodes):
                    rows = slice(batch.support, batch.support + len(episode.query))
                    found = kept[task, rows].double().cpu().numpy()
                    truth = batch.targets[task].cpu().numpy() > 0
                    known = mask[task, : batch.support].cpu().numpy() > 0
                    positives = (truth[: batch.support] & known).sum(axis=0).tolist()
                    negatives = (known.sum(axis=0) - positives).tolist()
                    examples = int(known.any(axis=1).sum())
                    for column, label in enumerate(episode.labels.tolist()):
                        kind = kind_of(positives[column], negatives[column])
                        if len(values := found[truth[rows, column], column]):
                            scores[kind][label].append(values - lift(positives[column], examples))
    return {
        kind: {label: np.concatenate(parts) for label, parts in of_kind.items()}
        for kind, of_kind in scores.items()
    }


def _masks(batch: EpisodeBatch) -> Iterator[Tensor]:
    """The mask of a batch, and one without the examples that carry a task's first label, where it has any."""
    yield batch.mask
    if batch.support:
        mask = batch.mask.clone()
        mask[:, : batch.support][batch.targets[:, : batch.support, 0] > 0] = 0
        yield mask


def _episodes(
    view: View,
    targets: NDArray[np.bool_],
    labels: NDArray[np.int64],
    ways: tuple[int, int],
    batches: int,
    rng: np.random.Generator,
) -> Iterator[list[Episode]]:
    """Tasks of every number of shots that the rows give, those of a batch of one size."""
    for shots in (0, *POSITIVES):
        for _ in range(batches):
            try:
                sampler = EpisodeSampler(
                    targets,
                    labels,
                    view.support,
                    view.queries,
                    ways=int(rng.integers(ways[0], ways[1] + 1)),
                    shots=shots,
                    queries=QUERIES,
                    eligible_only=False,
                )
                yield [sampler.sample(rng) for _ in range(BATCH)]
            except DesireEdgeError:  # too few labels have so many rows, or they share too many
                continue
