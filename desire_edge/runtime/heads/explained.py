"""What every head says of one input: its logits as sums over name, base labels and examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

EPSILON = 1e-6
"""The ε of every norm; see docs/model.md."""


@dataclass(frozen=True, eq=False)
class Learned:
    """A support set of S examples and N labels, and what adapting to it gave.

    Attributes:
        z: [S, d].
        targets, mask: [S, N].
        w_novel: [d_w, N], the labels' vectors.
        known_labels: [S, B] of 0 and 1, or None.
        steps: how many were kept.
        alpha: [S, N], the examples' weights in the head `prior`; None in the paper's.
    """

    z: NDArray[Any]
    targets: NDArray[Any]
    mask: NDArray[Any]
    w_novel: NDArray[Any]
    known_labels: NDArray[Any] | None
    steps: int
    alpha: NDArray[Any] | None = None


@dataclass(frozen=True, eq=False)
class Terms:
    """What one input's logits are made of; see `runtime.explain.Explanation`."""

    name: Array
    base: Array
    examples: Array
    bias: Array
    scores: Array


class Reasons(Protocol):
    """What explains a task's logits."""

    def explain(self, z: NDArray[Any], known_labels: NDArray[Any] | None) -> Terms:
        """The terms of one input's logits: z [d] are its features, `known_labels` [B] of 0 and 1, or None."""


def base_scores(z: NDArray[Any], w_base: NDArray[Any], known_labels: NDArray[Any] | None) -> NDArray[Any]:
    """u of rows z [S, d]: z W_base, or the row of known_labels [S, B] where it has a 1, over its norm: [S, B]."""
    base = z @ w_base
    if known_labels is not None:
        base = np.where(known_labels.any(axis=1, keepdims=True), known_labels, base)
    scores: NDArray[Any] = base / np.sqrt((base * base).sum(axis=1, keepdims=True) + EPSILON**2)
    return scores


def logistic(values: NDArray[Any]) -> NDArray[Any]:
    """1 / (1 + exp(-values)), for values of any size."""
    return 0.5 * (1 + np.tanh(0.5 * values))
