"""A linear map from features to the space of label names, in closed form."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PENALTY = 3.0


def name_map(
    x: NDArray[np.float32],
    targets: NDArray[np.bool_],
    names: NDArray[np.float32],
    penalty: float = PENALTY,
) -> NDArray[np.float32]:
    """M with x M · name high where an example carries a label: ridge regression on both sides.

    M = (XᵀX + ρI)⁻¹ Xᵀ Y S (SᵀS + ρI)⁻¹, of Romera-Paredes and Torr, "An embarrassingly simple approach to zero-shot
    learning" (ICML 2015). Y is centred, and divided by the square root of its standard deviation a label, so that
    frequent labels do not decide alone.

    Args:
        x: [rows, width], unit rows, centred.
        targets: [rows, B], of labels that examples are known of.
        names: [B, d], their names as unit vectors, centred.
        penalty: ρ of both sides.

    Returns:
        [width, d]
    """
    features, semantic = x.astype(np.float64), names.astype(np.float64)
    wanted = targets - targets.mean(axis=0)
    spread = np.sqrt(targets.std(axis=0))
    wanted = wanted / np.where(spread > 0, spread, 1)
    by_features = features.T @ features + penalty * np.eye(features.shape[1])
    by_names = semantic.T @ semantic + penalty * np.eye(semantic.shape[1])
    classifiers = np.linalg.solve(by_features, features.T @ wanted)  # [width, B]
    mapped = np.linalg.solve(by_names, (classifiers @ semantic).T).T
    return mapped.astype(np.float32)
