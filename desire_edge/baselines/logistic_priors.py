"""Logistic regression with both priors added: the cosine to the name, and what base labels say of it."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from desire_edge.baselines.logistic import JOINT, STRENGTHS, LogOdds, logits
from desire_edge.baselines.plain import PlainTask, Setting, grid, unknowns

COSINE_WEIGHTS = (4.0, 2.0, 8.0)
BASE_WEIGHTS = (2.0, 1.0, 4.0)


class LogisticPriors(LogOdds):
    """Logistic regression's log odds + weight · cosine to the name + weight · what the base labels' scores say of it.

    It is fitted to the features, or to these beside the base labels' scores: all that the product's head knows, put
    together by hand.
    """

    NAME: ClassVar[str] = "logistic_priors"
    TITLE: ClassVar[str] = "both priors + logistic"

    def settings(self, task: PlainTask) -> tuple[Setting, ...]:
        """Those of logistic regression, the space to compare in, and both weights."""
        return grid(
            features=("unit", JOINT),
            C=STRENGTHS,
            balanced=(True, False),
            **unknowns(task),
            space=tuple(task.cosines),
            cosine=COSINE_WEIGHTS,
            base=BASE_WEIGHTS,
        )

    def scores(self, task: PlainTask, setting: Setting) -> NDArray[np.floating]:
        """Log odds and both priors, [Q, N]."""
        fitted = dict(setting)
        space, cosine, base = (fitted.pop(name) for name in ("space", "cosine", "base"))
        priors = cosine * task.cosines[space] + base * task.inferred
        found: NDArray[np.floating] = logits(task, **fitted) + priors
        return found
