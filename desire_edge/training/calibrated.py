"""Scores of base labels as log odds."""

from __future__ import annotations

import torch
from torch import Tensor


def calibrated(w_base: Tensor, scores: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """w_base [d, B] times one factor, and a bias [B], so that the scores [rows, B] are log odds of the targets."""
    factor = torch.zeros((), dtype=scores.dtype, device=scores.device, requires_grad=True)
    odds = torch.logit(targets.mean(dim=0).clamp(0.5 / max(1, len(targets)), 1 - 0.5 / max(1, len(targets))))
    bias = odds.clone().requires_grad_()
    spread = scores.std().clamp(min=1e-12)
    optimizer = torch.optim.LBFGS([factor, bias], max_iter=50, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        logits = scores / spread * factor.exp() + bias
        value = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets)
        value.backward()  # type: ignore[no-untyped-call]
        return value

    with torch.enable_grad():
        optimizer.step(loss)  # type: ignore[no-untyped-call]
    return w_base / spread * factor.detach().exp(), bias.detach()
