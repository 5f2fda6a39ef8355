"""Every label called."""

from __future__ import annotations

import torch
from torch import Tensor

from desire_edge.training.config import Section
from desire_edge.training.inner_loop import EpisodeBatch
from desire_edge.training.method import Method


class AllPositiveConfig(Section):
    """There is nothing to set."""


class AllPositive(Method):
    """The floor under F1, from no paper: every label is called for every example.

    It knows nothing and learns nothing. Its AUC is one half, but its F1 is not zero: tasks are drawn so that every
    label has positives. An F1 below it is worse than not looking.
    """

    CONFIG = AllPositiveConfig
    SEARCH = ({},)

    def forward(self, episodes: EpisodeBatch) -> list[Tensor]:
        """Logits of 1 everywhere: one tensor [E, S+Q, N]."""
        return [torch.ones_like(episodes.targets)]
