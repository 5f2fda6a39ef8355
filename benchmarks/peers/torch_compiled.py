"""torch.compile: the hand-written step as plain functions, fused by the compiler."""

from __future__ import annotations

import torch
from problem import Problem
from torch import Tensor

from desire_edge.models import smooth_norm

from .contender import UnavailableError
from .torch_eager import TorchEager, TorchHead, fold_transform

State = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]


def take_step(
    state: State,
    z: Tensor,
    scores: Tensor,
    targets: Tensor,
    weight: Tensor,
    w_novel: Tensor,
    step_sizes: Tensor,
) -> State:
    """One SGD step on w1, b1, w2, b2, w_i, γ1, γ2."""
    w1, b1, w2, b2, w_i, gamma1, gamma2 = state
    eta1, eta2, eta_i, eta_gamma1, eta_gamma2 = step_sizes.unbind()
    hidden_in = z @ w1 + b1
    hidden = torch.relu(hidden_in)
    out = hidden @ w2 + b2
    norm = smooth_norm(out)
    unit = out / norm
    inferred = scores @ w_i
    logits = (gamma1 * unit + gamma2 * inferred) @ w_novel
    error_words = (weight * (torch.sigmoid(logits) - targets)) @ w_novel.T
    along = (error_words * unit).sum(dim=1, keepdim=True)
    d_out = gamma1 * (error_words - along * unit) / norm
    d_hidden = (d_out @ w2.T) * (hidden_in > 0)
    return (
        w1 - eta1 * (z.T @ d_hidden),
        b1 - eta1 * d_hidden.sum(dim=0),
        w2 - eta2 * (hidden.T @ d_out),
        b2 - eta2 * d_out.sum(dim=0),
        w_i - eta_i * gamma2 * (scores.T @ error_words),
        gamma1 - eta_gamma1 * along.sum(),
        gamma2 - eta_gamma2 * (error_words * inferred).sum(),
    )


def fold(state: State, w_base: Tensor, w_novel: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """V', Q' and M'."""
    _, _, w2, b2, w_i, _, _ = state
    return (*fold_transform(w2, b2, w_novel), w_base @ (w_i @ w_novel))


class TorchCompiled(TorchEager):
    """The step and the fold under torch.compile (inductor), compiled before the clock starts."""

    name = "torch_compile"

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        w1, b1, w2, b2, w_i, gamma1, gamma2 = self._learned
        self._state: State = (w1, b1, w2, b2, w_i, gamma1, gamma2)
        self._step_tensors = list(torch.from_numpy(problem.step_sizes))
        self._step = torch.compile(take_step, dynamic=False, fullgraph=True)
        self._fold = torch.compile(fold, dynamic=False, fullgraph=True)
        torch._dynamo.reset()  # each problem has shapes of its own, and the cache is small
        try:
            self.adapt()
        except Exception as error:  # whatever the compiler lacks here
            reason = str(error).strip().partition("\n")[0]
            raise UnavailableError(f"torch.compile does not work here: {reason}") from error

    def adapt(self) -> TorchHead:
        """The work that is timed."""
        with torch.inference_mode():
            scores = self._z @ self._w_base
            scores /= smooth_norm(scores)
            state = self._state
            for step_sizes in self._step_tensors:
                state = self._step(
                    state, self._z, scores, self._targets, self._weight, self._w_novel, step_sizes
                )
            v, q, m = self._fold(state, self._w_base, self._w_novel)
            w1, b1, _, _, _, gamma1, gamma2 = state
            return TorchHead(w1, b1, v, q, m, float(gamma1), float(gamma2))
