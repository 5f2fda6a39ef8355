"""Multi-label metrics of one task, and means over tasks with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score, roc_auc_score


@dataclass(frozen=True)
class Estimate:
    """A mean over tasks and the half-width of its 95 % interval (1.96 standard errors)."""

    mean: float
    half_width: float
    tasks: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Estimate:
        """The estimate from one value a task; NaN values (a task where the metric is undefined) are left out."""
        kept = np.asarray([value for value in values if not np.isnan(value)])
        if not len(kept):
            return cls(float("nan"), float("nan"), 0)
        error = float(kept.std(ddof=1) / np.sqrt(len(kept))) if len(kept) > 1 else float("nan")
        return cls(float(kept.mean()), 1.96 * error, len(kept))


def micro_auc(targets: NDArray[np.bool_], scores: NDArray[np.floating]) -> float:
    """ROC AUC over all query × label pairs at once; targets and scores [Q, N]. NaN where only one class occurs."""
    flat = targets.ravel()
    if flat.all() or not flat.any():
        return float("nan")
    return float(roc_auc_score(flat, scores.ravel()))


def macro_auc(targets: NDArray[np.bool_], scores: NDArray[np.floating]) -> float:
    """The mean over labels of each label's ROC AUC; labels with one class only are left out. [Q, N] both."""
    both = [label for label in range(targets.shape[1]) if 0 < targets[:, label].sum() < len(targets)]
    if not both:
        return float("nan")
    return float(np.mean([roc_auc_score(targets[:, label], scores[:, label]) for label in both]))


def micro_f1(targets: NDArray[np.bool_], decisions: NDArray[np.bool_]) -> float:
    """F1 over all query × label pairs at once, [Q, N] both; 0 where nothing is true and nothing is called."""
    return float(f1_score(targets.ravel(), decisions.ravel(), zero_division=0))
