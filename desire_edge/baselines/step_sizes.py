"""Learned step sizes: one positive scalar a group of tensors a step."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from desire_edge.baselines.adaptation import StepSizes


class LearnedStepSizes(nn.Module):
    """The inner loop's step sizes as parameters, kept as logarithms: they stay positive and move by factors.

    Args:
        groups: names of the weights that share a step size, group by group.
        steps: T.
        start: what every step size starts at.
    """

    def __init__(self, groups: Sequence[Sequence[str]], steps: int, start: float) -> None:
        super().__init__()
        self.groups = groups
        self.log = nn.Parameter(torch.full((steps, len(groups)), math.log(start)))

    def forward(self) -> list[StepSizes]:
        """One mapping a step from weight names to scalars."""
        return [
            {name: size for names, size in zip(self.groups, row, strict=True) for name in names}
            for row in self.log.exp()
        ]

    def parameter_group(self, learning_rate: float) -> dict[str, object]:
        """The optimiser's group of the step sizes, which learn at a rate of their own."""
        return {"params": [self.log], "initial_lr": learning_rate}
