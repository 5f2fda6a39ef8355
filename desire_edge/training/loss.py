"""The loss of training and adaptation alike."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def masked_bce(logits: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
    """Σ m·BCEWithLogits / Σ m over the last two dimensions: [..., S, N] -> [...].

    `mask` m is 1 where the target is known and 0 where it is not (a user who did not look is not saying no). Where
    nothing is known the loss is 0.
    """
    losses = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    return (losses * mask).sum(dim=(-2, -1)) / mask.sum(dim=(-2, -1)).clamp(min=torch.finfo(mask.dtype).tiny)


def known_ways(mask: Tensor) -> Tensor:
    """How many labels anything is known of, at least 1: mask [..., S, N] -> [...]."""
    return mask.any(dim=-2).sum(dim=-1).clamp(min=1)


def inner_loss(logits: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
    """The inner loop's loss: `masked_bce` times the number of labels that anything is known of, [..., S, N] -> [...].

    The mean over labels would leave each label a gradient that falls with their number, so that no step size suits
    tasks of two and of ten labels alike (on validation labels that is worth 2 points at 10-way 5-shot).
    """
    return masked_bce(logits, targets, mask) * known_ways(mask)
