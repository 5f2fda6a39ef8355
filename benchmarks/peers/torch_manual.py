"""Torch by a careful person: gradients by hand, weights updated in place, every buffer allocated beforehand."""

from __future__ import annotations

import torch
from problem import Head, Problem
from torch import Tensor

from desire_edge.models import EPSILON

from .contender import InProcess, tensors
from .torch_eager import TorchHead


class TorchManual(InProcess[TorchHead]):
    """Hand-written gradients on w1, b1, w2, b2 and w_i [B, d] in place; no autograd, no allocation in the loop.

    What a step does not change, z W_base over its norm, is computed once.
    """

    name = "torch_manual"
    fold_gram = True

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self._z, self._targets, mask, self._w_novel, self._w_base = tensors(
            problem, "z", "targets", "mask", "w_novel", "w_base"
        )
        self._weight = mask / mask.sum()
        self._w1, self._b1, w2, b2 = tensors(problem, "w1", "b1", "w2", "b2")
        self._tilde = torch.cat([w2, b2[None]])
        self._inference = self._initial_inference()
        self._step_sizes = problem.step_sizes.tolist()
        (S, d), N, h = self._z.shape, self._w_novel.shape[1], len(self._b1)
        new = self._z.new_empty
        self._new_w1, self._new_b1 = torch.empty_like(self._w1), torch.empty_like(self._b1)
        self._new_tilde, self._new_inference = (
            torch.empty_like(self._tilde),
            torch.empty_like(self._inference),
        )
        self._hidden_in, self._hidden, self._d_hidden = new(S, h), new(S, h), new(S, h)
        self._out, self._unit, self._inferred, self._mixed, self._error_words = (new(S, d) for _ in range(5))
        self._column, self._logits, self._error = new(S, 1), new(S, N), new(S, N)
        self._v, self._q, self._m = new(h + 1, N), new(h + 1, h + 1), new(d, N)

    def adapt(self) -> TorchHead:
        """The work that is timed."""
        with torch.inference_mode():
            return self._adapt()

    def head(self, result: TorchHead) -> Head:
        """The result as numpy arrays."""
        return result.numpy()

    def _initial_inference(self) -> Tensor:
        """The matrix that carries w_i."""
        (w_i,) = tensors(self.problem, "w_i")
        return w_i

    def _base_scores(self) -> tuple[Tensor, Tensor]:
        """What multiplies the inference matrix, and what its gradient is an outer product with, [S, B] both."""
        scores = self._z @ self._w_base
        scores.div_(scores.square().sum(dim=1, keepdim=True).add_(EPSILON**2).sqrt_())
        return scores, scores

    def _fold_inference(self, inference: Tensor) -> None:
        torch.mm(self._w_base, inference @ self._w_novel, out=self._m)

    def _adapt(self) -> TorchHead:
        z, w_novel = self._z, self._w_novel
        w1, b1, tilde, inference = self._new_w1, self._new_b1, self._new_tilde, self._new_inference
        w1.copy_(self._w1)
        b1.copy_(self._b1)
        tilde.copy_(self._tilde)
        inference.copy_(self._inference)
        w2, b2 = tilde[:-1], tilde[-1]
        gamma1, gamma2 = self.problem.gamma1, self.problem.gamma2
        scores, changes = self._base_scores()
        z_columns, change_columns, novel_rows = z.T, changes.T, w_novel.T
        for eta1, eta2, eta_i, eta_gamma1, eta_gamma2 in self._step_sizes:
            torch.addmm(b1, z, w1, out=self._hidden_in)
            torch.clamp(self._hidden_in, min=0, out=self._hidden)
            torch.addmm(b2, self._hidden, w2, out=self._out)
            torch.linalg.vector_norm(self._out, dim=1, keepdim=True, out=self._column)
            # The model's norm: √(n² + ε²).
            self._column.square_().add_(EPSILON**2).sqrt_()
            torch.div(self._out, self._column, out=self._unit)
            torch.mm(scores, inference, out=self._inferred)
            torch.mul(self._inferred, gamma2, out=self._mixed)
            self._mixed.add_(self._unit, alpha=gamma1)
            torch.mm(self._mixed, w_novel, out=self._logits)

            torch.sigmoid(self._logits, out=self._error)
            self._error.sub_(self._targets).mul_(self._weight)
            torch.mm(self._error, novel_rows, out=self._error_words)  # ∂loss/∂(γ1 unit + γ2 inferred)
            torch.mul(self._error_words, self._unit, out=self._mixed)
            along = self._mixed.sum(dim=1, keepdim=True)
            d_gamma1 = float(along.sum())
            d_gamma2 = float(torch.dot(self._error_words.view(-1), self._inferred.view(-1)))
            torch.addcmul(self._error_words, self._unit, along, value=-1, out=self._out)
            self._out.div_(self._column).mul_(gamma1)  # ∂loss/∂W_Z(z)
            torch.mm(self._out, w2.T, out=self._d_hidden)
            self._d_hidden.mul_(self._hidden_in > 0)

            tilde_columns = self._hidden.T
            w2.addmm_(tilde_columns, self._out, alpha=-eta2)
            b2.sub_(self._out.sum(dim=0), alpha=eta2)
            w1.addmm_(z_columns, self._d_hidden, alpha=-eta1)
            b1.sub_(self._d_hidden.sum(dim=0), alpha=eta1)
            inference.addmm_(change_columns, self._error_words, alpha=-eta_i * gamma2)
            gamma1 -= eta_gamma1 * d_gamma1
            gamma2 -= eta_gamma2 * d_gamma2
        torch.mm(tilde, w_novel, out=self._v)
        if self.fold_gram:
            torch.mm(tilde, tilde.T, out=self._q)
        self._fold_inference(inference)
        return TorchHead(w1, b1, self._v, self._q, self._m, gamma1, gamma2)


class TorchManualProduct(TorchManual):
    """The same with P = W_base W_I [d, d] carried in place of w_i, which is exact: B is paid for at export.

    P −= η γ2 (W_base W_baseᵀ) (z / ρ)ᵀ (∂loss/∂inferred), and ‖z W_base‖² = z (W_base W_baseᵀ) zᵀ.
    """

    name = "torch_manual_product"

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self._base_gram = torch.from_numpy((problem.r.T.astype("f8") @ problem.r).astype(problem.r.dtype))

    def _initial_inference(self) -> Tensor:
        (p,) = tensors(self.problem, "p")
        return p

    def _base_scores(self) -> tuple[Tensor, Tensor]:
        through_gram = self._z @ self._base_gram
        norms = (through_gram * self._z).sum(dim=1, keepdim=True).add_(EPSILON**2).sqrt_()
        return self._z / norms, through_gram.div_(norms)

    def _fold_inference(self, inference: Tensor) -> None:
        torch.mm(inference, self._w_novel, out=self._m)


class TorchManualUnfolded(TorchManualProduct):
    """The same, but W_2' and b_2' stay as they are in place of Q': a head that predicts as well, without the fold."""

    name = "torch_manual_w2"
    work = "to a head with W_2' and b_2' in place of Q'"
    fold_gram = False

    def head(self, result: TorchHead) -> Head:
        """The result as numpy arrays, with the Q' that the timed work leaves out."""
        torch.mm(self._new_tilde, self._new_tilde.T, out=self._q)
        return super().head(result)
