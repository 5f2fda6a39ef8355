"""Cross-fitting: meta-training on features of an F that has seen neither the episode's labels nor its query rows.

That is what a device meets: novel labels that F was not trained on, query examples that it was not trained on, support
examples that it may have been. Features of the rows and labels an F was trained on look better than they are, and a
head that is meta-trained on them trusts them too much.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desire_edge.training.config import Protocol, TrainConfig


@dataclass(frozen=True, eq=False)
class Fold:
    """What one fold's F is trained without, and where that fold's episodes come from.

    Attributes:
        labels: base labels that its F does not see; its episodes play them as novel.
        rows: the rows that its F sees; support comes from them.
        queries: where query rows come from: rows its F does not see, or all where only labels are cross-fitted.
    """

    labels: NDArray[np.int64]
    rows: NDArray[np.int64]
    queries: NDArray[np.int64]


def folds_of(config: TrainConfig, base: NDArray[np.int64], rows: NDArray[np.int64]) -> tuple[Fold, ...]:
    """The folds that F is cross-fitted in, `meta.folds` of them; none where that is 0."""
    count = config.meta.folds
    return split_folds(count, config.seed, config.protocol, base, rows) if count else ()


def split_folds(
    count: int, seed: int, protocol: Protocol, base: NDArray[np.int64], rows: NDArray[np.int64]
) -> tuple[Fold, ...]:
    """Split the base labels and the training rows into `count` folds.

    Under `label-disjoint` training sees the query rows of the tasks too, so there only labels are split.
    """
    rng = np.random.RandomState(seed)
    labels = [np.sort(part) for part in np.array_split(rng.permutation(base), count)]
    held_out = [np.sort(part) for part in np.array_split(rng.permutation(rows), count)]
    if protocol == "label-disjoint":
        return tuple(Fold(part, rows, rows) for part in labels)
    return tuple(Fold(part, np.setdiff1d(rows, out), out) for part, out in zip(labels, held_out, strict=True))
