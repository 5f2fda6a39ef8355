"""Ridge regression on the targets."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

from desire_edge.baselines.plain import PlainBaseline, PlainTask, Setting, grid

ALPHAS = (1.0, 0.1, 10.0)


class RidgeRegression(PlainBaseline):
    """Least squares with an l2 penalty, all labels at once, in closed form (as the base learner of Bertinetto et al.,
    "Meta-learning with differentiable closed-form solvers", ICLR 2019, but on frozen features).
    """

    NAME: ClassVar[str] = "ridge"
    TITLE: ClassVar[str] = "ridge regression"

    def settings(self, task: PlainTask) -> tuple[Setting, ...]:
        """Features and the penalty."""
        return grid(features=tuple(task.support), alpha=ALPHAS)

    def scores(self, task: PlainTask, setting: Setting) -> NDArray[np.floating]:
        """Predicted targets, [Q, N]; a label that all examples carry, or none, gets that constant."""
        x, x_query = task.support[setting["features"]], task.query[setting["features"]]
        model = Ridge(alpha=setting["alpha"]).fit(x, task.targets.astype(x.dtype))
        return np.asarray(model.predict(x_query)).reshape(len(x_query), -1)
