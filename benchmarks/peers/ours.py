"""The core of this project, called from Python."""

from __future__ import annotations

from typing import Any

from problem import Head, Problem

from desire_edge import _core

from .contender import InProcess

TASK = ("z", "targets", "mask", "w_novel", "step_sizes")
MODEL = ("w1", "b1", "w2", "b2", "gamma1", "gamma2", "p", "r", "q0")
HEAD = ("w1", "b1", "v", "q", "m", "gamma1", "gamma2")


class Ours(InProcess[dict[str, Any]]):
    """`desire_edge._core`: C++ through Python."""

    name = "ours"

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self._arguments: dict[str, Any] = {name: getattr(problem, name) for name in (*TASK, *MODEL)}

    def adapt(self) -> dict[str, Any]:
        """The work that is timed."""
        return dict(_core.adapt_lowrank(**self._arguments))

    def head(self, result: dict[str, Any]) -> Head:
        """The result as numpy arrays."""
        return Head(**{name: result[name] for name in HEAD})
