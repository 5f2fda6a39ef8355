"""Logistic regression with the cosine to the name added."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from desire_edge.baselines.logistic import logits
from desire_edge.baselines.logistic import settings as logistic_settings
from desire_edge.baselines.plain import PlainBaseline, PlainTask, Setting, grid

WEIGHTS = (6.0, 1.0, 2.0, 4.0, 8.0, 12.0, 16.0)


class LogisticCosine(PlainBaseline):
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
        found = logits(task, setting["features"], setting["C"], setting["balanced"])
        weight: float = setting["weight"]
        return found + weight * task.cosines[setting["space"]]
