"""The tasks that every row of a comparison is measured on."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from desire_edge.data import EpisodeSampler, ProtocolRows


def task_sampler(
    targets: NDArray[np.bool_], labels: NDArray[np.int64], rows: ProtocolRows, ways: int, shots: int
) -> EpisodeSampler:
    """The tasks of a column, over the eligible labels; a small data set has too few of them: then over all labels."""
    sampler = partial(EpisodeSampler.over, rows, targets, labels, ways=ways, shots=shots)
    all_labels = sampler(eligible_only=False)
    return sampler(eligible_only=True) if len(all_labels.eligible) >= ways else all_labels


def tasks_rng(ways: int, shots: int) -> np.random.Generator:
    """The generator of a column's tasks: the same tasks for every method, and for `desire-edge evaluate`."""
    return np.random.default_rng([0, ways, shots])
