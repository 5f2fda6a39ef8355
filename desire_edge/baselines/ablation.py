"""What the ablations of DESIRE-Net share: everything but the part that is removed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from desire_edge.baselines.desire import DesireConfig
from desire_edge.baselines.step_sizes import LearnedStepSizes
from desire_edge.training.config import MetaConfig, Section
from desire_edge.training.inner_loop import EpisodeBatch
from desire_edge.training.method import MetaTrained, outer_loss, without_trunk


class Ablation(MetaTrained):
    """Meta-trained as DESIRE-Net is: the same settings, learned step sizes, outer loss and optimiser.

    Args of a subclass:
        groups: names of the adapted weights that share a step size, group by group.
    """

    CONFIG: ClassVar[type[Section]] = DesireConfig

    def __init__(
        self,
        rows: Tensor,
        w_base: Tensor,
        config: MetaConfig,
        trunk: Sequence[int] | None,
        groups: Sequence[Sequence[str]],
    ) -> None:
        without_trunk(self, trunk)
        super().__init__(rows, w_base, config)
        self.config = config
        self.step_sizes = LearnedStepSizes(groups, config.inner_steps, config.step_size)
        self.step_sizes.log.requires_grad_(config.learn_step_sizes)

    def optimizer(self) -> torch.optim.Optimizer:
        """Adam; the step sizes learn at a rate of their own."""
        return torch.optim.Adam(
            [
                {
                    "params": [p for p in self.parameters() if p is not self.step_sizes.log],
                    "initial_lr": self.config.learning_rate,
                },
                self.step_sizes.parameter_group(self.config.step_size_learning_rate),
            ]
        )

    def outer_loss(self, episodes: EpisodeBatch, progress: float) -> Tensor:
        """As DESIRE-Net's."""
        return outer_loss(self(episodes), episodes, self.config)
