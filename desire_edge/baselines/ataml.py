"""ATAML."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from desire_edge.baselines.adaptation import Standardize, Weights, adapt, copies
from desire_edge.training.config import Positive, Rate
from desire_edge.training.inner_loop import EpisodeBatch
from desire_edge.training.method import MetaTrained, OuterConfig


class AtamlConfig(OuterConfig):
    """Settings of ATAML: an example is represented by `slots` vectors of `width` units; and those of the inner loop.

    `test_steps` is the number of inner steps once trained.
    """

    slots: Positive = 8
    width: Positive = 100
    inner_steps: Positive = 3
    test_steps: Positive = 4
    step_size: Rate = 1


class Ataml(MetaTrained):
    """Jiang et al., "On the Importance of Attention in Meta-Learning for Few-Shot Text Classification", 2018.

    MAML whose weights are in two parts: a representation that all tasks share and the inner loop leaves alone, and an
    attention vector and classifiers, which each task adapts. Attention weighs the representation's vectors, the
    softmax of their products with the attention vector, and the weighted sum goes to the classifiers. Where the
    paper's vectors are those of a text's positions, here they are `slots` that one ReLU layer makes of the example's
    features.
    """

    CONFIG = AtamlConfig
    SEARCH = (
        {},
        {"step_size": 0.4},
        {"step_size": 2},
        {"inner_steps": 5},
        {"slots": 4, "width": 200},
        {"learning_rate": 3e-3},
    )

    def __init__(
        self, rows: Tensor, w_base: Tensor, config: AtamlConfig, trunk: Sequence[int] | None = None
    ) -> None:
        super().__init__(rows, w_base, config, trunk)
        self.config = config
        layers: list[nn.Module] = [Standardize(rows)]
        for fan_in, fan_out in pairwise([rows.shape[1], *(trunk or []), config.slots * config.width]):
            layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
        self.representation = nn.Sequential(*layers, nn.Unflatten(-1, (config.slots, config.width)))
        bound = 1 / math.sqrt(config.width)
        self.theta = nn.ParameterDict(
            {
                "attention": nn.Parameter(torch.empty(config.width, 1).uniform_(-bound, bound)),
                "head": nn.Parameter(torch.empty(config.width, 1).uniform_(-bound, bound)),
                "head_bias": nn.Parameter(torch.zeros(1, 1)),
            }
        )

    def forward(self, episodes: EpisodeBatch) -> list[Tensor]:
        """Attention and classifiers adapted as in MAML, over the shared slots; logits after each step."""
        steps = self.config.inner_steps if self.training else self.config.test_steps
        sizes = [dict.fromkeys(self.theta, self.config.step_size)] * steps
        slots = self.representation(episodes.z)
        return adapt(attentive_logits, copies(self.theta, episodes), slots, episodes, sizes)


def attentive_logits(weights: Weights, slots: Tensor) -> Tensor:
    """Σ_m softmax_m(h_m · a) h_m W + b: slots h [E, R, M, k] -> [E, R, N]."""
    a, head = weights["attention"][:, None], weights["head"]
    attention = torch.softmax(slots @ a, dim=2)  # [E, R, M, 1]
    return (attention * slots).sum(dim=2) @ head + weights["head_bias"]
