"""A linear map from features to the space of label names, in closed form, and what base labels say of new ones."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from desire_edge.baselines.plain import PlainBaseline, PlainTask, Setting, grid

PENALTY = 3.0
PENALTIES = (PENALTY, 0.3, 1.0, 10.0, 30.0)
NAMES_PENALTY = 10.0


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
    classifiers = base_classifiers(x, targets, penalty)
    return (classifiers @ inference(names, penalty)).astype(np.float32)


def base_classifiers(
    x: NDArray[np.float32], targets: NDArray[np.bool_], penalty: float = PENALTY
) -> NDArray[np.float64]:
    """(XᵀX + ρI)⁻¹ Xᵀ Y of base labels, [width, B], Y as in `name_map`."""
    features = x.astype(np.float64)
    wanted = targets - targets.mean(axis=0)
    spread = np.sqrt(targets.std(axis=0))
    wanted = wanted / np.where(spread > 0, spread, 1)
    by_features = features.T @ features + penalty * np.eye(features.shape[1])
    found: NDArray[np.float64] = np.linalg.solve(by_features, features.T @ wanted)
    return found


def inference(names: NDArray[np.float32], penalty: float = NAMES_PENALTY) -> NDArray[np.float64]:
    """S (SᵀS + ρI)⁻¹ of the base names S [B, d]: times a name, how far each base label speaks for it; [B, d]."""
    semantic = names.astype(np.float64)
    by_names = semantic.T @ semantic + penalty * np.eye(semantic.shape[1])
    found = np.linalg.solve(by_names, semantic.T).T
    return np.asarray(found, np.float64)


class Eszsl(PlainBaseline):
    """The cosine to the label's name through the closed-form map alone, its penalty tuned; it needs no examples."""

    NAME: ClassVar[str] = "eszsl"
    TITLE: ClassVar[str] = "ESZSL map"
    NEEDS_EXAMPLES: ClassVar[bool] = False

    def settings(self, task: PlainTask) -> tuple[Setting, ...]:
        """The penalty."""
        return grid(penalty=tuple(task.mapped))

    def scores(self, task: PlainTask, setting: Setting) -> NDArray[np.floating]:
        """The cosines, [Q, N]."""
        return task.mapped[setting["penalty"]]
