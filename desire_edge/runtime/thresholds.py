"""Decision thresholds: one a label, from what adapting leaves on the support set and weights learned in training."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
FEATURES = 5
"""How many figures of its support a label's threshold is made of."""

LIMIT = 13.8
"""The furthest threshold in logits, 1e-6 from a probability of 0 or 1. At 0 or 1 itself a label would be said of
everything or of next to nothing, whatever the model sees; and single precision, which probabilities come in, has no
number between 1 - 6e-8 and 1."""


def threshold_features(logits: Floats, targets: Floats, mask: Floats) -> NDArray[np.float64]:
    """What a label's threshold is made of: 1; and where examples of it are known, 1 again, the log odds of a positive
    among them (one positive and one negative added), the mean and the standard deviation of their logits.

    Args:
        logits: [S, N], finite, of the support after adaptation; S may be 0.
        targets: [S, N].
        mask: [S, N] of 0 and 1, 1 where it is known whether the example carries the label.

    Returns:
        [N, `FEATURES`]
    """
    logits, targets, mask = (array.astype(np.float64) for array in (logits, targets, mask))
    count = mask.sum(axis=0)
    positives = (targets * mask).sum(axis=0)
    odds = np.log((positives + 1) / (count - positives + 1))
    mean = (logits * mask).sum(axis=0) / np.maximum(count, 1)
    variance = (np.square(logits - mean) * mask).sum(axis=0) / np.maximum(count, 1)
    some = (count > 0).astype(np.float64)
    return np.stack([np.ones_like(some), some, some * odds, mean, np.sqrt(variance)], axis=-1)


def decision_thresholds(weights: Floats, features: Floats) -> tuple[float, ...]:
    """The probability from which each label is said to hold, σ(features · weights) kept within `LIMIT` logits.

    Args:
        weights: [`FEATURES`], finite; zeros give 0.5.
        features: [N, `FEATURES`], finite.

    Returns:
        N numbers, strictly between 0 and 1.
    """
    # Not features @ weights, whose last bits may depend on how many threads it runs on.
    logits = (features * weights.astype(np.float64)).sum(axis=-1)
    return tuple((1 / (1 + np.exp(-np.clip(logits, -LIMIT, LIMIT)))).tolist())
