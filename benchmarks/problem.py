"""One adaptation as every contender of `benchmarks/adapt.py` gets it, and the head that each must bring back."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from desire_edge.export.weights import base_axes, inference_product, output_gram
from desire_edge.models import EPSILON, SemanticInference

Array = NDArray[Any]
TOLERANCE = 1e-5
"""The largest error accepted: max|Δ| / max|reference| over the logits of fresh rows."""

DIMENSION, HIDDEN, STEPS = 300, 300, 5
QUERIES = 64
FEATURE_NORM = 8.0  # of z: what a trained extractor of Delicious gives
STEP_SIZE = 0.2  # where training starts; the loss is a mean over labels, so a step is that times the ways


@dataclass(frozen=True, eq=False)
class Problem:
    """Model, support set, labels and step sizes: arrays of one dtype, C-contiguous; p, r and q0 as export makes them.

    S examples, N labels, d features, h hidden units, B base labels, T steps.
    """

    z: Array  # [S, d]
    targets: Array  # [S, N]
    mask: Array  # [S, N]
    w_novel: Array  # [d, N]
    step_sizes: Array  # [T, 5]: for w1 and b1, w2 and b2, w_i, gamma1, gamma2
    w1: Array  # [d, h]
    b1: Array  # [h]
    w2: Array  # [h, d]
    b2: Array  # [d]
    gamma1: float
    gamma2: float
    w_base: Array  # [d, B]
    w_i: Array  # [B, d]
    p: Array  # [d, d]
    r: Array  # [d, d], diagonal: the features are along the axes of w_base, as in a bundle
    q0: Array  # [h + 1, h + 1]
    query: Array  # [64, d], for the check

    def astype(self, dtype: type[np.floating[Any]]) -> Problem:
        """The same numbers in another precision."""
        values: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        arrays = {
            name: value.astype(dtype) for name, value in values.items() if isinstance(value, np.ndarray)
        }
        return Problem(**(values | arrays))

    def with_one_step_size(self) -> Problem:
        """The same task with one step size for all tensors and steps, for those who know only a learning rate."""
        return replace(self, step_sizes=np.full_like(self.step_sizes, self.step_sizes.mean()))


def random_problem(
    S: int, N: int, B: int, *, d: int = DIMENSION, h: int = HIDDEN, T: int = STEPS, seed: int = 0
) -> Problem:
    """A problem in float32 at the scale of a trained model: word vectors of about unit norm, κ near 1."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)

    def rows(count: int, norm: float) -> NDArray[np.float64]:
        drawn: NDArray[np.float64] = rng.standard_normal((count, d)) * (norm / np.sqrt(d))
        return drawn

    head = SemanticInference(torch.from_numpy(rows(B, 1.0).T.copy()).float(), h)
    learned = {name: value.detach().double().numpy() for name, value in head.state_dict().items()}
    gammas = {name: float(learned.pop(name)) for name in ("gamma1", "gamma2")}
    axes, lengths = base_axes(learned["w_base"])
    learned |= {name: axes.T @ learned[name] for name in ("w1", "w_base")}
    targets = np.zeros((S, N))
    targets[np.arange(S), np.arange(S) % N] = 1
    targets[rng.random((S, N)) < 0.1] = 1
    arrays = {
        "z": rows(S, FEATURE_NORM),
        "targets": targets,
        "mask": np.where(rng.random((S, N)) < 0.1, 0.0, 1.0),
        "w_novel": rows(N, 1.0).T,
        "step_sizes": N * STEP_SIZE * rng.uniform(0.5, 1.5, (T, 5)),
        "p": inference_product(learned["w_base"], learned["w_i"]),
        "r": np.diag(lengths),
        "q0": output_gram(learned["w2"], learned["b2"]),
        "query": rows(QUERIES, FEATURE_NORM),
        **learned,
    }
    given: dict[str, Any] = {name: np.array(value, np.float32, order="C") for name, value in arrays.items()}
    return Problem(**(given | gammas))


@dataclass(frozen=True, eq=False)
class Head:
    """The complete folded head: what adaptation is for."""

    w1: Array  # [d, h]
    b1: Array  # [h]
    v: Array  # [h + 1, N] = [w2; b2] w_novel
    q: Array  # [h + 1, h + 1] = [w2; b2] [w2; b2]^T
    m: Array  # [d, N] = w_base w_i w_novel
    gamma1: float
    gamma2: float

    def logits(self, z: Array, r: Array) -> NDArray[np.float64]:
        """Logits [n, N] of z [n, d], in float64: only the head's own rounding shows."""
        w1, b1, v, q, m, z, r = (
            np.asarray(array, np.float64) for array in (self.w1, self.b1, self.v, self.q, self.m, z, r)
        )
        hidden = np.maximum(z @ w1 + b1, 0)
        tilde = np.hstack([hidden, np.ones((len(z), 1))])
        norm = np.sqrt(((tilde @ q) * tilde).sum(axis=1, keepdims=True) + EPSILON**2)
        base_norm = np.sqrt(((z @ r.T) ** 2).sum(axis=1, keepdims=True) + EPSILON**2)
        logits: NDArray[np.float64] = self.gamma1 * (tilde @ v) / norm + self.gamma2 * (z @ m) / base_norm
        return logits


def relative_error(values: Array, reference: Array) -> float:
    """max|Δ| / max|reference|."""
    return float(np.abs(values - reference).max() / np.abs(reference).max())
