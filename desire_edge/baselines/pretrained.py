"""Fine-tuning on pre-trained features."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from desire_edge.baselines.adaptation import Standardize, adapt, label_logits
from desire_edge.training.config import Positive, Rate, Section
from desire_edge.training.inner_loop import EpisodeBatch
from desire_edge.training.method import Method, without_trunk


class PretrainedConfig(Section):
    """Settings of fine-tuning: `steps` of gradient descent of size `step_size`."""

    steps: Positive = 50
    step_size: Rate = 0.06


class Pretrained(Method):
    """The pre-trained baseline of Wang et al., AAAI 2021.

    Features are those of the extractor F as pre-training left it. A fresh linear head, one classifier a label
    starting at zero, is fine-tuned on the support set by plain gradient descent. Nothing is meta-learned.
    """

    CONFIG = PretrainedConfig
    SEARCH = (
        {},
        {"step_size": 0.02},
        {"step_size": 0.2},
        {"steps": 20},
        {"steps": 100},
        {"steps": 100, "step_size": 0.2},
    )

    def __init__(
        self, rows: Tensor, w_base: Tensor, config: PretrainedConfig, trunk: Sequence[int] | None = None
    ) -> None:
        without_trunk(self, trunk)
        super().__init__(rows, w_base, config)
        self.config = config
        self.standardize = Standardize(rows)

    def forward(self, episodes: EpisodeBatch) -> list[Tensor]:
        """z W + b after each step, from W = 0 and b = 0."""
        z, ways = self.standardize(episodes.z), episodes.targets.shape[-1]
        weights = {
            "head": z.new_zeros(len(z), z.shape[-1], ways, requires_grad=True),
            "head_bias": z.new_zeros(len(z), 1, ways, requires_grad=True),
        }
        sizes = [dict.fromkeys(weights, self.config.step_size)] * self.config.steps
        return adapt(label_logits, weights, z, episodes, sizes)
