"""DESIRE-Net without its inference mechanism."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from desire_edge.baselines.ablation import Ablation
from desire_edge.baselines.adaptation import Weights, adapt
from desire_edge.baselines.desire import DesireConfig
from desire_edge.training.config import MetaConfig, Rate
from desire_edge.training.inner_loop import EpisodeBatch


class NoInferenceConfig(DesireConfig):
    """DESIRE-Net's settings; step sizes start where they suit features that are not normalised."""

    step_size: Rate = 2e-4


class NoInference(Ablation):
    r"""DESIRE-Net\I (Wang et al., AAAI 2021): logits z A W_novel.

    Removed is the whole of Eq. (1)'s bracket: W_Z, the base labels' scores and W_I, with their norms and factors. In
    its place stands one matrix A [d, d] that starts at the identity, so that semantic features meet word vectors
    directly; it is meta-learned, and adapted by SGD on the support set. All else is as in DESIRE-Net.
    """

    CONFIG = NoInferenceConfig
    SEARCH = (
        {},
        {"step_size": 6e-5},
        {"step_size": 6e-4},
        {"inner_steps": 8},
        {"zero_shot_weight": 0.0},
        {"learning_rate": 3e-3},
    )

    def __init__(
        self, rows: Tensor, w_base: Tensor, config: MetaConfig, trunk: Sequence[int] | None = None
    ) -> None:
        super().__init__(rows, w_base, config, trunk, (("a",),))
        self.a = nn.Parameter(torch.eye(len(w_base), dtype=w_base.dtype))

    def forward(self, episodes: EpisodeBatch) -> list[Tensor]:
        """z A W_novel after each step."""

        def logits(weights: Weights, z: Tensor) -> Tensor:
            return z @ weights["a"]

        # A acts through A W_novel alone, which is as narrow as the labels are few.
        weights = {"a": self.a @ episodes.w_novel}
        metrics = {"a": episodes.w_novel.mT @ episodes.w_novel}
        return adapt(logits, weights, episodes.z, episodes, self.step_sizes(), metrics=metrics)
