"""Logistic regression with the cosine to the name added."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from desire_edge.baselines.logistic import LogOdds, logits
from desire_edge.baselines.logistic import settings as logistic_settings
from desire_edge.baselines.plain import PlainTask, Setting, grid

WEIGHTS = (6.0, 1.0, 2.0, 4.0, 8.0, 12.0, 16.0)


class LogisticCosine(LogOdds):
    """Logistic regression's log odds + weight · cosine to the label's name: what a user writes who has both examples
    and names.

    A label that all examples carry, or none, goes by its name: there logistic regression has only a constant.
    """

    NAME: ClassVar[str] = "logistic_cosine"
    TITLE: ClassVar[str] = "logistic + cosine"

    def settings(self, task: PlainTask) -> tuple[Setting, ...]:
        """Those of logistic regression, the space to compare in, and the cosine's weight."""
        names = grid(space=tuple(task.cosines), weight=WEIGHTS)
        return tuple({**fitted, **name} for fitted in logistic_settings(task) for name in names)

    def scores(self, task: PlainTask, setting: Setting) -> NDArray[np.floating]:
        """Log odds and cosines, [Q, N]."""
        fitted = dict(setting)
        space, weight = fitted.pop("space"), fitted.pop("weight")
        found: NDArray[np.floating] = logits(task, **fitted) + weight * task.cosines[space]
        return found
