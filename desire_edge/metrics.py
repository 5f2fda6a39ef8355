"""Multi-label metrics of one task, and means over tasks with their intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata


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

    @classmethod
    def pooled(cls, estimates: Iterable[Estimate]) -> Estimate:
        """The estimate from the tasks of all `estimates` together, as `of` would give it."""
        parts = [part for part in estimates if part.tasks]
        tasks = sum(part.tasks for part in parts)
        if not tasks:
            return cls(float("nan"), float("nan"), 0)
        mean = sum(part.tasks * part.mean for part in parts) / tasks
        # Of one task nothing is known of how tasks spread about their mean, nor does it add to that.
        within = sum(
            (part.tasks - 1) * part.tasks * (part.half_width / 1.96) ** 2 for part in parts if part.tasks > 1
        )
        between = sum(part.tasks * (part.mean - mean) ** 2 for part in parts)
        error = math.sqrt((within + between) / (tasks - 1) / tasks) if tasks > 1 else float("nan")
        return cls(mean, 1.96 * error, tasks)


def micro_auc(targets: NDArray[np.bool_], scores: NDArray[np.floating]) -> float:
    """ROC AUC over all query × label pairs at once; targets and scores [Q, N]. NaN where only one class occurs.

    The same as `_aucs` of one column, at a fifth of its cost on a small task: each positive is looked up among the
    sorted negatives.
    """
    positives, negatives = scores[targets], np.sort(scores[~targets])
    if not len(positives) or not len(negatives) or np.isnan(scores).any():
        return float("nan")
    below = np.searchsorted(negatives, positives, "left") + np.searchsorted(negatives, positives, "right")
    return float(below.sum() / 2 / (len(positives) * len(negatives)))


def macro_auc(targets: NDArray[np.bool_], scores: NDArray[np.floating]) -> float:
    """The mean over labels of each label's ROC AUC; labels with one class only are left out. [Q, N] both."""
    aucs = _aucs(targets, scores)
    both = aucs[~np.isnan(aucs)]
    return float(both.mean()) if len(both) else float("nan")


def _aucs(targets: NDArray[np.bool_], scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """The ROC AUC of each column: Mann and Whitney's U over the pairs of a positive and a negative, ties counting half.

    scikit-learn's `roc_auc_score` gives the same (the tests hold them together) at some 30 times the cost a task.
    """
    positives = targets.sum(axis=0)
    pairs = positives * (len(targets) - positives)
    ranks = (rankdata(scores, axis=0) * targets).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        aucs: NDArray[np.float64] = (ranks - positives * (positives + 1) / 2) / pairs
    return aucs


def micro_f1(targets: NDArray[np.bool_], decisions: NDArray[np.bool_]) -> float:
    """F1 over all query × label pairs at once, [Q, N] both; 0 where nothing is true and nothing is called."""
    return 2 * float((targets & decisions).sum()) / max(1, int(targets.sum() + decisions.sum()))


def best_micro_f1(targets: NDArray[np.bool_], scores: NDArray[np.floating]) -> float:
    """The highest micro F1 that one threshold over all query × label pairs reaches: an oracle's. [Q, N] both."""
    order = np.argsort(-scores, axis=None, kind="stable")
    found, ordered = np.cumsum(targets.ravel()[order]), scores.ravel()[order]
    f1 = 2 * found / (np.arange(1, len(order) + 1) + targets.sum())
    last_of_equal = np.append(ordered[1:] != ordered[:-1], True)
    return float(f1[last_of_equal].max())
