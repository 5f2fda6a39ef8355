"""Logistic regression, a label at a time."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from desire_edge.baselines.plain import PlainBaseline, PlainTask, Setting, grid

# The inverse strengths of regularisation that are tried; features have a norm of about 1.
STRENGTHS = (10.0, 1.0, 100.0)


def log_odds(
    x: Any, targets: NDArray[np.bool_], x_query: Any, *, C: float, balanced: bool
) -> NDArray[np.float64]:
    """scikit-learn's logistic regression of each label: x [S, width], targets [S, N], x_query [Q, width] -> [Q, N].

    It cannot be fitted to a label that all examples carry, or none: that gets the log odds of its counts, half an
    example added to each side.
    """
    scores = np.empty((x_query.shape[0], targets.shape[1]))
    for label, carried in enumerate(targets.T):
        if carried.any() and not carried.all():
            model = LogisticRegression(C=C, class_weight="balanced" if balanced else None, max_iter=1000)
            scores[:, label] = model.fit(x, carried).decision_function(x_query)
        else:
            scores[:, label] = np.log((carried.sum() + 0.5) / ((~carried).sum() + 0.5))
    return scores


# Keyed by the task itself: while settings are chosen, logistic regression with the cosine shares these fits.
@lru_cache(maxsize=64)
def logits(task: PlainTask, features: str, C: float, balanced: bool) -> NDArray[np.float64]:
    """`log_odds` of a task on one kind of its features, [Q, N]."""
    found = log_odds(task.support[features], task.targets, task.query[features], C=C, balanced=balanced)
    found.flags.writeable = False
    return found


def settings(task: PlainTask) -> tuple[Setting, ...]:
    """What of logistic regression is chosen: features, strength, and whether both classes weigh the same."""
    return grid(features=tuple(task.support), C=STRENGTHS, balanced=(True, False))


class Logistic(PlainBaseline):
    """Logistic regression on the features, tuned: five lines of scikit-learn, and hard to beat (Chen et al., "A closer
    look at few-shot classification", ICLR 2019).
    """

    NAME: ClassVar[str] = "logistic"
    TITLE: ClassVar[str] = "logistic regression"

    def settings(self, task: PlainTask) -> tuple[Setting, ...]:
        """Features, C, and whether classes are balanced."""
        return settings(task)

    def scores(self, task: PlainTask, setting: Setting) -> NDArray[np.floating]:
        """Log odds, [Q, N]."""
        return logits(task, setting["features"], setting["C"], setting["balanced"])
