"""The l2 norm that every implementation of the model shares."""

from __future__ import annotations

import torch
from torch import Tensor

EPSILON = 1e-6
"""The ε of every l2 norm, r = √(a·a + ε²): its gradient is finite at zero, unlike that of `F.normalize`."""


def smooth_norm(a: Tensor) -> Tensor:
    """a [..., k] -> √(a·a + ε²) [..., 1]."""
    return torch.sqrt((a * a).sum(dim=-1, keepdim=True) + EPSILON**2)


def smooth_normalize(a: Tensor) -> Tensor:
    """a [..., k] -> a divided by its smooth l2 norm, [..., k]."""
    return a / smooth_norm(a)
