"""What meta-training learns of the paper's head: θ = {W_Z, W_I, γ1, γ2} and the inner loop's step sizes, F frozen.

Second-order MAML (Finn et al. 2017) as DESIRE-Net uses it, with learned step sizes (one a tensor a step, as in MAML++,
Antoniou et al. 2019). Every batch plays some base labels as novel.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from desire_edge import _core
from desire_edge.models import SemanticInference
from desire_edge.training.config import MetaConfig
from desire_edge.training.inner_loop import EpisodeBatch, best_steps, inner_loop

FEATURES = _core.THRESHOLD_WEIGHTS
"""How many figures of its support a label's threshold is made of."""


class Learner(nn.Module, ABC):
    """A head that learns labels from episodes.

    `threshold_weights` [FEATURES] are learned after it (`training.thresholds`); zeros stand for a probability of 0.5.
    """

    threshold_weights: Tensor

    @abstractmethod
    def forward(self, episodes: EpisodeBatch) -> list[Tensor]:
        """Logits of all rows [E, S+Q, N] by name alone, then with the examples, step by step if it takes steps."""

    @abstractmethod
    def kept(self, episodes: EpisodeBatch, logits: list[Tensor]) -> list[int]:
        """For each episode which of `logits`, as `forward` gives them, a device goes by."""


class MetaLearner(Learner):
    """What meta-training learns: the inference head and the inner loop's step sizes [T, 5], kept as logarithms."""

    def __init__(self, w_base: Tensor, config: MetaConfig) -> None:
        super().__init__()
        self.head = SemanticInference(w_base, config.hidden)
        self.log_step_sizes = nn.Parameter(
            torch.full((config.inner_steps, 5), math.log(config.step_size)),
            requires_grad=config.learn_step_sizes,
        )
        self.register_buffer("threshold_weights", torch.zeros(FEATURES))

    @property
    def step_sizes(self) -> Tensor:
        """[T, 5], positive."""
        return self.log_step_sizes.exp()

    def forward(self, episodes: EpisodeBatch) -> list[Tensor]:
        """Logits of all rows after 0 … T steps."""
        return inner_loop(self.head, episodes, self.step_sizes)

    def kept(self, episodes: EpisodeBatch, logits: list[Tensor]) -> list[int]:
        """The step with the lowest support loss."""
        return best_steps(episodes, logits)

    def optimizer(self, config: MetaConfig) -> torch.optim.Optimizer:
        """Adam for the outer loop; `initial_lr` is what the schedule scales."""
        return torch.optim.Adam(
            [
                {"params": list(self.head.parameters()), "initial_lr": config.learning_rate},
                {"params": [self.log_step_sizes], "initial_lr": config.step_size_learning_rate},
            ]
        )
