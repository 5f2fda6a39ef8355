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
