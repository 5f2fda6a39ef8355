"""The head `prior` on a task's examples: a few steps of a solver that needs no step size, differentiable."""

from __future__ import annotations

import torch
from torch import Tensor

OUTER_STEPS, FEW_EXAMPLES, CG_STEPS, CG_STEPS_OF_MANY = 6, 128, 18, 48


def dual(kernel: Tensor, prior: Tensor, targets: Tensor, weights: Tensor, bias_variance: Tensor) -> Tensor:
    """α [E, S, N] of least Σ c·BCE(f, y) + ½ αᵀ A(α) with f = prior + A(α), A(α) = K α + τ_b 1ᵀα, a label at a time.

    Each outer step bounds the loss by a parabola about f (Jaakkola and Jordan, 2000, halfway to Newton's) and goes
    towards its least by conjugate gradients on (I + h A h) β, h the square root of the curvatures, α = h β.

    Args:
        kernel: K [E, S, S].
        prior: logits before the examples, [E, S, N].
        targets: [E, S, N].
        weights: c [E, S, N], 0 where the target is not known.
        bias_variance: τ_b [E, 1, N].
    """

    def a(v: Tensor) -> Tensor:
        return kernel @ v + bias_variance * v.sum(dim=-2, keepdim=True)

    def squared(v: Tensor) -> Tensor:
        return (v * v).sum(dim=-2, keepdim=True)

    alpha, f = torch.zeros_like(prior), prior
    steps = CG_STEPS if kernel.shape[-1] <= FEW_EXAMPLES else CG_STEPS_OF_MANY
    for _ in range(OUTER_STEPS):
        p = torch.sigmoid(f)
        size = f.abs().clamp(min=0.01)
        curvature = (0.25 * torch.tanh(size / 2) / size + 0.5 * p * (1 - p)).clamp(min=1e-3)
        some = weights > 0
        # A root has no gradient at 0: there h is 0 by choice, not by calculation.
        h = torch.where(some, torch.where(some, weights * curvature, 1.0).sqrt(), 0.0)
        inverse = torch.where(some, 1 / torch.where(some, h, 1.0), 0.0)
        beta = alpha * inverse
        residual = h * (f - prior) + weights * (targets - p) * inverse - (beta + h * a(h * beta))
        direction, square = residual, squared(residual)
        for _ in range(steps):
            image = direction + h * a(h * direction)
            step = square / ((direction * image).sum(dim=-2, keepdim=True) + 1e-20)
            beta = beta + step * direction
            residual = residual - step * image
            before, square = square, squared(residual)
            direction = residual + square / (before + 1e-20) * direction
        alpha = h * beta
        f = prior + a(alpha)
    return alpha
