"""Nearest centroid."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from desire_edge.baselines.plain import PlainBaseline, PlainTask, Setting, counted, grid, unknowns

SHRINKAGE = (0.0, 0.5, 1.0, 2.0)


class NearestCentroid(PlainBaseline):
    """How much nearer an example is to the mean of a label's positives than to that of its negatives (Rocchio, 1971).

    Each mean is drawn towards 0, the mean of all that training saw, as if so many further examples stood there; that
    of no examples is 0.
    """

    NAME: ClassVar[str] = "centroid"
    TITLE: ClassVar[str] = "nearest centroid"

    def settings(self, task: PlainTask) -> tuple[Setting, ...]:
        """Features that are centred, shrinkage, whether negatives have a centroid, what becomes of unknown targets."""
        centred = tuple(kind for kind in task.support if kind != "raw")
        return grid(features=centred, shrinkage=SHRINKAGE, negatives=(True, False), **unknowns(task))

    def scores(self, task: PlainTask, setting: Setting) -> NDArray[np.floating]:
        """Half the squared distance to the negatives' centroid less that to the positives', [Q, N]."""
        x, x_query = task.support[setting["features"]], task.query[setting["features"]]
        known = counted(task, setting.get("unknown"))
        positives = _nearness(x, known & task.targets, x_query, setting["shrinkage"])
        if not setting["negatives"]:
            return positives
        return positives - _nearness(x, known & ~task.targets, x_query, setting["shrinkage"])


def _nearness(
    x: NDArray[np.float32], members: NDArray[np.bool_], x_query: NDArray[np.float32], shrinkage: float
) -> NDArray[np.float64]:
    """x·c - ½‖c‖² of the centroids c of `members` [S, N]: [Q, N]."""
    weight = members / np.maximum(members.sum(axis=0) + shrinkage, 1)
    centroids = x.T.astype(np.float64) @ weight
    found: NDArray[np.float64] = x_query @ centroids - 0.5 * (centroids**2).sum(axis=0)
    return found
