"""DESIRE-Net without the semantic pre-training of its feature extractor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from desire_edge.baselines.desire import DesireConfig, DesireNet
from desire_edge.models import Extractor, Mlp
from desire_edge.training.config import Positive
from desire_edge.training.inner_loop import EpisodeBatch


class NoPretrainingConfig(DesireConfig):
    """DESIRE-Net's settings, and the hidden layers of F, which are those of `train`."""

    extractor: tuple[Positive, ...] = (1000, 1000)


class NoPretraining(DesireNet):
    r"""DESIRE-Net\F (Wang et al., AAAI 2021): "without the semantic pre-training of the feature extractor".

    Removed is the pre-training: F starts at random and is learned with the head, by the query loss of the training
    episodes alone. The inner loop leaves it as it is, as DESIRE-Net's does. Rows are raw x here.
    `PlainPretraining` is the other thing that could be meant.
    """

    CONFIG = NoPretrainingConfig
    FEATURES = "raw"

    def __init__(
        self, rows: Tensor, w_base: Tensor, config: NoPretrainingConfig, trunk: Sequence[int] | None = None
    ) -> None:
        super().__init__(rows, w_base, config, trunk)
        self.extractor = Extractor(Mlp(rows.shape[1], config.extractor, 0.0), len(w_base))

    def forward(self, episodes: EpisodeBatch) -> list[Tensor]:
        """Eq. (1) after 0 … T inner steps, on z = F(x)."""
        return super().forward(replace(episodes, z=self.extractor(episodes.z)))

    def optimizer(self) -> torch.optim.Optimizer:
        """DESIRE-Net's, and F at the same learning rate."""
        optimizer = super().optimizer()
        optimizer.add_param_group(
            {"params": list(self.extractor.parameters()), "initial_lr": self.config.learning_rate}
        )
        return optimizer
