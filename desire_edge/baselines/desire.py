"""DESIRE-Net, behind the interface of the comparison."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from desire_edge.training.config import Fraction, MetaConfig
from desire_edge.training.inner_loop import EpisodeBatch
from desire_edge.training.learner import MetaLearner
from desire_edge.training.method import MetaTrained, outer_loss, without_trunk


class DesireConfig(MetaConfig):
    """DESIRE-Net's settings in the comparison: those of `train`, with the paper's loss and a few steps."""

    inner_steps: Annotated[int, Field(ge=0, le=64)] = 5
    multi_step_weight: Fraction = 0.0


class DesireNet(MetaTrained):
    """Wang, Duan, Liu, Tao, "Multi-label Few-shot Learning with Semantic Inference", AAAI 2021.

    Logits are Eq. (1): what W_Z makes of an example and what its base labels' scores say of novel labels through W_I,
    each l2-normalised, scored against the word vectors of the labels. θ = {W_Z, W_I, γ1, γ2} is meta-learned by
    second-order MAML on episodes that play base labels as novel, F frozen. This is `training.learner.MetaLearner`,
    as `train` uses it.
    """

    CONFIG = DesireConfig
    SEARCH = (
        {},
        {"step_size": 0.06},
        {"inner_steps": 3},
        {"inner_steps": 8},
        {"zero_shot_weight": 0.0},
        {"learning_rate": 3e-3},
    )

    def __init__(
        self, rows: Tensor, w_base: Tensor, config: MetaConfig, trunk: Sequence[int] | None = None
    ) -> None:
        without_trunk(self, trunk)
        super().__init__(rows, w_base, config)
        self.config = config
        self.learner = MetaLearner(w_base, config)

    def forward(self, episodes: EpisodeBatch) -> list[Tensor]:
        """Eq. (1) after 0 … T inner steps."""
        logits: list[Tensor] = self.learner(episodes)
        return logits

    def optimizer(self) -> torch.optim.Optimizer:
        """That of the learner."""
        return self.learner.optimizer(self.config)

    def outer_loss(self, episodes: EpisodeBatch, progress: float) -> Tensor:
        """The one `train` minimises."""
        return outer_loss(self(episodes), episodes, self.config)
