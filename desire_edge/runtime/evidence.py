"""Whether examples help: each is left out in turn and predicted from the others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from desire_edge import _core
from desire_edge.runtime.adaptation import AdaptedHead, Model

Array = NDArray[np.float32]


def held_out_loss(
    model: Model, z: Array, targets: Array, mask: Array, w_novel: Array, known_labels: Array | None
) -> float | None:
    """The mean cross-entropy of examples, a fifth of them left out at a time, of the head `prior`.

    `AdaptedHead.losses` has the same by name alone, and with all examples. Arguments as of `learn`, contiguous.

    Returns:
        None where there are too few examples to tell, or too many to try, or of the paper's head.
    """
    if not isinstance(model, _core.PriorModel):
        return None
    loss = model.held_out_loss(z=z, targets=targets, mask=mask, w_novel=w_novel, known_labels=known_labels)
    return None if loss < 0 else loss


def warning(head: AdaptedHead, held_out: float | None, targets: Array, mask: Array) -> list[str]:
    """A sentence where the examples do not help: left out, they would be known better by the labels' names alone, or by
    how many carry each label.
    """
    if held_out is None:
        return []
    known = mask.sum(axis=0, dtype=np.float64)
    share = (targets * mask).sum(axis=0) / np.maximum(known, 1)
    by_share = float((known * entropy(share)).sum() / known.sum())
    if held_out <= min(head.losses[0], by_share):
        return []
    return [
        f"the examples do not help: each is predicted from the others with a loss of {held_out:.2f}, from the labels' "
        f"names alone with {head.losses[0]:.2f}, and from how many carry each label with {by_share:.2f}; look for "
        "examples with wrong labels, or give more"
    ]


def entropy(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each share of positives, in nats."""
    p = np.clip(share, 1e-12, 1 - 1e-12)
    found: NDArray[np.float64] = -(p * np.log(p) + (1 - p) * np.log1p(-p))
    return found
