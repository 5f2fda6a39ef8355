"""DESIRE-Net without its l2 normalisations."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from desire_edge.baselines.ablation import Ablation
from desire_edge.baselines.adaptation import Weights, adapt
from desire_edge.baselines.desire import DesireConfig
from desire_edge.models import SemanticInference
from desire_edge.training.config import MetaConfig, Rate
from desire_edge.training.inner_loop import EpisodeBatch


class NoL2Config(DesireConfig):
    """DESIRE-Net's settings; step sizes start where they suit lengths that no norm bounds."""

    step_size: Rate = 0.02


class NoL2(Ablation):
    r"""DESIRE-Net\l2 (Wang et al., AAAI 2021): Eq. (1) without both l2 normalisations.

    Removed is the division of W_Z(z) and of z W_base by the example's own norm. In its place stands one constant
    each, the mean norm over the training rows at the start, so that the start and the step sizes keep DESIRE-Net's
    scale; being constant it could as well be part of W_2 and W_I. All else is as in DESIRE-Net.
    """

    CONFIG = NoL2Config
    SEARCH = (
        {},
        {"step_size": 6e-3},
        {"step_size": 0.06},
        {"inner_steps": 8},
        {"zero_shot_weight": 0.0},
        {"learning_rate": 3e-3},
    )

    known_scale: Tensor
    base_scale: Tensor

    def __init__(
        self, rows: Tensor, w_base: Tensor, config: MetaConfig, trunk: Sequence[int] | None = None
    ) -> None:
        groups = (("w1", "b1"), ("w2", "b2"), ("w_i",), ("gamma1",), ("gamma2",))
        super().__init__(rows, w_base, config, trunk, groups)
        self.head = SemanticInference(w_base, config.hidden)
        with torch.no_grad():
            self.register_buffer("known_scale", self.head.transform(rows).norm(dim=-1).mean())
            self.register_buffer("base_scale", (rows @ w_base).norm(dim=-1).mean())

    def forward(self, episodes: EpisodeBatch) -> list[Tensor]:
        """I(z) = (γ1 W_Z(z)/c1 + γ2 (z W_base)/c2 W_I) W_novel after each step; c1, c2 constant."""
        base = episodes.z @ self.head.w_base
        if episodes.base_mask is not None:
            base = base * episodes.base_mask[:, None]
        rows = torch.cat([episodes.z, base], dim=-1)
        # W_2, b_2 and W_I act through their products with W_novel alone, which are as narrow as the labels are few.
        products = {
            "w2": self.head.w2 @ episodes.w_novel,
            "b2": (self.head.b2 @ episodes.w_novel)[:, None],
            "w_i": self.head.w_i @ episodes.w_novel,
        }
        weights = {
            name: products[name]
            if name in products
            else weight.expand(len(rows), *(weight.shape if weight.dim() == 2 else (1, weight.numel())))
            for name, weight in self.head.named_parameters()
        }
        metrics = dict.fromkeys(products, episodes.w_novel.mT @ episodes.w_novel)
        dimension = episodes.z.shape[-1]

        def logits(w: Weights, rows: Tensor) -> Tensor:
            hidden = torch.relu(rows[..., :dimension] @ w["w1"] + w["b1"])
            known = hidden @ w["w2"] + w["b2"]
            inferred = rows[..., dimension:] @ w["w_i"]
            return w["gamma1"] * known / self.known_scale + w["gamma2"] * inferred / self.base_scale

        return adapt(logits, weights, rows, episodes, self.step_sizes(), metrics=metrics)
