"""The core of this project, as Python calls it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from problem import Head, Problem

from desire_edge import _core

from .contender import InProcess

SUPPORT = ("z", "targets", "mask", "step_sizes")
MODEL = ("w1", "b1", "w2", "b2", "gamma1", "gamma2", "p", "r", "q0")
HEAD = ("w1", "b1", "v", "q", "m", "gamma1", "gamma2")


class Ours(InProcess[Mapping[str, Any]]):
    """`desire_edge._core` as a user calls it: the model packed once, labels and all results made by the call."""

    name = "ours"

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self._model = _core.Model(**{name: getattr(problem, name) for name in MODEL})
        self._support: dict[str, Any] = {name: getattr(problem, name) for name in SUPPORT}

    def adapt(self) -> Mapping[str, Any]:
        """The work that is timed."""
        return self._model.adapt(self._model.labels(self.problem.w_novel), **self._support)

    def head(self, result: Mapping[str, Any]) -> Head:
        """The result as numpy arrays."""
        return Head(**{name: result[name] for name in HEAD})


class OursLabelsKept(Ours):
    """The same for a label set that was there before: what depends on the labels alone is not computed again."""

    name = "ours_labels_kept"
    work = "to the complete folded head, for labels prepared before"

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self._labels = self._model.labels(problem.w_novel)

    def adapt(self) -> Mapping[str, Any]:
        """The work that is timed."""
        return self._model.adapt(self._labels, **self._support)
