"""Prototypical networks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from desire_edge.baselines.adaptation import Standardize
from desire_edge.training.config import Positive, Rate
from desire_edge.training.inner_loop import EpisodeBatch
from desire_edge.training.method import MetaTrained, OuterConfig


class ProtoNetConfig(OuterConfig):
    """Settings of ProtoNet.

    The embedding has one hidden layer of `hidden` units over frozen z (a trunk takes its place) and `dimension`
    outputs; `scale` is where the learned scale of the distances starts, a factor of 1/`dimension`.
    """

    hidden: Positive = 300
    dimension: Positive = 300
    scale: Rate = 10.0


class ProtoNet(MetaTrained):
    """Snell, Swersky, Zemel, "Prototypical Networks for Few-shot Learning", NeurIPS 2017, in a multi-label form.

    An embedding f is learned in which an example belongs to the class whose prototype, the mean of its support
    examples, is nearest in squared Euclidean distance. Here every label is a two-class task of its own: its positive
    prototype is the mean of the support examples that carry it, its negative prototype the mean of those that do not,
    and the softmax over the two is a sigmoid of the difference of the distances. A scale and a bias, learned, are
    shared by all labels; nothing is adapted by gradients.
    """

    CONFIG = ProtoNetConfig
    SEARCH = (
        {},
        {"scale": 3.0},
        {"scale": 30.0},
        {"dimension": 100},
        {"learning_rate": 3e-4},
        {"learning_rate": 3e-3},
    )

    def __init__(
        self, rows: Tensor, w_base: Tensor, config: ProtoNetConfig, trunk: Sequence[int] | None = None
    ) -> None:
        super().__init__(rows, w_base, config, trunk)
        self.config = config
        layers: list[nn.Module] = [Standardize(rows)]
        widths = [rows.shape[1], *(trunk or [config.hidden])]
        for fan_in, fan_out in pairwise(widths):
            layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
        self.embedding = nn.Sequential(*layers, nn.Linear(widths[-1], config.dimension))
        self.log_scale = nn.Parameter(torch.tensor(config.scale / config.dimension).log())
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, episodes: EpisodeBatch) -> list[Tensor]:
        """scale · (‖f(x) − c⁻‖² − ‖f(x) − c⁺‖²) + bias: one tensor [E, S+Q, N]."""
        s = episodes.support
        embedded = self.embedding(episodes.z)
        targets, mask = episodes.targets[:, :s], episodes.mask[:, :s]
        positive = prototypes(embedded[:, :s], mask * targets)
        negative = prototypes(embedded[:, :s], mask * (1 - targets))
        # The difference of the squared distances, in which ‖f(x)‖² cancels.
        closer = 2 * embedded @ (positive - negative).mT
        closer = closer + (negative.square().sum(-1) - positive.square().sum(-1))[:, None]
        return [self.log_scale.exp() * closer + self.bias]


def prototypes(embedded: Tensor, members: Tensor) -> Tensor:
    """Mean of the support rows `embedded` [E, S, k] that are `members` [E, S, N] of each label's class: [E, N, k].

    A class with no known member has the mean of the whole support for its prototype.
    """
    count = members.sum(dim=1)[..., None]
    mean = embedded.mean(dim=1, keepdim=True)
    return torch.where(count > 0, members.mT @ embedded / count.clamp(min=1), mean)
