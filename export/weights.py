"""What export computes once so that a device need not: P, R, Q0 of the low-rank adaptation, and its conditioning."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]


def inference_product(w_base: Float64, w_i: Float64) -> Float64:
    """P = W_base W_I: w_base [d, B], w_i [B, d] -> [d, d]. With it the base labels vanish from the inner loop."""
    return w_base @ w_i


def norm_root(w_base: Float64) -> Float64:
    """R [d, d] with ‖z Rᵀ‖ = ‖z W_base‖ for every z: the triangle of W_baseᵀ = Q_R R, zero rows below it when B < d."""
    dimension = len(w_base)
    triangle = np.linalg.qr(w_base.T, mode="r")
    root = np.zeros((dimension, dimension))
    root[: len(triangle)] = triangle
    return root


def output_gram(w2: Float64, b2: Float64) -> Float64:
    """Q0 = W2~ W2~ᵀ with W2~ = [W_2; b_2]: w2 [h, d], b2 [d] -> [h+1, h+1]."""
    augmented = np.vstack([w2, b2])
    return augmented @ augmented.T


def conditioning(z: Float64, w1: Float64, b1: Float64, w2: Float64, b2: Float64) -> float:
    """κ, the largest ‖H W_2‖ / ‖W_Z(z)‖ over the rows of z [n, d]: how much of W_2's output its bias cancels."""
    before = np.maximum(z @ w1 + b1, 0) @ w2
    return float(np.max(np.linalg.norm(before, axis=1) / np.linalg.norm(before + b2, axis=1)))
