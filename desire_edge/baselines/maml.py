"""MAML."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from desire_edge.baselines.adaptation import Standardize, adapt, copies, label_logits, label_network
from desire_edge.training.config import Positive, Rate
from desire_edge.training.inner_loop import EpisodeBatch
from desire_edge.training.method import MetaTrained, OuterConfig


class MamlConfig(OuterConfig):
    """Settings of MAML.

    `hidden` is the width of the one hidden layer over frozen z, as wide as DESIRE-Net's W_Z; a trunk takes its place.
    `test_steps` is the number of inner steps once trained.
    """

    hidden: Positive = 300
    inner_steps: Positive = 3
    test_steps: Positive = 5
    step_size: Rate = 0.06


class Maml(MetaTrained):
    """Finn, Abbeel, Levine, "Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks", ICML 2017.

    An initialisation θ is learned from which a few steps of SGD with one fixed step size, on the support set's loss
    and over all weights, give a network that does well on the query set. The outer loop differentiates the query loss
    after the last step through those steps, second order included. The classifiers of an episode's labels are copies
    of one learned weight vector and bias, so the network is a set of binary classifiers that labels may enter in any
    order.
    """

    CONFIG = MamlConfig
    SEARCH = (
        {},
        {"step_size": 0.02},
        {"step_size": 0.2},
        {"inner_steps": 1, "test_steps": 3},
        {"inner_steps": 5},
        {"learning_rate": 3e-3},
    )

    def __init__(
        self, rows: Tensor, w_base: Tensor, config: MamlConfig, trunk: Sequence[int] | None = None
    ) -> None:
        super().__init__(rows, w_base, config, trunk)
        self.config = config
        self.standardize = Standardize(rows)
        self.theta = label_network(rows.shape[1], trunk or [config.hidden])

    def forward(self, episodes: EpisodeBatch) -> list[Tensor]:
        """θ' = θ − α ∂loss(support, θ)/∂θ, repeated; logits [E, S+Q, N] after each step."""
        steps = self.config.inner_steps if self.training else self.config.test_steps
        sizes = [dict.fromkeys(self.theta, self.config.step_size)] * steps
        return adapt(
            label_logits, copies(self.theta, episodes), self.standardize(episodes.z), episodes, sizes
        )
