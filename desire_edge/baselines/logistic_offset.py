"""Logistic regression that starts from the cosine to the name."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from desire_edge.baselines.logistic import LogOdds, axes
from desire_edge.baselines.logistic_fit import log_odds
from desire_edge.baselines.plain import PlainTask, Setting, counted, grid, unknowns

STRENGTHS = (1.0, 10.0)
WEIGHTS = (4.0, 2.0, 8.0)


class LogisticOffset(LogOdds):
    """Logistic regression with weight · cosine to the label's name as a fixed offset in its logits, so that examples
    say only what the name does not (an offset as in generalised linear models: Nelder and Wedderburn, 1972).

    scikit-learn's has no offset: the same loss goes through SciPy's L-BFGS (`logistic_fit`).
    """

    NAME: ClassVar[str] = "logistic_offset"
    TITLE: ClassVar[str] = "logistic, cosine as offset"

    def settings(self, task: PlainTask) -> tuple[Setting, ...]:
        """The space to compare in, the cosine's weight, C, class weights, and what becomes of unknown targets."""
        return grid(
            space=tuple(task.cosines), weight=WEIGHTS, C=STRENGTHS, balanced=(True, False), **unknowns(task)
        )

    def scores(self, task: PlainTask, setting: Setting) -> NDArray[np.floating]:
        """Offset and what was fitted beside it, [Q, N]."""
        x, x_query = axes(task, "unit")
        space, weight = setting["space"], setting["weight"]
        fitted = log_odds(
            x,
            task.targets,
            x_query,
            C=setting["C"],
            balanced=setting["balanced"],
            known=counted(task, setting.get("unknown")),
            offset=weight * task.support_cosines[space].astype(np.float64),
        )
        found: NDArray[np.floating] = weight * task.cosines[space] + fitted
        return found
