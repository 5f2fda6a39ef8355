"""Torch as one would write it: Eq. (1) on the weights as they stand, autograd, SGD in place, then the fold."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from problem import Head, Problem
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from desire_edge.models import smooth_normalize

from .contender import InProcess, tensors

LEARNED = ("w1", "b1", "w2", "b2", "w_i")
STEP_COLUMNS = (0, 0, 1, 1, 2, 3, 4)  # of the tensors above, γ1 and γ2


@dataclass(frozen=True)
class TorchHead:
    """The folded head as tensors, the factors as numbers."""

    w1: Tensor
    b1: Tensor
    v: Tensor
    q: Tensor
    m: Tensor
    gamma1: float
    gamma2: float

    def numpy(self) -> Head:
        """The same memory as numpy arrays."""
        w1, b1, v, q, m = (value.numpy() for value in (self.w1, self.b1, self.v, self.q, self.m))
        return Head(w1, b1, v, q, m, self.gamma1, self.gamma2)


def fold_transform(w2: Tensor, b2: Tensor, w_novel: Tensor) -> tuple[Tensor, Tensor]:
    """V = W2~ W_novel and Q = W2~ W2~ᵀ with W2~ = [W_2; b_2]."""
    tilde = torch.cat([w2, b2[None]])
    return tilde @ w_novel, tilde @ tilde.T


class TorchEager(InProcess[TorchHead]):
    """Eager autograd on explicit weights."""

    name = "torch_eager"

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self._z, self._targets, mask, self._w_novel, self._w_base = tensors(
            problem, "z", "targets", "mask", "w_novel", "w_base"
        )
        self._weight = mask / mask.sum()
        self._learned = tensors(problem, *LEARNED)
        self._learned += [
            torch.tensor(value, dtype=self._z.dtype) for value in (problem.gamma1, problem.gamma2)
        ]
        self._step_sizes = problem.step_sizes.tolist()

    def adapt(self) -> TorchHead:
        """The work that is timed."""
        learned = [tensor.clone().requires_grad_() for tensor in self._learned]
        for step_sizes in self._step_sizes:
            gradients = torch.autograd.grad(self._loss(*learned), learned)
            with torch.no_grad():
                for tensor, gradient, column in zip(learned, gradients, STEP_COLUMNS, strict=True):
                    tensor.sub_(gradient, alpha=step_sizes[column])
        with torch.no_grad():
            w1, b1, w2, b2, w_i, gamma1, gamma2 = (tensor.detach() for tensor in learned)
            v, q = fold_transform(w2, b2, self._w_novel)
            m = self._w_base @ (w_i @ self._w_novel)
        return TorchHead(w1, b1, v, q, m, float(gamma1), float(gamma2))

    def head(self, result: TorchHead) -> Head:
        """The result as numpy arrays."""
        return result.numpy()

    def _loss(
        self, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor, w_i: Tensor, gamma1: Tensor, gamma2: Tensor
    ) -> Tensor:
        transformed = torch.relu(self._z @ w1 + b1) @ w2 + b2
        inferred = smooth_normalize(self._z @ self._w_base) @ w_i
        logits = (gamma1 * smooth_normalize(transformed) + gamma2 * inferred) @ self._w_novel
        return binary_cross_entropy_with_logits(logits, self._targets, self._weight, reduction="sum")
