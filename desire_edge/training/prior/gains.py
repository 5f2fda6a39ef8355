"""What something is worth on tasks over validation labels, and how sure that is: tasks share labels, so these count."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def told_apart(labels: Sequence[NDArray[np.int64]]) -> int:
    """How many labels some task has and some has not: what an error over labels is told from."""
    tasks = [frozenset(row.tolist()) for row in labels]
    return len(frozenset().union(*tasks) - frozenset.intersection(*tasks)) if tasks else 0


def over_labels(values: NDArray[np.float64], labels: Sequence[NDArray[np.int64]]) -> tuple[float, float]:
    """The mean over tasks, and its standard error over labels: a label at a time is left out with all of its tasks."""
    values = np.where(np.isnan(values), 0.0, values)  # only one class among a task's query rows
    every = np.unique(np.concatenate(labels))
    carried = np.array([np.isin(every, row) for row in labels])  # [tasks, labels]
    left = (~carried).sum(axis=0)
    without = (values @ ~carried)[left > 0] / left[left > 0]
    count = len(without)
    return float(values.mean()), float(np.sqrt((count - 1) * np.var(without)))
