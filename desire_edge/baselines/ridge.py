"""Ridge regression on the targets."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

from desire_edge.baselines.plain import PlainBaseline, PlainTask, Setting, counted, grid, unknowns

ALPHAS = (1.0, 0.1, 10.0)


class RidgeRegression(PlainBaseline):
    """Least squares with an l2 penalty, all labels at once, in closed form (as the base learner of Bertinetto et al.,
    "Meta-learning with differentiable closed-form solvers", ICLR 2019, but on frozen features).
    """

    NAME: ClassVar[str] = "ridge"
    TITLE: ClassVar[str] = "ridge regression"
    DECISION: ClassVar[float] = 0.5

    def settings(self, task: PlainTask) -> tuple[Setting, ...]:
        """Features, the penalty, and what becomes of unknown targets."""
        return grid(features=tuple(task.support), alpha=ALPHAS, **unknowns(task))

    def scores(self, task: PlainTask, setting: Setting) -> NDArray[np.floating]:
        """Predicted targets, [Q, N]; a label that all examples carry, or none, gets that constant."""
        x, x_query = task.support[setting["features"]], task.query[setting["features"]]
        y = task.targets.astype(x.dtype)
        known = counted(task, setting.get("unknown"))
        if known.all():
            return _predicted(x, y, x_query, setting["alpha"])
        found = np.zeros((len(x_query), y.shape[1]))  # a label that nothing is known of
        for label in np.flatnonzero(known.any(axis=0)).tolist():
            rows = known[:, label]
            found[:, label] = _predicted(x[rows], y[rows, label], x_query, setting["alpha"])[:, 0]
        return found

    def probabilities(self, scores: NDArray[np.floating]) -> NDArray[np.floating]:
        """The predicted targets, within 0 and 1."""
        return scores.clip(0, 1)


def _predicted(
    x: NDArray[np.float32], y: NDArray[np.float32], x_query: NDArray[np.float32], alpha: float
) -> NDArray[np.floating]:
    predicted = Ridge(alpha=alpha).fit(x, y).predict(x_query)
    return np.asarray(predicted).reshape(len(x_query), -1)
