"""The interface of all contenders."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import ClassVar, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from problem import Head, Problem
from torch import Tensor

Result = TypeVar("Result")


class UnavailableError(Exception):
    """A contender that cannot run here; the message says why."""


class Contender(ABC):
    """One way to adapt: made for one problem, what can be prepared beforehand prepared; then timed call by call."""

    name: ClassVar[str]
    work: ClassVar[str] = "to the complete folded head"

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    @abstractmethod
    def seconds(self) -> float:
        """Do the work once; how long it took."""

    @abstractmethod
    def logits(self) -> NDArray[np.float64]:
        """Those [n, N] that the last call's result gives the problem's query rows."""

    def close(self) -> None:  # noqa: B027  (most hold nothing)
        """Give back what is held outside this process."""


class InProcess(Contender, Generic[Result]):
    """A contender that works in this process and ends with a folded head."""

    _result: Result

    @abstractmethod
    def adapt(self) -> Result:
        """The work that is timed."""

    @abstractmethod
    def head(self, result: Result) -> Head:
        """The result as numpy arrays."""

    def seconds(self) -> float:
        """Do the work once; how long it took."""
        started = time.perf_counter()
        self._result = self.adapt()
        return time.perf_counter() - started

    def logits(self) -> NDArray[np.float64]:
        """Those [n, N] that the last call's result gives the problem's query rows."""
        return self.head(self._result).logits(self.problem.query, self.problem.r)


def tensors(problem: Problem, *names: str) -> list[Tensor]:
    """Arrays of the problem as torch tensors of the same memory."""
    return [torch.from_numpy(getattr(problem, name)) for name in names]
