"""Logistic regression, a label at a time."""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from desire_edge.baselines.logistic_fit import coordinates, log_odds
from desire_edge.baselines.plain import PlainBaseline, PlainTask, Setting, counted, grid, unknowns

# The inverse strengths of regularisation that are tried; features have a norm of about 1.
STRENGTHS = (10.0, 1.0, 100.0)
JOINT = "unit and base"
"""Features that only some baselines take: the unit ones, and beside them the base labels' scores."""

Array = NDArray[np.float64]


# Keyed by the task itself: while settings are chosen, what several baselines fit is fitted once.
@lru_cache(maxsize=16)
def axes(task: PlainTask, features: str) -> tuple[Array, Array]:
    """`coordinates` of a task's support and query by one kind of its features."""
    if features == JOINT:
        support, query = task.base_scores
        return coordinates(np.hstack([task.support["unit"], support]), np.hstack([task.query["unit"], query]))
    return coordinates(task.support[features], task.query[features])


@lru_cache(maxsize=64)
def logits(task: PlainTask, features: str, C: float, balanced: bool, unknown: str | None = None) -> Array:
    """`log_odds` of a task on one kind of its features, [Q, N]."""
    x, x_query = axes(task, features)
    found = log_odds(x, task.targets, x_query, C=C, balanced=balanced, known=counted(task, unknown))
    found.flags.writeable = False
    return found


def settings(task: PlainTask) -> tuple[Setting, ...]:
    """What of logistic regression is chosen: features, strength, whether both classes weigh the same, the unknown."""
    return grid(features=tuple(task.support), C=STRENGTHS, balanced=(True, False), **unknowns(task))


class LogOdds(PlainBaseline):
    """A baseline whose scores are log odds."""

    def probabilities(self, scores: NDArray[np.floating]) -> NDArray[np.floating]:
        """σ of the scores."""
        found: NDArray[np.floating] = expit(scores)
        return found


class Logistic(LogOdds):
    """Logistic regression on the features, tuned: five lines of scikit-learn, and hard to beat (Chen et al., "A closer
    look at few-shot classification", ICLR 2019).
    """

    NAME: ClassVar[str] = "logistic"
    TITLE: ClassVar[str] = "logistic regression"

    def settings(self, task: PlainTask) -> tuple[Setting, ...]:
        """Features, C, whether classes are balanced, and what becomes of unknown targets."""
        return settings(task)

    def scores(self, task: PlainTask, setting: Setting) -> NDArray[np.floating]:
        """Log odds, [Q, N]."""
        return logits(task, **setting)
