"""What export computes once so that a device need not: P, R, Q0 of the low-rank adaptation, and its conditioning."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]


def inference_product(w_base: Float64, w_i: Float64) -> Float64:
    """P = W_base W_I: w_base [d, B], w_i [B, d] -> [d, d]. With it the base labels vanish from the inner loop."""
    return w_base @ w_i


def base_axes(w_base: Float64) -> tuple[Float64, Float64]:
    """The orthogonal U [d, d] and the σ ≥ 0 [d] with ‖z W_base‖ = ‖(z U) σ‖ for every z: those of W_base's SVD.

    Adaptation does not notice a rotation of the features: SGD on w1 depends on them through z zᵀ alone, and turns with
    them. So a bundle's extractor gives z U for z, its w1, w_base and p are Uᵀ times the model's, and R = diag(σ).
    """
    dimension, base = w_base.shape
    # Where there are more base labels than dimensions U is whole without, and V would be large.
    axes, values, _ = np.linalg.svd(w_base, full_matrices=base < dimension)
    lengths = np.zeros(dimension)
    lengths[: len(values)] = values
    return axes, lengths


def output_gram(w2: Float64, b2: Float64) -> Float64:
    """Q0 = W2~ W2~ᵀ with W2~ = [W_2; b_2]: w2 [h, d], b2 [d] -> [h+1, h+1]."""
    augmented = np.vstack([w2, b2])
    return augmented @ augmented.T


def conditioning(z: Float64, w1: Float64, b1: Float64, w2: Float64, b2: Float64) -> float:
    """κ, the largest ‖H W_2‖ / ‖W_Z(z)‖ over the rows of z [n, d]: how much of W_2's output its bias cancels."""
    before = np.maximum(z @ w1 + b1, 0) @ w2
    return float(np.max(np.linalg.norm(before, axis=1) / np.linalg.norm(before + b2, axis=1)))
