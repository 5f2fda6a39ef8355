"""MAML++."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from desire_edge.baselines.adaptation import Standardize, adapt, copies, label_logits, label_network
from desire_edge.baselines.step_sizes import LearnedStepSizes
from desire_edge.training.config import Fraction, Positive, Rate
from desire_edge.training.inner_loop import EpisodeBatch
from desire_edge.training.method import MetaTrained, OuterConfig, query_loss


class MamlPlusPlusConfig(OuterConfig):
    """Settings of MAML++.

    `hidden` is the width of the one hidden layer over frozen z; a trunk takes its place. `step_size` is where the
    learned step sizes start. Up to the share `multi_step_until` of meta-training all steps have a part in the loss,
    up to `first_order_until` inner gradients are taken as constants.
    """

    hidden: Positive = 300
    inner_steps: Positive = 5
    step_size: Rate = 0.06
    step_size_learning_rate: Rate = 1e-2
    multi_step_until: Fraction = 0.15
    first_order_until: Fraction = 0.3


class MamlPlusPlus(MetaTrained):
    """Antoniou, Edwards, Storkey, "How to Train Your MAML", ICLR 2019.

    MAML whose outer loss weighs the query losses after every step (evenly at first, at last the final one alone),
    which learns a step size for each layer at each step, starts with first-order gradients before it turns to
    second-order ones, and anneals the outer learning rate on a cosine. Its two changes to batch normalisation have
    nothing to apply to here. Step sizes are learned as logarithms; classifiers start as copies of one, as in MAML.
    """

    CONFIG = MamlPlusPlusConfig
    SEARCH = (
        {},
        {"step_size": 0.02},
        {"step_size": 0.2},
        {"inner_steps": 3},
        {"multi_step_until": 0.5},
        {"learning_rate": 3e-3},
    )

    def __init__(
        self, rows: Tensor, w_base: Tensor, config: MamlPlusPlusConfig, trunk: Sequence[int] | None = None
    ) -> None:
        super().__init__(rows, w_base, config, trunk)
        self.config = config
        self.standardize = Standardize(rows)
        hidden = trunk or [config.hidden]
        self.theta = label_network(rows.shape[1], hidden)
        layers = [(f"w{layer}", f"b{layer}") for layer in range(1, len(hidden) + 1)]
        layers.append(("head", "head_bias"))
        self.step_sizes = LearnedStepSizes(layers, config.inner_steps, config.step_size)

    def forward(self, episodes: EpisodeBatch) -> list[Tensor]:
        """θ'_l = θ_l − α_{l, step} ∂loss(support, θ)/∂θ_l for each layer l, repeated; logits after each step."""
        return self.adapted(episodes, second_order=True)

    def adapted(self, episodes: EpisodeBatch, *, second_order: bool) -> list[Tensor]:
        """`forward`, or its first-order form."""
        return adapt(
            label_logits,
            copies(self.theta, episodes),
            self.standardize(episodes.z),
            episodes,
            self.step_sizes(),
            second_order=second_order,
        )

    def optimizer(self) -> torch.optim.Optimizer:
        """Adam; the step sizes learn at a rate of their own."""
        return torch.optim.Adam(
            [
                {"params": list(self.theta.parameters()), "initial_lr": self.config.learning_rate},
                self.step_sizes.parameter_group(self.config.step_size_learning_rate),
            ]
        )

    def loss_weights(self, progress: float) -> list[float]:
        """The share of each step's query loss, steps 1 … T: 1/T each at first, then ever more on the last; sum 1."""
        steps, until = self.config.inner_steps, self.config.multi_step_until
        early = max(0.0, 1 - progress / until) / steps if until else 0.0
        return [early] * (steps - 1) + [1 - early * (steps - 1)]

    def outer_loss(self, episodes: EpisodeBatch, progress: float) -> Tensor:
        """Σ_step v_step · loss(query after that step), of the derivative order that `progress` asks for."""
        second_order = progress >= self.config.first_order_until
        after = self.adapted(episodes, second_order=second_order)[1:]
        losses = [
            weight * query_loss(logits, episodes)
            for weight, logits in zip(self.loss_weights(progress), after, strict=True)
            if weight
        ]
        return torch.stack(losses).sum()
